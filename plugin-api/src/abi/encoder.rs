//! `encoder/1`.

use super::{Failure, HostCallbacks, NamedInterface};
use abi_stable::StableAbi;
use abi_stable::sabi_trait;
use abi_stable::std_types::{RBox, RResult, RSlice, RStr, RString, RVec};

/// An RGB image of 8 bits a channel.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct PixelsRef<'a> {
    pub width: u32,
    pub height: u32,
    pub rgb: RSlice<'a, u8>,
}

/// A prepared batch: its number, and which of its texts were cut to the model's length.
#[repr(C)]
#[derive(Debug, Clone, StableAbi)]
pub struct PreparedInputsOut {
    pub batch: u64,
    pub truncated: RVec<u64>,
}

/// A loaded encoder. Batches live on the plugin's side and are named by numbers.
#[sabi_trait]
pub trait EncoderObject: Send + Sync {
    /// An `EncoderDescription` as JSON.
    fn describe(&self) -> RResult<RString, Failure>;
    fn prepare_images(&self, images: RSlice<'_, PixelsRef<'_>>) -> RResult<PreparedInputsOut, Failure>;
    fn prepare_texts(&self, texts: RSlice<'_, RStr<'_>>) -> RResult<PreparedInputsOut, Failure>;
    /// Embeds a prepared batch in the space of that name and drops it: a row an input, row after row.
    fn embed(&self, batch: u64, space: RStr<'_>) -> RResult<RVec<f32>, Failure>;
    /// Drops a prepared batch that will not be embedded.
    #[sabi(last_prefix_field)]
    fn discard(&self, batch: u64);
}

pub type EncoderBox = EncoderObject_TO<'static, RBox<()>>;

/// Makes encoders.
#[repr(C)]
#[derive(StableAbi)]
pub struct EncoderInterface {
    /// Component name, the configuration as JSON, the host.
    pub create: extern "C" fn(RStr<'_>, RStr<'_>, HostCallbacks) -> RResult<EncoderBox, Failure>,
}

impl NamedInterface for EncoderInterface {
    const NAME: &'static str = "encoder/1";
}
