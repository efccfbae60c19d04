//! From options to a plan and a job: the model's trainer, the strategy, the dataset, the metrics. Opens no library.

use super::job::TrainJob;
use super::options::TrainOptions;
use super::plan::TrainPlan;
use crate::error::{Error, Result};
use crate::eval::{
    captioner_of_model, dataset_entry_splits, dataset_spec, json_settings, metric_specs, planned_model, prepared,
    prepared_spec,
};
use crate::loader::Library;
use crate::prepare::{Prepared, files::PACK_INDEX, prepared_digest};
use crate::registry::{Lock, Registry, near_miss};
use crate::run::{Environment, PlannedDataset, PlannedMetric, PlannedPlugin};
use crate::worker::{ComponentSpec, Limits};
use plugin_api::Device;
use plugin_api::abi::messages::{DatasetMessage, TrainerMessage};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct TrainRequest {
    pub options: TrainOptions,
    pub out: PathBuf,
    pub resume: bool,
    pub device: Device,
    pub threads: usize,
    pub limits: Limits,
    /// How long to wait for another host to leave the folder.
    pub patience: Duration,
}

/// A training that can begin.
pub(super) struct Resolved {
    pub plan: TrainPlan,
    pub job: TrainJob,
    pub dataset: ComponentSpec<DatasetMessage>,
    pub splits: Option<PathBuf>,
    pub prepared: Option<Prepared>,
}

/// Threads that load images: as in `host eval`.
const LOADERS: usize = 4;

/// The LoRA strategies of the added plugins: plugin, component, summary.
pub fn strategies(lock: &Lock) -> impl Iterator<Item = (&str, &str, &str)> {
    lock.plugins.iter().flat_map(|plugin| {
        let of_kind = plugin.components.iter().filter(|component| component.kind == "lora-strategy");
        of_kind.map(|component| (plugin.name.as_str(), component.name.as_str(), component.summary.as_str()))
    })
}

fn strategy_spec(registry: &Registry, lock: &Lock, options: &TrainOptions) -> Result<ComponentSpec<serde_json::Value>> {
    let name = options.strategy.as_str();
    // `plugin/strategy` where two plugins have one of the same name.
    let fits = |plugin: &str, strategy: &str| match name.split_once('/') {
        Some((wanted, rest)) => plugin == wanted && strategy == rest,
        None => strategy == name,
    };
    let registered = || strategies(lock).filter(|(plugin, _, _)| registry.plugins().contains_key(*plugin));
    let found: Vec<(&str, &str)> =
        registered().filter(|(plugin, strategy, _)| fits(plugin, strategy)).map(|(p, s, _)| (p, s)).collect();
    let names = || registered().map(|(_, strategy, _)| strategy);
    match found.as_slice() {
        [(plugin, strategy)] => Ok(ComponentSpec {
            library: Library::locked(registry, lock, plugin)?,
            component: Some((*strategy).to_owned()),
            entry: (*strategy).to_owned(),
            message: options.strategy_settings()?,
        }),
        [] => {
            let error = Error::usage(format!("there is no LoRA strategy `{name}` in the registered plugins"));
            Err(match near_miss(name, names()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(format!("there are: {}", names().collect::<Vec<_>>().join(", "))),
            })
        }
        several => {
            let choices: Vec<String> =
                several.iter().map(|(plugin, strategy)| format!("{plugin}/{strategy}")).collect();
            Err(Error::usage(format!("several plugins have a LoRA strategy `{name}`"))
                .help(format!("name one of: {}", choices.join(", "))))
        }
    }
}

pub(super) fn resolve(registry: &Registry, lock: &Lock, request: &TrainRequest) -> Result<Resolved> {
    let options = &request.options;
    options.check()?;
    let entry = registry.model(&options.model)?;
    if entry.adapter.is_some() {
        return Err(Error::usage(format!(
            "`{}` is a model with an adapter; training puts one on a base",
            options.model
        ))
        .help("train the model without it, or merge the two first: host models merge"));
    }
    let captioner = captioner_of_model(registry, lock, &options.model)?;
    let strategy = strategy_spec(registry, lock, options)?;
    let prepared = prepared(registry, &options.dataset)?;
    let dataset = match &prepared {
        None => dataset_spec(registry, lock, &options.dataset)?,
        Some(prepared) => prepared_spec(registry, lock, &options.dataset, prepared)?,
    };
    let splits = dataset_entry_splits(registry, &options.dataset, &dataset.message.root)?;
    let packed =
        prepared.as_ref().map(|prepared| prepared.folder.clone()).filter(|folder| folder.join(PACK_INDEX).is_file());
    let mut metrics = metric_specs(registry, lock, &options.caption_metrics, None, &mut Vec::new())?;
    for metric in &mut metrics {
        metric.spec.message.dataset = prepared.as_ref().map(|prepared| prepared.folder.clone());
    }

    let mut plugins =
        BTreeSet::from([entry.plugin.clone(), strategy.library.plugin.clone(), dataset.library.plugin.clone()]);
    plugins.extend(metrics.iter().map(|metric| metric.spec.library.plugin.clone()));
    let dataset_entry = registry.dataset(&options.dataset)?;
    let plan = TrainPlan {
        command: "train".to_owned(),
        device: request.device.to_string(),
        options: options.clone(),
        model: planned_model(&options.model, entry, &captioner.message)?,
        dataset: PlannedDataset {
            name: options.dataset.clone(),
            plugin: dataset_entry.plugin.clone(),
            root: dataset_entry.root.clone(),
            settings: dataset_entry.settings.clone(),
            prepared_sha256: prepared.as_ref().map(|prepared| prepared_digest(&prepared.folder)).transpose()?,
        },
        metrics: metrics
            .iter()
            .map(|metric| PlannedMetric {
                name: metric.spec.entry.clone(),
                plugin: metric.spec.library.plugin.clone(),
                values: metric.values.clone(),
                settings: registry
                    .metrics()
                    .get(&metric.spec.entry)
                    .map(|entry| entry.settings.clone())
                    .unwrap_or_default(),
            })
            .collect(),
        plugins: plugins
            .iter()
            .filter_map(|name| lock.plugin(name))
            .map(|locked| PlannedPlugin {
                name: locked.name.clone(),
                version: locked.version.clone(),
                sha256: locked.sha256.clone(),
            })
            .collect(),
        environment: Environment::current(registry.dir()),
    };
    let message = TrainerMessage {
        weights: captioner.message.weights.clone(),
        device: request.device,
        threads: request.threads,
        prompt: captioner.message.prompt.clone(),
        generation: captioner.message.generation.clone(),
        settings: json_settings(&entry.settings)?,
    };
    let job = TrainJob {
        folder: request.out.clone(),
        options: options.clone(),
        trainer: ComponentSpec {
            library: captioner.library,
            component: captioner.component,
            entry: captioner.entry,
            message,
        },
        strategy,
        // A pack stands for the vendor's files, which need not be there.
        dataset: packed.is_none().then(|| dataset.clone()),
        packed,
        metrics,
        base: entry.weights.strip_prefix("hf:").unwrap_or(&entry.weights).to_owned(),
        loaders: LOADERS,
    };
    Ok(Resolved { plan, job, dataset, splits, prepared })
}

impl Resolved {
    /// Are the libraries those of the lock?
    pub fn check_digests(&self) -> Result<()> {
        let metrics = self.job.metrics.iter().map(|metric| &metric.spec.library);
        for library in [&self.job.trainer.library, &self.job.strategy.library].into_iter().chain(metrics) {
            library.checked_digest()?;
        }
        Ok(())
    }
}
