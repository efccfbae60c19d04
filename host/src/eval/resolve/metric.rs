//! What scoring needs to make metrics, and which of them `all` leaves out.

use super::{Skipped, json_settings};
use crate::error::Result;
use crate::loader::Library;
use crate::registry::{Lock, Registry};
use crate::score::assets_dir;
use crate::worker::{ComponentSpec, ScoreMetric};
use plugin_api::abi::messages::MetricMessage;

/// What a worker needs to make the metrics of these names. `all` leaves out those whose plugin lacks an asset, and those that read a
/// prepared dataset where one of the datasets at hand, `unprepared`, is none.
pub fn metric_specs(
    registry: &Registry,
    lock: &Lock,
    names: &[String],
    unprepared: Option<&str>,
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<ScoreMetric>> {
    let mut specs = Vec::new();
    let assets = assets_dir();
    for (family, values) in registry.metric_families(names)? {
        let entry = &registry.metrics()[&family];
        let named = names.contains(&family) || !values.is_empty();
        if !named && let Some(asset) = lock.missing_assets(&entry.plugin, assets.as_deref()).next() {
            let get = format!("host assets add {}", asset.name);
            skipped.push(Skipped { name: family, lacks: "data", get });
            continue;
        }
        if !named
            && entry.prepared
            && let Some(dataset) = unprepared
        {
            let get = format!("host prepare {dataset}");
            skipped.push(Skipped { name: family, lacks: "prepared dataset", get });
            continue;
        }
        let values = if values.is_empty() { entry.values.clone() } else { values };
        let library = Library::locked(registry, lock, &entry.plugin)?;
        let version = lock.plugin(&entry.plugin).map(|locked| locked.version.clone()).unwrap_or_default();
        let message =
            MetricMessage { dataset: None, assets: assets.clone(), settings: json_settings(&entry.settings)? };
        let spec = ComponentSpec { library, component: entry.component.clone(), entry: family, message };
        specs.push(ScoreMetric { spec, values, version });
    }
    Ok(specs)
}
