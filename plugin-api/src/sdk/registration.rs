//! How a plugin says what it holds: one registration a component, one `export_plugin!()` a library.

use super::RecommenderConfig;
use super::{BenchReport, BenchRequest, ModelSource, WeightsReport};
use super::{
    CaptionerConfig, DatasetConfig, EncoderConfig, Host, MergeConfig, MetricConfig, Result, Settings, TrainerConfig,
};
use crate::abi::RecommenderBox;
use crate::abi::{CaptionerBox, DatasetBox, EncoderBox, LoraStrategyBox, MetricBox, TrainerBox};
use std::path::Path;

/// A registered captioner; made by [`register_captioner!`](crate::register_captioner).
pub struct CaptionerEntry {
    pub name: &'static str,
    pub summary: &'static str,
    /// The `model_type`s of `config.json` that it loads.
    pub model_types: &'static [&'static str],
    pub create: fn(&CaptionerConfig) -> Result<CaptionerBox>,
}

/// A registered encoder; made by [`register_encoder!`](crate::register_encoder).
pub struct EncoderEntry {
    pub name: &'static str,
    pub summary: &'static str,
    /// The `model_type`s of `config.json` that it loads.
    pub model_types: &'static [&'static str],
    pub create: fn(&EncoderConfig) -> Result<EncoderBox>,
}

/// A registered metric; made by [`register_metric!`](crate::register_metric).
pub struct MetricEntry {
    pub name: &'static str,
    pub summary: &'static str,
    pub create: fn(&MetricConfig) -> Result<MetricBox>,
}

/// A registered dataset; made by [`register_dataset!`](crate::register_dataset).
pub struct DatasetEntry {
    pub name: &'static str,
    pub summary: &'static str,
    pub create: fn(&DatasetConfig) -> Result<DatasetBox>,
}

/// A registered LoRA strategy; made by [`register_lora_strategy!`](crate::register_lora_strategy).
pub struct LoraStrategyEntry {
    pub name: &'static str,
    pub summary: &'static str,
    pub create: fn(&Settings) -> Result<LoraStrategyBox>,
}

/// A registered recommender; made by [`register_recommender!`](crate::register_recommender).
pub struct RecommenderEntry {
    pub name: &'static str,
    pub summary: &'static str,
    pub create: fn(&RecommenderConfig) -> Result<RecommenderBox>,
}

/// A registered trainer; made by [`register_trainer!`](crate::register_trainer).
pub struct TrainerEntry {
    /// The name of the captioner that it trains.
    pub name: &'static str,
    pub summary: &'static str,
    pub create: fn(&TrainerConfig) -> Result<TrainerBox>,
    /// Writes a checkpoint with an adapter merged into it; returns a sentence about what was written.
    pub merge: fn(&MergeConfig) -> Result<String>,
}

/// The library's own name and version; made by [`export_plugin!`](crate::export_plugin).
pub struct PackageEntry {
    pub name: &'static str,
    pub version: &'static str,
}

/// A registered asset; made by [`register_asset!`](crate::register_asset).
pub struct AssetEntry {
    pub name: &'static str,
    pub summary: &'static str,
    /// The Python package that carries it, as pip takes it (`name==version`); empty if it comes from elsewhere.
    pub python_package: &'static str,
    /// The installed file's name in the folder of assets: its presence tells that the asset is there.
    pub file: &'static str,
    /// Installs from a file (the package's wheel, or the data file itself) into the folder of assets. Returns a sentence about what
    /// was installed. A file of another kind is a `Data` error.
    pub install: fn(&Path, &Path, Host) -> Result<String>,
}

/// How a captioner tells what a model needs; made by [`register_weights!`](crate::register_weights).
pub struct WeightsEntry {
    /// The captioner's name.
    pub name: &'static str,
    pub inspect: fn(&ModelSource, Host) -> Result<WeightsReport>,
}

/// How a captioner is measured; made by [`register_bench!`](crate::register_bench).
pub struct BenchEntry {
    /// The captioner's name.
    pub name: &'static str,
    pub run: fn(&BenchRequest, Host) -> Result<BenchReport>,
}

inventory::collect!(WeightsEntry);
inventory::collect!(BenchEntry);
inventory::collect!(AssetEntry);
inventory::collect!(PackageEntry);
inventory::collect!(CaptionerEntry);
inventory::collect!(EncoderEntry);
inventory::collect!(MetricEntry);
inventory::collect!(DatasetEntry);
inventory::collect!(LoraStrategyEntry);
inventory::collect!(RecommenderEntry);
inventory::collect!(TrainerEntry);

/// Registers a captioner: name, one line of summary, `model_type`s, and a function `fn(&CaptionerConfig) -> Result<impl Captioner>`.
#[macro_export]
macro_rules! register_captioner {
    ($name:expr, $summary:expr, $model_types:expr, $create:expr) => {
        $crate::__private::inventory::submit! {
            $crate::CaptionerEntry {
                name: $name,
                summary: $summary,
                model_types: $model_types,
                create: |config| ($create)(config).map($crate::__private::captioner),
            }
        }
    };
}

/// Registers an encoder: name, one line of summary, `model_type`s, and a function `fn(&EncoderConfig) -> Result<impl Encoder>`.
#[macro_export]
macro_rules! register_encoder {
    ($name:expr, $summary:expr, $model_types:expr, $create:expr) => {
        $crate::__private::inventory::submit! {
            $crate::EncoderEntry {
                name: $name,
                summary: $summary,
                model_types: $model_types,
                create: |config| ($create)(config).map($crate::__private::encoder),
            }
        }
    };
}

/// Registers a metric: name, one line of summary, and a function `fn(&MetricConfig) -> Result<impl Metric>`.
#[macro_export]
macro_rules! register_metric {
    ($name:expr, $summary:expr, $create:expr) => {
        $crate::__private::inventory::submit! {
            $crate::MetricEntry { name: $name, summary: $summary, create: |config| ($create)(config).map($crate::__private::metric) }
        }
    };
}

/// Registers a dataset: name, one line of summary, and a function `fn(&DatasetConfig) -> Result<impl Dataset>`.
#[macro_export]
macro_rules! register_dataset {
    ($name:expr, $summary:expr, $create:expr) => {
        $crate::__private::inventory::submit! {
            $crate::DatasetEntry { name: $name, summary: $summary, create: |config| ($create)(config).map($crate::__private::dataset) }
        }
    };
}

/// Registers a LoRA strategy: name, one line of summary, and a function `fn(&Settings) -> Result<impl LoraStrategy>`.
#[macro_export]
macro_rules! register_lora_strategy {
    ($name:expr, $summary:expr, $create:expr) => {
        $crate::__private::inventory::submit! {
            $crate::LoraStrategyEntry {
                name: $name,
                summary: $summary,
                create: |settings| ($create)(settings).map($crate::__private::lora_strategy),
            }
        }
    };
}

/// Registers a recommender: name, one line of summary, and a function `fn(&RecommenderConfig) -> Result<impl Recommender>`.
#[macro_export]
macro_rules! register_recommender {
    ($name:expr, $summary:expr, $create:expr) => {
        $crate::__private::inventory::submit! {
            $crate::RecommenderEntry {
                name: $name,
                summary: $summary,
                create: |config| ($create)(config).map($crate::__private::recommender),
            }
        }
    };
}

/// Registers the trainer of a captioner: the captioner's name, one line of summary, a function `fn(&TrainerConfig) -> Result<impl Trainer>`, and a
/// function `fn(&MergeConfig) -> Result<String>` that writes a checkpoint with an adapter merged into it.
#[macro_export]
macro_rules! register_trainer {
    ($name:expr, $summary:expr, $create:expr, $merge:expr) => {
        $crate::__private::inventory::submit! {
            $crate::TrainerEntry {
                name: $name,
                summary: $summary,
                create: |config| ($create)(config).map($crate::__private::trainer),
                merge: $merge,
            }
        }
    };
}

/// Registers an asset, a data file that the plugin needs and does not carry: name, one line of summary, the Python package that has it
/// (or ""), the installed file's name, and a function `fn(file: &Path, folder: &Path, host: Host) -> Result<String>`.
#[macro_export]
macro_rules! register_asset {
    ($name:expr, $summary:expr, $python_package:expr, $file:expr, $install:expr) => {
        $crate::__private::inventory::submit! {
            $crate::AssetEntry {
                name: $name,
                summary: $summary,
                python_package: $python_package,
                file: $file,
                install: $install,
            }
        }
    };
}

/// Beside a captioner's registration: its name and a function `fn(&ModelSource, Host) -> Result<WeightsReport>` that tells what a model
/// needs without loading it. Optional: `host models check` and `--batch-size auto` ask for it.
#[macro_export]
macro_rules! register_weights {
    ($name:expr, $inspect:expr) => {
        $crate::__private::inventory::submit! { $crate::WeightsEntry { name: $name, inspect: $inspect } }
    };
}

/// Beside a captioner's registration: its name and a function `fn(&BenchRequest, Host) -> Result<BenchReport>` that measures it.
/// Optional: `host bench` asks for it.
#[macro_export]
macro_rules! register_bench {
    ($name:expr, $run:expr) => {
        $crate::__private::inventory::submit! { $crate::BenchEntry { name: $name, run: $run } }
    };
}

/// Makes the library a plugin: emits its one root module. Once a crate, beside the registrations.
#[macro_export]
macro_rules! export_plugin {
    () => {
        // What `#[abi_stable::export_root_module]` would emit, with paths that need no abi_stable in the author's Cargo.toml.
        const _: () = {
            use $crate::__private::abi_stable::library;

            extern "C" fn root_module() -> library::RootModuleResult {
                library::__call_root_module_loader($crate::__private::export)
            }

            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            static HEADER: library::LibHeader = unsafe {
                library::LibHeader::from_constructor::<$crate::abi::PluginRootRef>(
                    root_module,
                    library::CheckTypeLayout::Yes,
                )
            };
        };

        $crate::__private::inventory::submit! {
            $crate::PackageEntry { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") }
        }
    };
}
