//! `weights/1` and `bench/1`: what a model needs and how fast it is, asked of the plugin that would load it.

use super::{Failure, HostCallbacks, NamedInterface};
use abi_stable::StableAbi;
use abi_stable::std_types::{RResult, RStr, RString};

/// Tells what a model needs without loading it.
#[repr(C)]
#[derive(StableAbi)]
pub struct WeightsInterface {
    /// Captioner's name, a `ModelSource` as JSON, the host; a `WeightsReport` as JSON.
    pub inspect: extern "C" fn(RStr<'_>, RStr<'_>, HostCallbacks) -> RResult<RString, Failure>,
}

impl NamedInterface for WeightsInterface {
    const NAME: &'static str = "weights/1";
}

/// Measures a model.
#[repr(C)]
#[derive(StableAbi)]
pub struct BenchInterface {
    /// Captioner's name, a `BenchRequest` as JSON, the host; a `BenchReport` as JSON.
    pub run: extern "C" fn(RStr<'_>, RStr<'_>, HostCallbacks) -> RResult<RString, Failure>,
}

impl NamedInterface for BenchInterface {
    const NAME: &'static str = "bench/1";
}
