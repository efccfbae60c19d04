//! `host sweep`: trainings that differ in some options, ranked by validation loss and nothing else. `file` reads what is varied, `draw`
//! makes the random ones, `table` and `plot` show what came of them. Each trial is a training like any other (see `train`).

mod draw;
mod file;
mod plot;
mod table;

pub use file::{SweepFile, Trial, trial_folder};
pub use table::{Outcome, document};

use crate::error::{Error, Exit, Result};
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use crate::report;
use crate::run::{Found, Kind, RunLock, Shard, replace_file};
use crate::train::{TrainPlan, TrainRequest, Trained, plan_asking, plan_training, train};
use crate::worker::Limits;
use plugin_api::Device;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// The ranking that a sweep's folder holds, if it holds one.
    pub fn read(out: &Path) -> Option<Swept> {
        serde_json::from_slice(&std::fs::read(out.join("sweep.json")).ok()?).ok()
    }

    /// The best first. Trials without a loss come last, in their own order.
    fn sort(&mut self) {
        self.trials.sort_by(|a, b| a.loss().total_cmp(&b.loss()));
    }

    pub fn failed(&self) -> usize {
        self.trials.iter().filter(|outcome| outcome.failure.is_some()).count()
    }
}

impl SweepRequest {
    fn training(&self, trial: &Trial) -> TrainRequest {
        TrainRequest {
            options: trial.options.clone(),
            out: trial.folder(&self.out),
            resume: true,
            device: self.device,
            threads: self.threads,
            limits: self.limits,
            patience: Duration::ZERO,
        }
    }
}

/// Plans a sweep whose trials other hosts carry out, and gives each trial's name and plan. Unless it is only to be shown, the folder gets
/// the sweep's file and every trial's plan.
///
/// # Errors
/// The file is wrong; the folder holds another sweep; a trial cannot be resolved, or the plugins refuse the first. A folder in which a sweep
/// began by this is left as it was found.
pub fn plan_sweep(
    registry: &Registry,
    lock: &Lock,
    request: &SweepRequest,
    write: bool,
    reporter: &Reporter,
) -> Result<Vec<(String, TrainPlan)>> {
    let file = SweepFile::read(&request.file)?;
    let found = Found::in_folder(&request.out);
    let begins = write && !SweepFile::kept_in(&request.out).is_file();
    if write {
        adopt(&request.out, &file)?;
    } else {
        check_same(&request.out, &file)?;
    }
    let plan = |(number, trial): (usize, &Trial)| {
        let training = request.training(trial);
        let planned = match number {
            // What is wrong with the first is wrong with all.
            0 => plan_asking(registry, lock, &training, write, reporter),
            _ => plan_training(registry, lock, &training, write),
        };
        let planned = planned.map_err(|error| error.context(format!("trial {}", trial.name)))?;
        Ok((trial.name.clone(), planned))
    };
    let planned: Result<Vec<_>> = file.trials.iter().enumerate().map(plan).collect();
    if planned.is_err() && begins {
        found.restore();
    }
    planned
}

/// Ranks the trials of a folder as far as they are, and trains none. `why` tells why a trial is not finished, where somebody knows.
///
/// # Errors
/// The folder holds no sweep, somebody is at work in it, or nothing can be written.
pub fn rank(out: &Path, why: impl Fn(&str) -> Option<String>) -> Result<Swept> {
    let file = SweepFile::of_folder(out)?.ok_or_else(|| {
        Error::usage(format!("{} is no sweep's folder: it has no sweep.toml", out.display()))
            .help("`host sweep` makes one")
    })?;
    let held = RunLock::take(out, Kind::Sweep, Shard::WHOLE)?;
    let outcome = |trial: &Trial| {
        let reason = || why(&trial.name).unwrap_or_else(|| "it is not finished".to_owned());
        Outcome::of(trial, Trained::read(&trial.folder(out)).ok_or_else(|| Error::failed(reason())))
    };
    let mut swept = Swept { varied: file.varied.clone(), trials: file.trials.iter().map(outcome).collect() };
    swept.sort();
    write(out, &swept)?;
    held.clear_parts(out);
    Ok(swept)
}

/// Runs the trials that are not finished, one after the other, and writes `sweep.json`, `table.md`, `table.csv` and `parallel.svg` after
/// each, so that they can be looked at meanwhile. None if this process was asked to stop before the end.
///
/// # Errors
/// The file is wrong, with its line; the folder holds another sweep; nothing can be written; the first trial is refused for what was asked for,
/// and then a folder in which the sweep began by this is left as it was found. Another trial that fails is an outcome.
pub fn sweep(registry: &Registry, lock: &Lock, request: &SweepRequest, reporter: &Reporter) -> Result<Option<Swept>> {
    let file = SweepFile::read(&request.file)?;
    let found = Found::in_folder(&request.out);
    let _held = RunLock::take(&request.out, Kind::Sweep, Shard::WHOLE)?;
    let begins = !SweepFile::kept_in(&request.out).is_file();
    adopt(&request.out, &file)?;
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut result = Swept { varied: file.varied.clone(), trials: Vec::new() };
    for (number, trial) in file.trials.iter().enumerate() {
        reporter.note(&format!("trial {} of {}: {}", number + 1, file.trials.len(), trial.told()));
        let trained = match train(registry, lock, &request.training(trial), reporter) {
            Ok(None) => return Ok(None),
            Ok(Some(trained)) => Ok(trained),
            Err(error) => Err(error),
        };
        if let Err(error) = &trained {
            // What is wrong with the first is wrong with all: a model that is not here, a disk that is full.
            if number == 0 && error.exit == Exit::Usage {
                if begins {
                    found.restore();
                }
                return Err(error.clone().context(format!("trial {}", trial.name)));
            }
            reporter.warn(&format!("trial {} failed: {error}", trial.name));
        }
        outcomes.push(Outcome::of(trial, trained));
        result.trials = outcomes.clone();
        result.sort();
        write(&request.out, &result)?;
    }
    Ok(Some(result))
}

/// Makes sure that the folder holds this sweep. It keeps the file too, so that others can go on with the folder alone.
fn adopt(out: &Path, file: &SweepFile) -> Result<()> {
    let trials = check_same(out, file)?;
    let [listed, kept] = [trials_file(out), SweepFile::kept_in(out)];
    if !listed.is_file() {
        replace_file(&listed, trials.as_bytes())?;
    }
    if kept.is_file() { Ok(()) } else { replace_file(&kept, file.text.as_bytes()) }
}

fn trials_file(out: &Path) -> PathBuf {
    out.join("trials.json")
}

/// Makes sure that the folder holds this sweep or none. Gives the trials as `trials.json` has them.
fn check_same(out: &Path, file: &SweepFile) -> Result<String> {
    Kind::Sweep.refuse_others(out)?;
    let path = trials_file(out);
    let now = serde_json::to_string_pretty(&file.trials)
        .map_err(|error| Error::failed(format!("cannot write the trials: {error}")))?
        + "\n";
    match std::fs::read_to_string(&path) {
        Ok(earlier) if earlier == now => Ok(now),
        Ok(_) => Err(Error::usage(format!("{} holds another sweep: its trials are others", out.display()))
            .help("choose another folder with --out DIR, or give the earlier file")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(now),
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
