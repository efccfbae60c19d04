//! The order of an experiment's work. Every step finds what is done already and does the rest: `inputs` says what the experiment names, `embedding` has
//! features made, `preparation` the data, `fitting` runs the trials, and `judgement` chooses, scores and compares.

use super::config::Config;
use super::results::{Results, write_tables};
use crate::error::{Error, Exit, Result};
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use crate::report::Published;
use crate::run::{Kind, RunLock, Shard};
use crate::worker::Limits;
use plugin_api::Device;
use std::path::{Path, PathBuf};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The experiment's file.
    pub experiment: PathBuf,
    pub run: Option<PathBuf>,
    /// A run whose captions stand in for missing descriptions, and the model that made them.
    pub captions: Option<(PathBuf, Option<String>)>,
    /// Published figures to put beside the results.
    pub beside: Option<Published>,
    /// Where features are embedded.
    pub device: Device,
    pub threads: usize,
    pub limits: Limits,
}

/// An experiment under way.
pub(super) struct Experiment<'a> {
    pub registry: &'a Registry,
    pub lock: &'a Lock,
    pub request: &'a Request,
    pub reporter: &'a Reporter,
    /// As in the file, until features are embedded; then with the folders that they are in.
    pub config: Config,
    /// Relative paths start from here.
    pub base: PathBuf,
    pub run: PathBuf,
    /// Whose captions complete texts.
    pub captioner: Option<String>,
}

/// Runs an experiment, or what is missing of it. Returns the run directory and the results.
///
/// # Errors
/// What the file asks for and cannot be; a folder of something else, or in which another host is at work; all that reading and writing may lead
/// to. Asked to stop: the trials that are done are kept.
pub fn recommend(
    registry: &Registry,
    lock: &Lock,
    request: &Request,
    reporter: &Reporter,
) -> Result<(PathBuf, Results)> {
    let config = Config::read(&request.experiment)?;
    let base = match request.experiment.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut experiment =
        Experiment { registry, lock, request, reporter, config, base, run: PathBuf::new(), captioner: None };
    let embedded = experiment.embedded()?;
    let plan = experiment.plan(&embedded)?;
    experiment.run = request
        .run
        .clone()
        .unwrap_or_else(|| registry.dir().join("runs").join(format!("recommend-{}", plan.short_digest())));
    experiment.check(&experiment.trials()?)?;
    let _held = RunLock::take(&experiment.run, Kind::Experiment, Shard::WHOLE)?;
    plan.adopt(&experiment.run)?;
    reporter.note(&format!("run directory: {}", experiment.run.display()));
    experiment.embed_features(embedded)?;
    let trials = experiment.trials()?;
    let data = experiment.data()?;
    let tried = experiment.fit_all(&trials, &data)?;
    let results = experiment.results(&plan, &trials, &data, &tried)?;
    write_tables(&experiment.run, &results, &results.document(request.beside.as_ref()))?;
    Ok((experiment.run.clone(), results))
}

impl Experiment<'_> {
    pub fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    pub fn data_folder(&self) -> PathBuf {
        self.run.join("data")
    }
}

/// An error that stands for all models' failing.
pub fn all_failed(results: &Results) -> Error {
    let first = results.models.iter().find_map(|model| model.failure.clone()).unwrap_or_default();
    Error { exit: Exit::Nothing, message: format!("no model could be fitted; the first: {first}"), help: None }
}
