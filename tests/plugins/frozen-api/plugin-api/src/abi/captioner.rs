//! `captioner/1`.

use super::{Failure, HostCallbacks, NamedInterface};
use abi_stable::StableAbi;
use abi_stable::sabi_trait;
use abi_stable::std_types::{RBox, RResult, RSlice, RStr, RString, RVec};

/// An RGB image of 8 bits a channel and the seed of its item.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct ImageRef<'a> {
    pub width: u32,
    pub height: u32,
    pub rgb: RSlice<'a, u8>,
    pub seed: u64,
}

/// A caption: its text, new token ids, and whether the end token was reached.
#[repr(C)]
#[derive(Debug, Clone, StableAbi)]
pub struct CaptionOut {
    pub text: RString,
    pub token_ids: RVec<u32>,
    pub ended: bool,
}

/// A loaded captioner. Batches live on the plugin's side and are named by numbers.
#[sabi_trait]
pub trait CaptionerObject: Send + Sync {
    /// A `CaptionerDescription` as JSON.
    fn describe(&self) -> RResult<RString, Failure>;
    fn prepare(&self, images: RSlice<'_, ImageRef<'_>>) -> RResult<u64, Failure>;
    /// Captions a prepared batch and drops it.
    fn generate(&self, batch: u64) -> RResult<RVec<CaptionOut>, Failure>;
    /// Drops a prepared batch that will not be captioned.
    #[sabi(last_prefix_field)]
    fn discard(&self, batch: u64);
}

pub type CaptionerBox = CaptionerObject_TO<'static, RBox<()>>;

/// Makes captioners.
#[repr(C)]
#[derive(StableAbi)]
pub struct CaptionerInterface {
    /// Component name, the configuration as JSON, the host.
    pub create: extern "C" fn(RStr<'_>, RStr<'_>, HostCallbacks) -> RResult<CaptionerBox, Failure>,
}

impl NamedInterface for CaptionerInterface {
    const NAME: &'static str = "captioner/1";
}
