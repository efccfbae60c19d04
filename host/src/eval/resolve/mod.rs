//! From names and flags to a plan: which models with which weights, datasets, metrics and plugins. Opens no library. What a worker needs
//! for one of them is in the module of its kind.

mod captioner;
mod dataset;
mod generation;
mod metric;

pub use captioner::{captioner_of_model, captioner_of_weights, planned_model};
pub use dataset::{dataset_entry_splits, dataset_spec, prepared, prepared_folder, prepared_spec};
pub use generation::{check_generation, overridden};
pub use metric::metric_specs;

use super::Jobs;
use crate::catalogue::check_split;
use crate::error::{Error, Result};
use crate::prepare::{Prepared, prepared_digest};
use crate::registry::{Lock, Registry, Weights};
use crate::run::{Environment, Plan, PlannedDataset, PlannedMetric, PlannedModel, PlannedPlugin, Shard};
use crate::worker::{ComponentSpec, Limits, ScoreMetric};
use captioner::captioner_spec;
use plugin_api::abi::messages::{CaptionerMessage, DatasetMessage};
use plugin_api::{Device, Generation};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A batch size that stands for "as many as fit".
pub const AUTOMATIC_BATCH: usize = 0;

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Names, or `all`.
    pub models: Vec<String>,
    pub datasets: Vec<String>,
    pub metrics: Vec<String>,
    pub split: String,
    pub limit: Option<usize>,
    /// Items without a description are captioned too; no score counts them.
    pub undescribed: bool,
    pub run: Option<PathBuf>,
    pub device: Device,
    /// Images in a batch; [`AUTOMATIC_BATCH`]: as many as fit, for each model.
    pub batch_size: usize,
    pub jobs: Jobs,
    pub shard: Shard,
    pub threads: usize,
    pub seed: u64,
    pub generation: Generation,
    pub limits: Limits,
}

/// A model that `all` leaves out because its weights are absent, or a metric whose data is, and the command that gets them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Skipped {
    pub name: String,
    /// `weights`, `adapter`, `data` or `prepared dataset`.
    pub lacks: &'static str,
    pub get: String,
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "skipping {}: its {} not here; get them with: {}",
            self.name,
            match self.lacks {
                "data" => "data files are",
                "prepared dataset" => "prepared dataset is",
                "adapter" => "adapter is",
                _ => "weights are",
            },
            self.get
        )
    }
}

/// The plan, and what workers need to carry it out.
pub struct Resolved {
    pub plan: Plan,
    pub models: Vec<(String, ComponentSpec<CaptionerMessage>)>,
    pub datasets: Vec<ResolvedDataset>,
    pub metrics: Vec<ScoreMetric>,
    pub skipped: Vec<Skipped>,
}

impl Resolved {
    /// Are the libraries those of the lock?
    pub fn check_digests(&self) -> Result<()> {
        let libraries = (self.models.iter().map(|(_, spec)| &spec.library))
            .chain(self.datasets.iter().map(|dataset| &dataset.spec.library))
            .chain(self.metrics.iter().map(|metric| &metric.spec.library));
        let mut seen = BTreeSet::new();
        for library in libraries.filter(|library| seen.insert(&library.plugin)) {
            library.checked_digest()?;
        }
        Ok(())
    }
}

/// A dataset ready to be opened.
pub struct ResolvedDataset {
    pub name: String,
    pub spec: ComponentSpec<DatasetMessage>,
    pub splits: Option<PathBuf>,
    /// The prepared dataset that its items come from, where there is one.
    pub prepared: Option<Prepared>,
}

/// Resolves a request against the registry and its lock.
pub fn resolve(registry: &Registry, lock: &Lock, request: &Request) -> Result<Resolved> {
    check_split(&request.split)?;
    let mut skipped = Vec::new();
    let (planned_models, models) = resolve_models(registry, lock, request, &mut skipped)?;
    let (planned_datasets, datasets) = resolve_datasets(registry, lock, request)?;
    let unprepared = datasets.iter().find(|dataset| dataset.prepared.is_none()).map(|dataset| dataset.name.as_str());
    let metrics = metric_specs(registry, lock, &request.metrics, unprepared, &mut skipped)?;
    let planned_metrics: Vec<PlannedMetric> = metrics
        .iter()
        .map(|metric| PlannedMetric {
            name: metric.spec.entry.clone(),
            plugin: metric.spec.library.plugin.clone(),
            values: metric.values.clone(),
            settings: (registry.metrics().get(&metric.spec.entry))
                .map(|entry| entry.settings.clone())
                .unwrap_or_default(),
        })
        .collect();
    let plugins: BTreeSet<&String> = (planned_models.iter().map(|model| &model.plugin))
        .chain(planned_datasets.iter().map(|dataset| &dataset.plugin))
        .chain(planned_metrics.iter().map(|metric| &metric.plugin))
        .collect();
    let planned_plugins = plugins
        .into_iter()
        .filter_map(|name| lock.plugin(name))
        .map(|locked| PlannedPlugin {
            name: locked.name.clone(),
            version: locked.version.clone(),
            sha256: locked.sha256.clone(),
        })
        .collect();
    let plan = Plan {
        command: "eval".to_owned(),
        split: request.split.clone(),
        limit: request.limit,
        undescribed: request.undescribed,
        seed: request.seed,
        device: request.device.to_string(),
        generation: request.generation.clone(),
        models: planned_models,
        datasets: planned_datasets,
        metrics: planned_metrics,
        plugins: planned_plugins,
        environment: Environment::current(registry.dir()),
    };
    Ok(Resolved { plan, models, datasets, metrics, skipped })
}

type NamedCaptioner = (String, ComponentSpec<CaptionerMessage>);

/// The models whose weights and adapters are here. What `all` leaves out goes to `skipped`; a model that was named is an error.
fn resolve_models(
    registry: &Registry,
    lock: &Lock,
    request: &Request,
    skipped: &mut Vec<Skipped>,
) -> Result<(Vec<PlannedModel>, Vec<NamedCaptioner>)> {
    let (mut planned, mut models) = (Vec::new(), Vec::new());
    for name in chosen(&request.models, registry.models().keys(), |name| registry.model(name).map(drop))? {
        let entry = registry.model(&name)?;
        let named = request.models.contains(&name);
        let weights = Weights::of(registry, entry);
        if weights.present().is_none() && !named {
            skipped.push(Skipped { name, lacks: "weights", get: weights.how_to_get() });
            continue;
        }
        if let (Err(error), false) = (registry.adapter_of(&name, entry), named) {
            skipped.push(Skipped { name, lacks: "adapter", get: error.help.unwrap_or_default() });
            continue;
        }
        let spec = captioner_spec(registry, lock, &name, (request.device, request.threads), &request.generation)?;
        let only = entry.only.clone().filter(|_| !named);
        planned.push(PlannedModel { only, ..planned_model(&name, entry, &spec.message)? });
        models.push((name, spec));
    }
    if models.is_empty() {
        let commands: Vec<String> =
            skipped.iter().map(|skipped| format!("{}: {}", skipped.name, skipped.get)).collect();
        return Err(Error::failed("no model has its weights here").help(commands.join("\n        ")));
    }
    Ok((planned, models))
}

/// The datasets, in their prepared form where there is one.
fn resolve_datasets(
    registry: &Registry,
    lock: &Lock,
    request: &Request,
) -> Result<(Vec<PlannedDataset>, Vec<ResolvedDataset>)> {
    let (mut planned, mut datasets) = (Vec::new(), Vec::new());
    for name in chosen(&request.datasets, registry.datasets().keys(), |name| registry.dataset(name).map(drop))? {
        let entry = registry.dataset(&name)?;
        let prepared = prepared(registry, &name)?;
        if prepared.is_some() && request.undescribed {
            return Err(Error::usage(format!("all items of the prepared dataset `{name}` have descriptions")).help(
                "leave out --undescribed, or register the vendor's folder under another name, which is not prepared",
            ));
        }
        let spec = match &prepared {
            None => dataset_spec(registry, lock, &name)?,
            Some(prepared) => prepared_spec(registry, lock, &name, prepared)?,
        };
        let splits = dataset_entry_splits(registry, &name, &spec.message.root)?;
        let prepared_sha256 = prepared.as_ref().map(|prepared| prepared_digest(&prepared.folder)).transpose()?;
        planned.push(PlannedDataset {
            name: name.clone(),
            plugin: entry.plugin.clone(),
            root: entry.root.clone(),
            settings: entry.settings.clone(),
            prepared_sha256,
        });
        datasets.push(ResolvedDataset { name, spec, splits, prepared });
    }
    Ok((planned, datasets))
}

/// The names asked for, `all` expanded, each once; unknown ones are errors.
fn chosen<'a>(
    asked: &[String],
    known: impl Iterator<Item = &'a String>,
    check: impl Fn(&str) -> Result<()>,
) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    let all: Vec<String> = known.cloned().collect();
    for name in asked {
        let more = if name == "all" { all.clone() } else { vec![name.clone()] };
        for name in more {
            check(&name)?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

/// A component's options as it takes them.
pub fn json_settings(settings: &toml::Table) -> Result<serde_json::Value> {
    serde_json::to_value(settings)
        .map_err(|error| Error::usage(format!("the registry's options cannot be passed on: {error}")))
}
