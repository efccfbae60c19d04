//! `dataset/1`.

use super::{Failure, HostCallbacks, NamedInterface};
use abi_stable::StableAbi;
use abi_stable::sabi_trait;
use abi_stable::std_types::{RBox, ROption, RResult, RStr, RString, RVec, Tuple2};

/// An item of a catalogue; see `sdk::Item`.
#[repr(C)]
#[derive(Debug, Clone, StableAbi)]
pub struct ItemOut {
    pub id: RString,
    pub product: RString,
    pub split: ROption<RString>,
    pub references: RVec<RString>,
    pub category: ROption<RString>,
    pub metadata: RVec<Tuple2<RString, RString>>,
    pub image: RString,
}

/// A record that is no item; see `sdk::ItemError`.
#[repr(C)]
#[derive(Debug, Clone, StableAbi)]
pub struct ItemErrorOut {
    pub id: RString,
    pub message: RString,
}

/// Where pixels are; see `sdk::ImageSource`.
#[repr(C)]
#[derive(Debug, Clone, StableAbi)]
pub enum ImageOut {
    File(RString),
    Encoded(RVec<u8>),
    Rgb8 { width: u32, height: u32, pixels: RVec<u8> },
}

/// The host's end of a scan.
#[sabi_trait]
pub trait ItemSink {
    /// Takes a record; false stops the scan.
    #[sabi(last_prefix_field)]
    fn take(&mut self, record: RResult<ItemOut, ItemErrorOut>) -> bool;
}

pub type ItemSinkMut<'a> = ItemSink_TO<'a, RBox<()>>;

/// An opened dataset.
#[sabi_trait]
pub trait DatasetObject: Send + Sync {
    fn read(&self, sink: ItemSinkMut<'_>) -> RResult<(), Failure>;
    #[sabi(last_prefix_field)]
    fn image(&self, locator: RStr<'_>) -> RResult<ImageOut, Failure>;
}

pub type DatasetBox = DatasetObject_TO<'static, RBox<()>>;

/// Opens datasets.
#[repr(C)]
#[derive(StableAbi)]
pub struct DatasetInterface {
    /// Component name, the configuration as JSON, the host.
    pub create: extern "C" fn(RStr<'_>, RStr<'_>, HostCallbacks) -> RResult<DatasetBox, Failure>,
}

impl NamedInterface for DatasetInterface {
    const NAME: &'static str = "dataset/1";
}
