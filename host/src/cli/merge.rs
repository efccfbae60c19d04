//! `host merge`

use super::Done;
use super::common::{Common, LimitFlags};
use super::printing::{print_json, print_tables};
use super::sweep;
use crate::error::{Error, Result};
use crate::eval::{FailedCell, metric_specs, prepared, score_run};
use crate::report;
use crate::run::{CellFailure, Kind, Plan, RunDir, RunLock, Shard, merge};
use crate::stop;
use crate::submit::{Folder, Note, Submission, Task, TaskEvent};
use crate::sweep::{document, rank};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The run directory that receives the whole; or a sweep's folder, whose trials are ranked
    run: PathBuf,
    /// Other run directories of the same plan that hold shards
    parts: Vec<PathBuf>,
    /// Wait until the tasks of the run's last submission have ended
    #[arg(long)]
    wait: bool,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitFlags,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    let folder = Folder::of(&arguments.run)?;
    if arguments.wait && !tasks_ended(&RunDir::new(&arguments.run), common)? {
        return Ok(Done::Stopped);
    }
    match folder {
        Folder::Run(run, plan) => merge_run(common, arguments, &run, &plan),
        Folder::Sweep(run, _) if arguments.parts.is_empty() => rank_sweep(&run, arguments.json),
        Folder::Sweep(..) => {
            Err(Error::usage("a sweep's trials are in its own folder").help("host merge SWEEP, and nothing behind it"))
        }
        Folder::Training(run, _) => {
            Err(Error::usage(format!("{} holds one training, and nothing to be joined", run.path().display()))
                .help(format!("`host status {}` tells how far it is", run.path().display())))
        }
    }
}

fn rank_sweep(run: &RunDir, json: bool) -> Result<Done> {
    let submission = Submission::last(run)?;
    let ended: Vec<(&str, String)> = submission
        .iter()
        .flat_map(|submission| submission.tasks.iter().zip(submission.last_notes(run)))
        .filter_map(|(task, note)| match (task, note?.event) {
            (Task::Trial { trial, .. }, TaskEvent::Ended { reason, .. }) => Some((trial.as_str(), reason?)),
            _ => None,
        })
        .collect();
    let swept =
        rank(run.path(), |trial| ended.iter().find(|(other, _)| *other == trial).map(|(_, reason)| reason.clone()))?;
    match json {
        true => print_json(&swept)?,
        false => print_tables(&document(&swept))?,
    }
    sweep::done(&swept)
}

fn merge_run(common: &Common, arguments: &Arguments, run: &RunDir, plan: &Plan) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    let held = RunLock::take(run.path(), Kind::Run, Shard::WHOLE)?;
    let mut parts = Vec::new();
    for part in &arguments.parts {
        let (part, other) = RunDir::existing(part)?;
        part.adopt(plan).map_err(|error| error.context(format!("{} cannot be merged", part.path().display())))?;
        drop(other);
        parts.push(part);
    }
    let reporter = common.reporter();
    let mut failed = Vec::new();
    for dataset in &plan.datasets {
        for model in plan.models_on(&dataset.name) {
            if let Some(CellFailure { reason }) = merge(run, &parts, &dataset.name, &model.name)? {
                reporter.warn(&format!("{} on {}: {reason}", model.name, dataset.name));
                let (dataset, model) = (dataset.name.clone(), model.name.clone());
                failed.push(FailedCell { dataset, model, metric: None, reason, configuration: false });
            }
        }
    }
    let names: Vec<String> = plan
        .metrics
        .iter()
        .flat_map(|metric| if metric.values.is_empty() { vec![metric.name.clone()] } else { metric.values.clone() })
        .collect();
    let metrics = metric_specs(&registry, &lock, &names, None, &mut Vec::new())?;
    let folder_of = |name: &str| prepared(&registry, name).ok().flatten().map(|prepared| prepared.folder);
    let limits = (&arguments.limits).into();
    score_run(run, plan, &metrics, &folder_of, limits, common.threads, &reporter, &mut failed)?;
    let results = report::write_report(run, plan, report::Additions::default())?;
    held.clear_parts(run.path());
    match arguments.json {
        true => {
            print_json(&serde_json::json!({ "run": run.path(), "scores": results.scores_json(), "failed": failed }))?
        }
        false => print_tables(&results.document())?,
    }
    Ok(if failed.is_empty() { Done::All } else { Done::SomeFailed })
}

/// Waits for the tasks of the last submission, by what they say of themselves; false if this process was asked to stop meanwhile.
fn tasks_ended(run: &RunDir, common: &Common) -> Result<bool> {
    stop::listen();
    let Some(submission) = Submission::last(run)? else { return Ok(true) };
    let mut said = usize::MAX;
    loop {
        let notes = submission.last_notes(run);
        let ended = |note: &Option<Note>| matches!(note, Some(Note { event: TaskEvent::Ended { .. }, .. }));
        let open = notes.iter().filter(|note| !ended(note)).count();
        if open == 0 {
            return Ok(true);
        }
        if open != std::mem::replace(&mut said, open) {
            common.reporter().note(&format!("waiting for {open} of {} tasks", notes.len()));
        }
        if stop::requested() {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}
