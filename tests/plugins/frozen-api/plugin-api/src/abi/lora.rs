//! `lora-strategy/1`.

use super::{Failure, HostCallbacks, NamedInterface};
use abi_stable::StableAbi;
use abi_stable::sabi_trait;
use abi_stable::std_types::{RBox, RResult, RStr, RString};

/// A strategy: a list of `LinearLayer` as JSON in, a list of `LoraTarget` as JSON out. It is asked once a training.
#[sabi_trait]
pub trait LoraStrategyObject: Send + Sync {
    #[sabi(last_prefix_field)]
    fn targets(&self, layers: RStr<'_>) -> RResult<RString, Failure>;
}

pub type LoraStrategyBox = LoraStrategyObject_TO<'static, RBox<()>>;

/// Makes LoRA strategies.
#[repr(C)]
#[derive(StableAbi)]
pub struct LoraStrategyInterface {
    /// Component name, the settings as JSON, the host.
    pub create: extern "C" fn(RStr<'_>, RStr<'_>, HostCallbacks) -> RResult<LoraStrategyBox, Failure>,
}

impl NamedInterface for LoraStrategyInterface {
    const NAME: &'static str = "lora-strategy/1";
}
