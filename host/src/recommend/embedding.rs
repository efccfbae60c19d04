//! Features that an experiment names by model and space: embedded before anything is fitted, as `host embed` does it, and narrowed where `pca` says so.
//!
//! With captions, what is embedded from texts is embedded a second time with the captions in the places of missing descriptions, and every model that uses such
//! features is there twice: with the catalogue's texts as they are, and completed.

use super::config::{Config, FeatureConfig};
use super::experiment::Experiment;
use super::features::Missing;
use super::plan::Input;
use crate::embed::pca::{Keep, reduce};
use crate::embed::{self, Layout, Manifest, read_captions};
use crate::error::{Error, Result};
use crate::run::hex;
use indexmap::IndexMap;
use plugin_api::Modality;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Items that are embedded at once.
const BATCH: usize = 32;
/// Behind the name of what has captions in the places of missing descriptions.
pub const COMPLETED: &str = ", completed";

/// Features that are made here.
pub struct Embedded {
    /// As in `[features.NAME]`.
    pub name: String,
    pub plugin: String,
    config: FeatureConfig,
    /// Relative to the experiment.
    folder: PathBuf,
    request: embed::Request,
    plan: embed::Plan,
}

impl Experiment<'_> {
    /// The features that some model uses and that are named by a model.
    pub fn embedded(&self) -> Result<Vec<Embedded>> {
        let used: Vec<String> = self.used_sources().into_iter().map(|source| source.name).collect();
        let made = self.config.features.iter().filter(|(name, _)| used.contains(name));
        made.filter_map(|(name, config)| Some((name, config, config.model.clone()?)))
            .map(|(name, config, model)| {
                let folder = config.path.clone().unwrap_or_else(|| Path::new("features").join(name));
                let dataset = config.dataset.clone().or_else(|| self.config.data.dataset.clone());
                let request = embed::Request {
                    model,
                    space: config.space.clone(),
                    // The file was checked for having one.
                    dataset: dataset.unwrap_or_default(),
                    split: "all".to_owned(),
                    limit: None,
                    out: self.path(&folder),
                    layout: Layout::Matrix,
                    captions: None,
                    device: self.request.device,
                    threads: self.request.threads,
                    batch_size: BATCH,
                    limits: self.request.limits,
                };
                let plan = embed::plan(self.registry, self.lock, &request).map_err(|error| of_features(error, name))?;
                let (name, plugin) = (name.clone(), plan.plugin.clone());
                Ok(Embedded { name, plugin, config: config.clone(), folder, request, plan })
            })
            .collect()
    }

    /// A digest of all that decides the features.
    pub fn embedding_digest(&self, embedded: &Embedded) -> Result<String> {
        let plan = toml::to_string(&embedded.plan)
            .map_err(|error| Error::failed(format!("cannot write the plan of {}: {error}", embedded.name)))?;
        let Embedded { config, .. } = embedded;
        Ok(hex(&Sha256::digest(format!("{plan}\n{:?}\n{:?}", config.space, config.pca))))
    }

    /// The captions of each dataset that is embedded, where captions are asked for.
    pub fn caption_inputs(&self, embedded: &[Embedded]) -> Result<Vec<Input>> {
        let Some((run, model)) = &self.request.captions else { return Ok(Vec::new()) };
        if embedded.is_empty() {
            return Err(nothing_to_complete());
        }
        let mut inputs: Vec<Input> = Vec::new();
        for Embedded { request, .. } in embedded {
            let (source, _) = read_captions(run, model.as_deref(), &request.dataset)?;
            let name = format!("captions of {} by {}", request.dataset, source.model);
            if inputs.iter().all(|input| input.name != name) {
                inputs.push(Input { name, sha256: source.sha256, columns: None });
            }
        }
        Ok(inputs)
    }

    /// Embeds what is missing; from here on the configuration names the folders, and the models that use completed texts.
    pub fn embed_features(&mut self, embedded: Vec<Embedded>) -> Result<()> {
        let mut completed: IndexMap<String, String> = IndexMap::new();
        for embedded in embedded {
            let (manifest, folder) = self.embed(&embedded, &embedded.folder, None)?;
            let config = FeatureConfig { path: Some(folder), ..embedded.config.clone() };
            if let Some((run, model)) = &self.request.captions
                && manifest.space.input == Modality::Text
            {
                if config.missing == Missing::Drop {
                    return Err(Error::usage(format!(
                        "[features.{}] drops the items whose descriptions are missing, and there is nothing to complete",
                        embedded.name
                    ))
                    .help("missing = \"mean\" or \"zero\" keeps them"));
                }
                let (source, _) = read_captions(run, model.as_deref(), &embedded.request.dataset)?;
                let folder = beside(&embedded.folder, &format!("-completed-{}", &source.sha256[..8]));
                let (manifest, folder) = self.embed(&embedded, &folder, self.request.captions.clone())?;
                if manifest.counts.completed == Some(0) {
                    return Err(Error::usage(format!(
                        "[features.{}]: all items of {} have a description, and there is nothing to complete",
                        embedded.name, manifest.plan.dataset
                    ))
                    .help("leave --captions out; of a prepared dataset, which has no other items, name the one that is not prepared"));
                }
                let name = format!("{}{COMPLETED}", embedded.name);
                let twin = FeatureConfig { path: Some(folder), ..config.clone() };
                self.config.features.insert(name.clone(), twin);
                self.captioner = Some(source.model);
                completed.insert(embedded.name.clone(), name);
            }
            self.config.features.insert(embedded.name, config);
        }
        if self.request.captions.is_some() && completed.is_empty() {
            return Err(nothing_to_complete());
        }
        with_twins(&mut self.config, &completed)
    }

    /// One folder of embeddings; what it holds, and the folder to learn from, relative to the experiment.
    fn embed(
        &self,
        embedded: &Embedded,
        folder: &Path,
        captions: Option<(PathBuf, Option<String>)>,
    ) -> Result<(Manifest, PathBuf)> {
        let request = embed::Request { out: self.path(folder), captions, ..embedded.request.clone() };
        let manifest = embed::embed(self.registry, self.lock, &request, self.reporter)
            .map_err(|error| of_features(error, &embedded.name))?;
        let Some(share) = embedded.config.pca else { return Ok((manifest, folder.to_owned())) };
        let narrow = beside(folder, &format!("-pca-{share}"));
        if !embed::pca::is_made_of(&self.path(&narrow), &request.out) {
            let keep = Keep::Variance(share);
            reduce(&request.out, &self.path(&narrow), keep, self.config.seed, self.reporter)?;
        }
        Ok((manifest, narrow))
    }
}

/// Beside each model that uses completed features, the same with those.
fn with_twins(config: &mut Config, completed: &IndexMap<String, String>) -> Result<()> {
    for model in std::mem::take(&mut config.models) {
        let mut twin = model.clone();
        twin.name += COMPLETED;
        for name in &mut twin.features {
            if let Some(other) = completed.get(name) {
                name.clone_from(other);
            }
        }
        let changed = twin.features != model.features;
        config.models.push(model);
        if changed {
            config.models.push(twin);
        }
    }
    let mut names = std::collections::HashSet::new();
    match config.models.iter().find(|model| !names.insert(&model.name)) {
        Some(model) => Err(Error::usage(format!("two models would be named `{}`", model.name))
            .help("that is what a model with completed texts is called; rename the other")),
        None => Ok(()),
    }
}

/// `features/a` with `-b` is `features/a-b`.
fn beside(folder: &Path, ending: &str) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn nothing_to_complete() -> Error {
    Error::usage("captions are to complete descriptions, and no model uses features that are embedded from texts")
        .help("[features.NAME] with model = \"…\", such as all-mpnet-base-v2, is embedded here")
}

/// An error of embedding, in the words of the experiment's file.
fn of_features(error: Error, name: &str) -> Error {
    let other_folder = error.help.as_ref().is_some_and(|help| help.contains("--out"));
    let error = error.context(format!("[features.{name}]"));
    if other_folder { error.help("path = \"…\" names another folder") } else { error }
}
