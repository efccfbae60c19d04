//! `host eval`: plan, items, captions, scores, tables. Every step finds what is done already and does the rest.

mod captions;
mod compare;
mod devices;
mod items;
mod part;
mod queue;
mod resolve;
mod scores;
mod station;
mod supervise;
mod task;

pub use captions::item_seed;
pub use compare::{Comparison, ComparisonRequest, DatasetComparison, compare_models};
pub use devices::Jobs;
pub use items::prepared_items;
pub use resolve::{
    AUTOMATIC_BATCH, Request, Resolved, Skipped, captioner_of_model, captioner_of_weights, check_generation,
    dataset_entry_splits, dataset_spec, json_settings, metric_specs, overridden, planned_model, prepared,
    prepared_folder, prepared_spec, resolve,
};
pub use scores::score_run;
pub use supervise::one_answer;
pub use task::{PATIENCE, Planned, TaskOptions, plan_run, work_on};

use crate::energy::{EVERY_BOARD, Energy, Meter};
use crate::error::{Error, Result};
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use crate::report;
use crate::run::{Kind, Plan, RunDir, RunLock, read_predictions};
use crate::stop;
use std::collections::BTreeMap;

/// A cell or one of its metrics that failed, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FailedCell {
    pub dataset: String,
    /// `-` where no model of the dataset could be run.
    pub model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    pub reason: String,
    /// Is it for how it was asked for: a flag, a file or a registry entry that the plugin refuses?
    #[serde(skip)]
    pub configuration: bool,
}

/// What an evaluation came to.
#[derive(Debug)]
pub struct Evaluated {
    pub run: RunDir,
    pub failed: Vec<FailedCell>,
    pub skipped: Vec<Skipped>,
    /// True if this was one shard of several: scores and tables come with `host merge`.
    pub sharded: bool,
    /// True if it was asked to stop before its work was done.
    pub stopped: bool,
}

/// Runs an evaluation, or what is missing of it.
pub fn evaluate(registry: &Registry, lock: &Lock, request: &Request, reporter: &Reporter) -> Result<Evaluated> {
    let resolved = resolve(registry, lock, request)?;
    // Before a run directory holds a plan with plugins that cannot be opened.
    resolved.check_digests()?;
    for skipped in &resolved.skipped {
        reporter.note(&skipped.to_string());
    }
    let run = run_folder(registry, &resolved, request);
    let _held = RunLock::take(run.path(), Kind::Run, request.shard)?;
    let begun = run.plan_file().is_file();
    run.adopt(&resolved.plan)?;
    reporter.note(&format!("run directory: {}", run.path().display()));
    let meter = Meter::start(registry.energy());
    let mut failed = Vec::new();
    let items = items::list_items(&run, &resolved, request, reporter, &mut failed)?;
    captions::caption_all(&run, &resolved, request, &items, reporter, &mut failed)?;
    let stopped = stop::requested();
    if !begun && request.shard.is_whole() && !stopped && is_refused(&run, &resolved.plan, &failed)? {
        run.withdraw()?;
        let first = failed.first().map_or_else(String::new, |cell| {
            format!(": the first, {} on {}, since {}", cell.model, cell.dataset, cell.reason)
        });
        return Err(Error::usage(format!("nothing could be captioned as it was asked for: every cell failed{first}"))
            .help(format!(
                "correct the flag, file or registry entry: {} keeps no plan of this, so that the corrected command can use it",
                run.path().display()
            )));
    }
    if request.shard.is_whole() && !stopped {
        let metrics = resolved.metrics.clone();
        let prepared = |dataset: &str| {
            let dataset = resolved.datasets.iter().find(|other| other.name == dataset)?;
            dataset.prepared.as_ref().map(|prepared| prepared.folder.clone())
        };
        let (limits, threads) = (request.limits, request.threads);
        score_run(&run, &resolved.plan, &metrics, &prepared, limits, threads, reporter, &mut failed)?;
    }
    let mut devices: Vec<String> = resolved.models.iter().filter_map(|(model, _)| run.device_of(model)).collect();
    // A worker that sees one board calls it the first.
    if request.jobs != Jobs::ONE && devices.iter().any(|device| device.starts_with("cuda")) {
        devices.push(EVERY_BOARD.to_owned());
    }
    Energy::add(run.path(), &Energy::part_of(request.shard), registry.energy(), meter.stop(&devices))?;
    if request.shard.is_whole() && !stopped {
        report::write_report(&run, &resolved.plan, report::Additions::default())?;
    }
    Ok(Evaluated { run, failed, skipped: resolved.skipped, sharded: !request.shard.is_whole(), stopped })
}

/// Did every cell fail for how it was asked for, before anything was said of any item?
fn is_refused(run: &RunDir, plan: &Plan, failed: &[FailedCell]) -> Result<bool> {
    let cells: usize = plan.datasets.iter().map(|dataset| plan.models_on(&dataset.name).count()).sum();
    if failed.len() != cells || !failed.iter().all(|cell| cell.configuration) {
        return Ok(false);
    }
    for cell in failed {
        for file in run.prediction_files(&cell.dataset, &cell.model)? {
            if !read_predictions(&file)?.0.is_empty() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The folder that was asked for, else one beside the registry, named by the plan.
fn run_folder(registry: &Registry, resolved: &Resolved, request: &Request) -> RunDir {
    RunDir::new(request.run.clone().unwrap_or_else(|| {
        registry.dir().join("runs").join(format!("{}-{}", resolved.plan.command, resolved.plan.short_digest()))
    }))
}

/// The items of each dataset that could be listed.
type Items = BTreeMap<String, Vec<plugin_api::Item>>;
