//! `assets/1`: data files that a plugin needs and does not carry.

use super::{Failure, HostCallbacks, NamedInterface};
use abi_stable::StableAbi;
use abi_stable::std_types::{RResult, RStr, RString};

/// Installs assets.
#[repr(C)]
#[derive(StableAbi)]
pub struct AssetInterface {
    /// Asset name, source file, folder of assets, the host. Returns a sentence about what was installed.
    pub install: extern "C" fn(RStr<'_>, RStr<'_>, RStr<'_>, HostCallbacks) -> RResult<RString, Failure>,
}

impl NamedInterface for AssetInterface {
    const NAME: &'static str = "assets/1";
}
