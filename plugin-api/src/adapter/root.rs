//! The root module, put together from what the library registered with `inventory`.

use super::{asset, captioner, dataset, encoder, lora, metric, recommender, trainer, weights};
use crate::abi::RecommenderInterface;
use crate::abi::{
    API_VERSION, AssetInterface, CaptionerInterface, ComponentInfo, DatasetInterface, EncoderInterface, Interface,
    LoraStrategyInterface, MetricInterface, NamedInterface, Package, PluginRoot, PluginRootRef, TrainerInterface,
};
use crate::abi::{BenchInterface, WeightsInterface};
use crate::sdk::RecommenderEntry;
use crate::sdk::{
    AssetEntry, CaptionerEntry, DatasetEntry, EncoderEntry, LoraStrategyEntry, MetricEntry, PackageEntry, TrainerEntry,
};
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::std_types::{ROption, RStr, RVec};

/// What `export_plugin!` exports.
pub fn export() -> PluginRootRef {
    PluginRoot { package, components, interface }.leak_into_prefix()
}

extern "C" fn package() -> Package {
    let (name, version) =
        inventory::iter::<PackageEntry>().next().map_or(("?", "?"), |entry| (entry.name, entry.version));
    Package { name: name.into(), version: version.into(), api_version: API_VERSION.into() }
}

extern "C" fn components() -> RVec<ComponentInfo> {
    let mut all: Vec<ComponentInfo> = Vec::new();
    for entry in inventory::iter::<CaptionerEntry>() {
        let detail = serde_json::json!({ "model_types": entry.model_types });
        all.push(component("captioner", entry.name, entry.summary, detail.to_string()));
    }
    for entry in inventory::iter::<EncoderEntry>() {
        let detail = serde_json::json!({ "model_types": entry.model_types });
        all.push(component("encoder", entry.name, entry.summary, detail.to_string()));
    }
    for entry in inventory::iter::<MetricEntry>() {
        all.push(component("metric", entry.name, entry.summary, "{}".to_owned()));
    }
    for entry in inventory::iter::<DatasetEntry>() {
        all.push(component("dataset", entry.name, entry.summary, "{}".to_owned()));
    }
    for entry in inventory::iter::<LoraStrategyEntry>() {
        all.push(component("lora-strategy", entry.name, entry.summary, "{}".to_owned()));
    }
    for entry in inventory::iter::<RecommenderEntry>() {
        all.push(component("recommender", entry.name, entry.summary, "{}".to_owned()));
    }
    for entry in inventory::iter::<TrainerEntry>() {
        all.push(component("trainer", entry.name, entry.summary, "{}".to_owned()));
    }
    for entry in inventory::iter::<AssetEntry>() {
        let detail = serde_json::json!({ "python_package": entry.python_package, "file": entry.file });
        all.push(component("asset", entry.name, entry.summary, detail.to_string()));
    }
    // The order of registration is the linker's; people and locks want one that stays.
    all.sort_by(|a, b| (&a.kind, &a.name).cmp(&(&b.kind, &b.name)));
    all.into()
}

fn component(kind: &str, name: &str, summary: &str, detail: String) -> ComponentInfo {
    ComponentInfo { kind: kind.into(), name: name.into(), summary: summary.into(), detail: detail.into() }
}

extern "C" fn interface(name: RStr<'_>) -> ROption<Interface> {
    ROption::RSome(match name.as_str() {
        AssetInterface::NAME => Interface::new(&asset::INTERFACE),
        CaptionerInterface::NAME => Interface::new(&captioner::INTERFACE),
        EncoderInterface::NAME => Interface::new(&encoder::INTERFACE),
        MetricInterface::NAME => Interface::new(&metric::INTERFACE),
        DatasetInterface::NAME => Interface::new(&dataset::INTERFACE),
        LoraStrategyInterface::NAME => Interface::new(&lora::INTERFACE),
        RecommenderInterface::NAME => Interface::new(&recommender::INTERFACE),
        TrainerInterface::NAME => Interface::new(&trainer::INTERFACE),
        WeightsInterface::NAME => Interface::new(&weights::WEIGHTS),
        BenchInterface::NAME => Interface::new(&weights::BENCH),
        _ => return ROption::RNone,
    })
}
