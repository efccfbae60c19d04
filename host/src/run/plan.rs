//! `run.toml`: the resolved plan of a run. A rerun must have the same plan; its environment may differ.

use crate::error::{Error, Result};
use crate::run::replace_file;
use plugin_api::Generation;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// All that decides a run's predictions and scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// `eval`.
    pub command: String,
    pub split: String,
    /// At most so many items of each dataset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Items without a description are captioned too; no score counts them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undescribed: bool,
    pub seed: u64,
    /// The device asked for.
    pub device: String,
    pub generation: Generation,
    #[serde(rename = "model")]
    pub models: Vec<PlannedModel>,
    #[serde(rename = "dataset")]
    pub datasets: Vec<PlannedDataset>,
    #[serde(rename = "metric")]
    pub metrics: Vec<PlannedMetric>,
    #[serde(rename = "plugin")]
    pub plugins: Vec<PlannedPlugin>,
    /// Where and with what the run was made: told, and not compared.
    pub environment: Environment,
}

/// A model of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedModel {
    pub name: String,
    pub plugin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// As in the registry.
    pub weights: String,
    /// SHA-256 over the checkpoint's files.
    pub weights_sha256: String,
    /// The only dataset that it captions; none: all of the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    pub generation: Generation,
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub settings: toml::Table,
}

/// A dataset of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedDataset {
    pub name: String,
    pub plugin: String,
    /// As in the registry.
    pub root: String,
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub settings: toml::Table,
    /// Over the files of the prepared dataset, where its items come from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared_sha256: Option<String>,
}

/// A metric of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedMetric {
    pub name: String,
    pub plugin: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub settings: toml::Table,
}

/// A plugin's version and digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedPlugin {
    pub name: String,
    pub version: String,
    pub sha256: String,
}

/// Not part of what must be the same on a rerun.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    pub host_version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
}

impl Environment {
    /// This host, and the commit of the repository that the registry lies in, where it lies in one.
    pub fn current(folder: &Path) -> Environment {
        let git = std::process::Command::new("git").arg("-C").arg(folder).args(["rev-parse", "HEAD"]).output();
        let git_commit = git
            .ok()
            .filter(|output| output.status.success())
            .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        Environment { host_version: env!("CARGO_PKG_VERSION").to_owned(), git_commit }
    }
}

impl Plan {
    /// The models that caption a dataset: the run's cells.
    pub fn models_on<'a>(&'a self, dataset: &'a str) -> impl Iterator<Item = &'a PlannedModel> {
        self.models.iter().filter(move |model| model.only.as_deref().is_none_or(|only| only == dataset))
    }

    /// Is this model on this dataset one of the run's cells?
    pub fn has_cell(&self, dataset: &str, model: &str) -> bool {
        self.models_on(dataset).any(|planned| planned.name == model)
    }

    /// Eight hexadecimal digits that differ between plans: the default name of a run.
    pub fn short_digest(&self) -> String {
        use sha2::{Digest, Sha256};
        let mut same = self.clone();
        same.environment = Environment::default();
        let text = toml::to_string(&same).unwrap_or_default();
        Sha256::digest(text.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads a run's plan; none if the directory has none yet.
    pub fn read(path: &Path) -> Result<Option<Plan>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", path, &error)),
        };
        toml::from_str(&text)
            .map(Some)
            .map_err(|error| Error::usage(format!("{} is not a plan:\n{error}", path.display())))
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        let body = toml::to_string(self).map_err(|error| Error::failed(format!("cannot write the plan: {error}")))?;
        replace_file(path, format!("# The plan of this run, as `host eval` resolved it.\n\n{body}").as_bytes())
    }

    /// The differences to an earlier plan, a line each: `model.nano.weights_sha256: "a" -> "b"`.
    pub fn differences(&self, earlier: &Plan) -> Vec<String> {
        let tables = [earlier, self].map(|plan| {
            let mut plan = plan.clone();
            plan.environment = Environment::default();
            toml::Value::try_from(plan).unwrap_or(toml::Value::Boolean(false))
        });
        differences(&tables[0], &tables[1])
    }
}

/// The differences of two plans, a line each.
pub fn differences(earlier: &toml::Value, now: &toml::Value) -> Vec<String> {
    let mut lines = Vec::new();
    compare("", earlier, now, &mut lines);
    lines
}

fn compare(place: &str, earlier: &toml::Value, now: &toml::Value, lines: &mut Vec<String>) {
    use toml::Value::{Array, Table};
    let below = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
    match (earlier, now) {
        (Table(a), Table(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => compare(&below(key), a, b, lines),
                    (Some(a), None) => lines.push(format!("{}: {} -> absent", below(key), brief(a))),
                    (None, Some(b)) => lines.push(format!("{}: absent -> {}", below(key), brief(b))),
                    (None, None) => {}
                }
            }
        }
        (Array(a), Array(b)) if named(a) && named(b) => {
            compare(place, &Table(by_name(a)), &Table(by_name(b)), lines);
        }
        _ if earlier != now => lines.push(format!("{place}: {} -> {}", brief(earlier), brief(now))),
        _ => {}
    }
}

fn named(list: &[toml::Value]) -> bool {
    list.iter().all(|entry| entry.get("name").is_some_and(toml::Value::is_str))
}

fn by_name(list: &[toml::Value]) -> toml::Table {
    let name = |entry: &toml::Value| entry.get("name").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
    list.iter().map(|entry| (name(entry), entry.clone())).collect()
}

fn brief(value: &toml::Value) -> String {
    match value {
        toml::Value::Table(_) => "present".to_owned(),
        other => other.to_string(),
    }
}
