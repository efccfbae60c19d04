//! `run.toml` of an experiment: the file as read, and digests of all that it names.

use super::config::Config;
use super::log::Columns;
use crate::error::{Error, Result};
use crate::run::{Environment, Kind, PlannedPlugin, add_to_digest, differences, hex, refuse_other_plan, replace_file};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

/// All that decides an experiment's results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecommendPlan {
    /// `recommend`.
    pub command: String,
    /// The tables' title.
    pub title: String,
    pub experiment: Config,
    #[serde(default, rename = "input")]
    pub inputs: Vec<Input>,
    /// What the registry says of the recommenders that are used.
    #[serde(default, rename = "recommender")]
    pub recommenders: Vec<PlannedRecommender>,
    #[serde(default, rename = "plugin")]
    pub plugins: Vec<PlannedPlugin>,
    /// Told, and not compared.
    pub environment: Environment,
}

/// A file or folder that is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// As the experiment names it.
    pub name: String,
    pub sha256: String,
    /// Of a dataset's interactions, as the registry has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
}

/// An entry of the registry; its settings hold where the experiment gives none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedRecommender {
    pub name: String,
    pub plugin: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub settings: toml::Table,
}

impl Input {
    /// Digests a file, or all files of a folder by name, but hidden ones.
    pub fn of(name: &str, path: &Path) -> Result<Input> {
        let mut digest = Sha256::new();
        if path.is_dir() {
            let entries = std::fs::read_dir(path).map_err(|error| Error::io("read", path, &error))?;
            let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
            // Hidden ones are locks and what file browsers leave.
            names.retain(|name| !name.as_encoded_bytes().starts_with(b".") && path.join(name).is_file());
            names.sort_unstable();
            for name in names {
                digest.update(name.as_encoded_bytes());
                add_to_digest(&mut digest, &path.join(name))?;
            }
        } else {
            add_to_digest(&mut digest, path)
                .map_err(|error| Error::usage(error.message).help("paths start from the experiment's own folder"))?;
        }
        Ok(Input { name: name.to_owned(), sha256: hex(&digest.finalize()), columns: None })
    }
}

impl RecommendPlan {
    /// Eight hexadecimal digits that differ between plans.
    pub fn short_digest(&self) -> String {
        let same = RecommendPlan { environment: Environment::default(), ..self.clone() };
        let text = toml::to_string(&same).unwrap_or_default();
        hex(&Sha256::digest(text.as_bytes())[..4])
    }

    /// Refuses the run of an experiment, for commands that know runs of captions only. `instead` is what to use.
    pub fn refuse_at(run: &Path, instead: &str) -> Result<()> {
        match Kind::Experiment.is_in(run) {
            true => Err(Error::usage(format!("{} is a run of `host recommend`", run.display())).help(instead)),
            false => Ok(()),
        }
    }

    /// Reads a run's plan; none if there is none.
    pub fn read(path: &Path) -> Result<Option<RecommendPlan>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", path, &error)),
        };
        toml::from_str(&text)
            .map(Some)
            .map_err(|error| Error::usage(format!("{} is no plan of an experiment:\n{error}", path.display())))
    }

    /// Writes the plan into a new run, accepts the same one, and refuses another with the differences. Of a run in which no trial has ended, as after
    /// input that was refused, there is nothing to keep: it becomes one of this plan, without the data that it may have.
    pub fn adopt(&self, run: &Path) -> Result<()> {
        let path = run.join("run.toml");
        if let Some(earlier) = RecommendPlan::read(&path)? {
            let table = |plan: &RecommendPlan| {
                let plan = RecommendPlan { environment: Environment::default(), ..plan.clone() };
                toml::Value::try_from(plan).unwrap_or(toml::Value::Boolean(false))
            };
            let differences = differences(&table(&earlier), &table(self));
            if differences.is_empty() || has_results(run) {
                return refuse_other_plan(run, &differences);
            }
            let data = run.join("data");
            match std::fs::remove_dir_all(&data) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", &data, &error));
                }
                _ => {}
            }
        }
        let body = toml::to_string(self).map_err(|error| Error::failed(format!("cannot write the plan: {error}")))?;
        replace_file(&path, format!("# The plan of this run, as `host recommend` resolved it.\n\n{body}").as_bytes())
    }
}

/// Has a trial ended, or are there tables?
fn has_results(run: &Path) -> bool {
    let entries = |folder: std::path::PathBuf| {
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
    };
    let mut trials = entries(run.join("trials")).flat_map(entries);
    run.join("results.json").exists()
        || trials.any(|file| file.extension().is_some_and(|extension| extension == "json"))
}
