//! What an experiment names: files of interactions, features, models; and the plan, with digests of all of them.

use super::config::ModelConfig;
use super::embedding::Embedded;
use super::experiment::Experiment;
use super::features::{FeatureSource, Missing};
use super::log::Columns;
use super::plan::{Input, PlannedRecommender, RecommendPlan};
use super::split::Part;
use crate::error::{Error, Result};
use crate::run::{Environment, PlannedPlugin};
use std::path::{Path, PathBuf};

/// A file of interactions: its path, the part of the split that it is (where it is one), and its columns (where they have names).
pub type LogFile = (PathBuf, Option<Part>, Option<Columns>);

impl Experiment<'_> {
    /// The files of interactions, with the part that each is.
    pub fn logs(&self) -> Result<Vec<LogFile>> {
        let data = &self.config.data;
        if let Some(name) = &data.dataset {
            let entry = self.registry.dataset(name)?;
            let interactions = entry.interactions.as_ref().ok_or_else(|| {
                let place = self.registry.place("datasets", name);
                Error::usage(format!("{place}: dataset `{name}` does not say where its interactions are"))
                    .help("interactions = { file = \"…csv\", columns = { user = \"…\", item = \"…\", time = \"…\" } }")
            })?;
            let file = self.registry.dir().join(&entry.root).join(&interactions.file);
            return Ok(vec![(file, None, Some(interactions.columns.clone()))]);
        }
        if let Some(path) = &data.interactions {
            return Ok(vec![(self.path(path), None, data.columns.clone())]);
        }
        let parts = [(&data.train, Part::Train), (&data.validation, Part::Validation), (&data.test, Part::Test)];
        Ok(parts.into_iter().filter_map(|(path, part)| Some((self.path(path.as_ref()?), Some(part), None))).collect())
    }

    fn title(&self) -> String {
        let data = &self.config.data;
        let stem = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (data.name.clone())
            .or_else(|| data.dataset.clone())
            .or_else(|| data.interactions.as_ref().map(stem))
            .unwrap_or_else(|| stem(&self.request.experiment))
    }

    /// A model's features.
    pub fn sources(&self, model: &ModelConfig) -> Vec<FeatureSource> {
        let source = |name: &String| {
            let config = self.config.features.get(name);
            // What stands under no name is a folder.
            let folder = config.and_then(|config| config.path.as_deref()).unwrap_or(Path::new(name));
            FeatureSource {
                name: name.clone(),
                path: self.path(folder),
                missing: config.map_or(Missing::default(), |config| config.missing),
                shuffle: config.filter(|config| config.shuffle).map(|_| self.config.seed),
            }
        };
        model.features.iter().map(source).collect()
    }

    /// Every modality that a model uses, once.
    pub fn used_sources(&self) -> Vec<FeatureSource> {
        let mut sources: Vec<FeatureSource> = Vec::new();
        for source in self.config.models.iter().flat_map(|model| self.sources(model)) {
            if sources.iter().all(|other| other.name != source.name) {
                sources.push(source);
            }
        }
        sources
    }

    /// The plan of the experiment as its file has it, before anything is embedded.
    pub fn plan(&self, embedded: &[Embedded]) -> Result<RecommendPlan> {
        for model in &self.config.models {
            let undefined = model
                .features
                .iter()
                .find(|name| !self.config.features.contains_key(*name) && !self.path(Path::new(name)).is_dir());
            if let Some(name) = undefined {
                let known: Vec<&str> = self.config.features.keys().map(String::as_str).collect();
                let error = Error::usage(format!("model `{}`: there are no features `{name}`", model.name));
                return Err(error.help(match known.is_empty() {
                    true => format!("add [features.\"{name}\"] with a path or a model"),
                    false => super::suggestion(name, &known),
                }));
            }
        }
        let mut inputs = Vec::new();
        for (path, _, columns) in self.logs()? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // Those of a file stand in the experiment.
            let columns = columns.filter(|_| self.config.data.dataset.is_some());
            inputs.push(Input { columns, ..Input::of(&name, &path)? });
        }
        for source in self.used_sources() {
            let name = format!("features {}", source.name);
            inputs.push(match embedded.iter().find(|embedded| embedded.name == source.name) {
                Some(embedded) => Input { name, sha256: self.embedding_digest(embedded)?, columns: None },
                None => Input::of(&name, &source.path)?,
            });
        }
        inputs.extend(self.caption_inputs(embedded)?);
        let mut names: Vec<&String> = Vec::new();
        let mut recommenders: Vec<PlannedRecommender> = Vec::new();
        for model in &self.config.models {
            let entry = self.registry.recommender(&model.recommender)?;
            names.push(&entry.plugin);
            if recommenders.iter().all(|other| other.name != model.recommender) {
                recommenders.push(PlannedRecommender {
                    name: model.recommender.clone(),
                    plugin: entry.plugin.clone(),
                    component: entry.component.clone(),
                    settings: entry.settings.clone(),
                });
            }
        }
        names.extend(embedded.iter().map(|embedded| &embedded.plugin));
        let mut plugins: Vec<PlannedPlugin> = Vec::new();
        for name in names {
            if plugins.iter().all(|plugin| plugin.name != *name)
                && let Some(locked) = self.lock.plugin(name)
            {
                let (version, sha256) = (locked.version.clone(), locked.sha256.clone());
                plugins.push(PlannedPlugin { name: name.clone(), version, sha256 });
            }
        }
        Ok(RecommendPlan {
            command: "recommend".to_owned(),
            title: self.title(),
            experiment: self.config.clone(),
            inputs,
            recommenders,
            plugins,
            environment: Environment::current(self.registry.dir()),
        })
    }
}
