//! From names and flags to a plan: which models with which weights, datasets, metrics and plugins. Opens no library.

use super::Jobs;
use crate::error::{Error, Result};
use crate::loader::Library;
use crate::prepare::{Prepared, files::MANIFEST, prepared_digest};
use crate::registry::{Lock, ModelEntry, Registry, Weights, weights_digest};
use crate::run::{Environment, Plan, PlannedDataset, PlannedMetric, PlannedModel, PlannedPlugin, Shard};
use crate::score::assets_dir;
use crate::worker::{ComponentSpec, Limits, ScoreMetric};
use plugin_api::abi::messages::{CaptionerMessage, DatasetMessage, MetricMessage};
use plugin_api::{Device, Generation};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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
    let mut skipped = Vec::new();
    let mut plugins = BTreeSet::new();
    let (mut planned_models, mut models) = (Vec::new(), Vec::new());
    for name in chosen(&request.models, registry.models().keys(), |name| registry.model(name).map(drop))? {
        let entry = registry.model(&name)?;
        let weights = Weights::of(registry, entry);
        let Some(directory) = weights.present() else {
            let get = weights.how_to_get();
            if request.models.contains(&name) {
                return Err(Error::usage(format!("the weights of `{name}` ({}) are not here", entry.weights)).help(get));
            }
            skipped.push(Skipped { name, lacks: "weights", get });
            continue;
        };
        let named = request.models.contains(&name);
        if let (Err(error), false) = (registry.adapter_of(&name, entry), named) {
            let get = error.help.unwrap_or_default();
            skipped.push(Skipped { name, lacks: "adapter", get });
            continue;
        }
        let spec = captioner_spec(
            registry,
            lock,
            &name,
            entry,
            directory,
            request.device,
            request.threads,
            &request.generation,
        )?;
        let only = entry.only.clone().filter(|_| !named);
        planned_models.push(PlannedModel { only, ..planned_model(&name, entry, &spec.message)? });
        plugins.insert(entry.plugin.clone());
        models.push((name, spec));
    }
    if models.is_empty() {
        let commands: Vec<String> =
            skipped.iter().map(|skipped| format!("{}: {}", skipped.name, skipped.get)).collect();
        return Err(Error::failed("no model has its weights here").help(commands.join("\n        ")));
    }
    let (mut planned_datasets, mut datasets) = (Vec::new(), Vec::new());
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
        plugins.insert(entry.plugin.clone());
        planned_datasets.push(PlannedDataset {
            name: name.clone(),
            plugin: entry.plugin.clone(),
            root: entry.root.clone(),
            settings: entry.settings.clone(),
            prepared_sha256,
        });
        datasets.push(ResolvedDataset { name, spec, splits, prepared });
    }
    let unprepared = datasets.iter().find(|dataset| dataset.prepared.is_none()).map(|dataset| dataset.name.as_str());
    let metrics = metric_specs(registry, lock, &request.metrics, unprepared, &mut skipped)?;
    let planned_metrics = metrics
        .iter()
        .map(|metric| {
            let name = &metric.spec.entry;
            plugins.insert(metric.spec.library.plugin.clone());
            PlannedMetric {
                name: name.clone(),
                plugin: metric.spec.library.plugin.clone(),
                values: metric.values.clone(),
                settings: registry.metrics().get(name).map(|entry| entry.settings.clone()).unwrap_or_default(),
            }
        })
        .collect();
    let planned_plugins = plugins
        .iter()
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

/// What a worker needs to load a registered model.
#[allow(clippy::too_many_arguments)] // Each is one thing that the message takes.
fn captioner_spec(
    registry: &Registry,
    lock: &Lock,
    name: &str,
    entry: &ModelEntry,
    weights: &Path,
    device: Device,
    threads: usize,
    flags: &Generation,
) -> Result<ComponentSpec<CaptionerMessage>> {
    Ok(ComponentSpec {
        library: Library::locked(registry, lock, &entry.plugin)?,
        component: entry.component.clone(),
        entry: name.to_owned(),
        message: CaptionerMessage {
            weights: weights.to_owned(),
            adapter: registry.adapter_of(name, entry)?,
            device,
            threads,
            prompt: entry.prompt.clone(),
            generation: overridden(&entry.generation, flags),
            settings: json_settings(&entry.settings)?,
        },
    })
}

/// What a worker needs to open a registered dataset.
pub fn dataset_spec(registry: &Registry, lock: &Lock, name: &str) -> Result<ComponentSpec<DatasetMessage>> {
    let entry = registry.dataset(name)?;
    let root = registry.dir().join(&entry.root);
    if !root.is_dir() {
        return Err(Error::usage(format!(
            "{}: the folder of dataset `{name}` is not at {}",
            registry.place("datasets", name),
            root.display()
        ))
        .help("put the vendor's files there or correct `root`; `host demo` makes a sample catalogue"));
    }
    Ok(ComponentSpec {
        library: Library::locked(registry, lock, &entry.plugin)?,
        component: entry.component.clone(),
        entry: name.to_owned(),
        message: DatasetMessage { root, settings: json_settings(&entry.settings)? },
    })
}

/// The folder where a dataset's prepared form is or would be: the registry's `prepared`, else `prepared/NAME` beside it.
pub fn prepared_folder(registry: &Registry, name: &str) -> Result<PathBuf> {
    let folder = registry.dataset(name)?.prepared.as_ref().map(PathBuf::from);
    Ok(registry.dir().join(folder.unwrap_or_else(|| Path::new("prepared").join(name))))
}

/// The dataset's prepared form. One that the registry names must be there.
pub fn prepared(registry: &Registry, name: &str) -> Result<Option<Prepared>> {
    let folder = prepared_folder(registry, name)?;
    let named = registry.dataset(name)?.prepared.is_some();
    if !named && !folder.join(MANIFEST).is_file() {
        return Ok(None);
    }
    let opened = Prepared::open(&folder).map_err(|error| error.context(registry.place("datasets", name)))?;
    match opened.manifest.dataset == name {
        true => Ok(Some(opened)),
        false => Err(Error::usage(format!(
            "{}: {} holds the dataset `{}`",
            registry.place("datasets", name),
            folder.display(),
            opened.manifest.dataset
        ))
        .help("correct `prepared`")),
    }
}

/// The folder of a dataset's split files: the registry's, else `splits` in its root.
pub fn dataset_entry_splits(registry: &Registry, name: &str, root: &Path) -> Result<Option<PathBuf>> {
    Ok(match &registry.dataset(name)?.splits {
        Some(folder) => Some(registry.dir().join(folder)),
        None => Some(root.join("splits")).filter(|folder| folder.is_dir()),
    })
}

/// What a worker needs to find a prepared dataset's images: the vendor's files, where they were prepared, as they were.
pub fn prepared_spec(
    registry: &Registry,
    lock: &Lock,
    name: &str,
    prepared: &Prepared,
) -> Result<ComponentSpec<DatasetMessage>> {
    let entry = registry.dataset(name)?;
    let root = prepared.manifest.root.clone();
    let packed = prepared.manifest.steps.contains_key("pack");
    if root.is_dir() {
        prepared.check_source(&root)?;
    } else if !packed {
        return Err(Error::usage(format!(
            "dataset `{name}` was prepared from {}, which is not there; its images are",
            root.display()
        ))
        .help(format!("bring the folder back, or prepare it where it is: host prepare {name} --source DIR")));
    }
    Ok(ComponentSpec {
        library: Library::locked(registry, lock, &entry.plugin)?,
        component: entry.component.clone(),
        entry: name.to_owned(),
        message: DatasetMessage { root, settings: json_settings(&entry.settings)? },
    })
}

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

/// A model as plans have it, with its digests.
pub fn planned_model(name: &str, entry: &ModelEntry, message: &CaptionerMessage) -> Result<PlannedModel> {
    Ok(PlannedModel {
        name: name.to_owned(),
        plugin: entry.plugin.clone(),
        component: entry.component.clone(),
        weights: entry.weights.clone(),
        weights_sha256: weights_digest(&message.weights)?,
        only: None,
        adapter: entry.adapter.clone(),
        adapter_sha256: message.adapter.as_deref().map(weights_digest).transpose()?,
        prompt: entry.prompt.clone(),
        generation: entry.generation.clone(),
        settings: entry.settings.clone(),
    })
}

/// A component's options as it takes them.
pub fn json_settings(settings: &toml::Table) -> Result<serde_json::Value> {
    serde_json::to_value(settings)
        .map_err(|error| Error::usage(format!("the registry's options cannot be passed on: {error}")))
}

/// A registry entry's generation settings with the command line's in their place where given.
pub fn overridden(entry: &Generation, flags: &Generation) -> Generation {
    Generation {
        max_new_tokens: flags.max_new_tokens.or(entry.max_new_tokens),
        min_new_tokens: flags.min_new_tokens.or(entry.min_new_tokens),
        num_beams: flags.num_beams.or(entry.num_beams),
        length_penalty: flags.length_penalty.or(entry.length_penalty),
        early_stopping: flags.early_stopping.or(entry.early_stopping),
        repetition_penalty: flags.repetition_penalty.or(entry.repetition_penalty),
        no_repeat_ngram_size: flags.no_repeat_ngram_size.or(entry.no_repeat_ngram_size),
        do_sample: flags.do_sample.or(entry.do_sample),
        temperature: flags.temperature.or(entry.temperature),
        top_k: flags.top_k.or(entry.top_k),
        top_p: flags.top_p.or(entry.top_p),
    }
}

/// What a worker needs to load a registered model outside of a run: with its own settings alone.
pub fn captioner_of_model(registry: &Registry, lock: &Lock, name: &str) -> Result<ComponentSpec<CaptionerMessage>> {
    let entry = registry.model(name)?;
    let weights = Weights::of(registry, entry);
    let directory = weights.present().ok_or_else(|| {
        Error::usage(format!("the weights of `{name}` ({}) are not here", entry.weights)).help(weights.how_to_get())
    })?;
    captioner_spec(registry, lock, name, entry, directory, Device::Auto, 0, &Generation::default())
}

/// What a worker needs to load any Hugging Face directory: the plugin is the one whose captioner declares the `model_type` of
/// its `config.json`.
pub fn captioner_of_weights(
    registry: &Registry,
    lock: &Lock,
    directory: &Path,
) -> Result<ComponentSpec<CaptionerMessage>> {
    let config = directory.join("config.json");
    let text = std::fs::read_to_string(&config).map_err(|error| {
        Error::usage(Error::io("read", &config, &error).message)
            .help("--weights takes a Hugging Face directory, with config.json in it")
    })?;
    let parsed: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| Error::usage(format!("{} is not JSON: {error}", config.display())))?;
    let model_type = parsed["model_type"].as_str().ok_or_else(|| {
        Error::usage(format!("{} names no `model_type`", config.display())).help("is it a model's configuration?")
    })?;
    let captioners = lock.plugins.iter().flat_map(|plugin| {
        plugin
            .components
            .iter()
            .filter(|component| component.kind == "captioner")
            .map(move |component| (plugin, component))
    });
    let mut known = Vec::new();
    for (plugin, component) in captioners {
        if component.model_types.iter().any(|known| known == model_type) {
            return Ok(ComponentSpec {
                library: Library::locked(registry, lock, &plugin.name)?,
                component: Some(component.name.clone()),
                entry: component.name.clone(),
                message: CaptionerMessage {
                    weights: directory.to_owned(),
                    adapter: None,
                    device: Device::Auto,
                    threads: 0,
                    prompt: None,
                    generation: Generation::default(),
                    settings: serde_json::Value::Object(Default::default()),
                },
            });
        }
        known.extend(component.model_types.iter().cloned());
    }
    known.sort();
    Err(Error::usage(format!("{}: no plugin here loads models of the type `{model_type}`", config.display()))
        .help(format!("the plugins load: {}", known.join(", "))))
}
