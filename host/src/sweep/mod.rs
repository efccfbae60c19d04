//! `host sweep`: trainings that differ in some options, ranked by validation loss and nothing else. `file` reads what is varied, `draw`
//! makes the random ones, `table` and `plot` show what came of them. Each trial is a training like any other (see `train`).

mod draw;
mod file;
mod plot;
mod table;

pub use file::{SweepFile, Trial};
pub use table::{Outcome, document};

use crate::error::{Error, Exit, Result};
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use crate::report;
use crate::run::{RunLock, Shard, replace_file};
use crate::train::{TrainRequest, train};
use crate::worker::Limits;
use plugin_api::Device;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct SweepRequest {
    pub file: PathBuf,
    pub out: PathBuf,
    pub device: Device,
    pub threads: usize,
    pub limits: Limits,
}

/// A sweep with what came of its trials, the best first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Swept {
    /// The options that are varied.
    pub varied: Vec<String>,
    pub trials: Vec<Outcome>,
}

impl Swept {
    pub fn failed(&self) -> usize {
        self.trials.iter().filter(|outcome| outcome.failure.is_some()).count()
    }
}

/// Runs the trials that are not finished, one after the other, and writes `sweep.json`, `table.md`, `table.csv` and `parallel.svg` after
/// each, so that they can be looked at meanwhile.
///
/// # Errors
/// The file is wrong, with its line; the folder holds another sweep; nothing can be written. A trial that fails is an outcome.
pub fn sweep(registry: &Registry, lock: &Lock, request: &SweepRequest, reporter: &Reporter) -> Result<Swept> {
    let file = SweepFile::read(&request.file)?;
    let _held = RunLock::acquire(&request.out, Shard::WHOLE)?;
    adopt(&request.out, &file)?;
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut result = Swept { varied: file.varied.clone(), trials: Vec::new() };
    for (number, trial) in file.trials.iter().enumerate() {
        reporter.note(&format!("trial {} of {}: {}", number + 1, file.trials.len(), trial.told()));
        let training = TrainRequest {
            options: trial.options.clone(),
            out: request.out.join("trials").join(&trial.name),
            resume: true,
            device: request.device,
            threads: request.threads,
            limits: request.limits,
        };
        let trained = train(registry, lock, &training, reporter);
        if let Err(error) = &trained {
            // What is wrong with the first is wrong with all: a model that is not here, a disk that is full.
            if number == 0 && error.exit == Exit::Usage {
                return Err(error.clone().context(format!("trial {}", trial.name)));
            }
            reporter.warn(&format!("trial {} failed: {error}", trial.name));
        }
        outcomes.push(Outcome::of(trial, trained));
        result.trials = outcomes.clone();
        // Trials without a loss come last, in their own order.
        result.trials.sort_by(|a, b| a.loss().total_cmp(&b.loss()));
        write(&request.out, &result)?;
    }
    Ok(result)
}

/// Makes sure that the folder holds this sweep or none.
fn adopt(out: &Path, file: &SweepFile) -> Result<()> {
    let path = out.join("trials.json");
    let now = serde_json::to_string_pretty(&file.trials)
        .map_err(|error| Error::failed(format!("cannot write the trials: {error}")))?
        + "\n";
    match std::fs::read_to_string(&path) {
        Ok(earlier) if earlier == now => Ok(()),
        Ok(_) => Err(Error::usage(format!("{} holds another sweep: its trials are others", out.display()))
            .help("choose another folder with --out DIR, or give the earlier file")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => replace_file(&path, now.as_bytes()),
        Err(error) => Err(Error::io("read", &path, &error)),
    }
}

fn write(out: &Path, swept: &Swept) -> Result<()> {
    let json = serde_json::to_string_pretty(swept)
        .map_err(|error| Error::failed(format!("cannot write the sweep: {error}")))?;
    let document = document(swept);
    replace_file(&out.join("sweep.json"), (json + "\n").as_bytes())?;
    replace_file(&out.join("table.md"), report::markdown(&document).as_bytes())?;
    if let Some(table) = document.tables.first() {
        replace_file(&out.join("table.csv"), report::csv(table)?.as_bytes())?;
    }
    replace_file(&out.join("parallel.svg"), plot::draw(swept)?.as_bytes())
}
