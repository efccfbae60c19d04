//! `LoraStrategy` behind `lora-strategy/1`.

use super::guard::{find, from_json, guarded, to_json};
use crate::abi::{
    Failure, HostCallbacks, LoraStrategyBox, LoraStrategyInterface, LoraStrategyObject, LoraStrategyObject_TO,
};
use crate::sdk::{LinearLayer, LoraStrategy, LoraStrategyEntry, Settings};
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RResult, RStr, RString};

struct Adapter<S>(S);

/// Makes the object that crosses the border.
pub fn lora_strategy<S: LoraStrategy>(strategy: S) -> LoraStrategyBox {
    LoraStrategyObject_TO::from_value(Adapter(strategy), TD_Opaque)
}

impl<S: LoraStrategy> LoraStrategyObject for Adapter<S> {
    fn targets(&self, layers: RStr<'_>) -> RResult<RString, Failure> {
        guarded(|| {
            let layers: Vec<LinearLayer> = from_json(layers.as_str())?;
            to_json(&self.0.targets(&layers)?).map(RString::from)
        })
    }
}

extern "C" fn create(name: RStr<'_>, settings: RStr<'_>, _host: HostCallbacks) -> RResult<LoraStrategyBox, Failure> {
    guarded(|| {
        let entry = find("LoRA strategy", name.as_str(), inventory::iter::<LoraStrategyEntry>(), |entry| entry.name)?;
        (entry.create)(&Settings::of_training(from_json(settings.as_str())?))
    })
}

pub static INTERFACE: LoraStrategyInterface = LoraStrategyInterface { create };
