//! `host merge`

use super::Done;
use super::common::{Common, LimitFlags, print};
use crate::error::Result;
use crate::eval::{FailedCell, metric_specs, prepared, score_run};
use crate::report;
use crate::run::{CellFailure, RunDir, RunLock, Shard, merge};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The run directory that receives the whole
    run: PathBuf,
    /// Other run directories of the same plan that hold shards
    parts: Vec<PathBuf>,
    #[command(flatten)]
    limits: LimitFlags,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    let (run, plan) = RunDir::existing(&arguments.run)?;
    let _held = RunLock::acquire(run.path(), Shard::WHOLE)?;
    let mut parts = Vec::new();
    for part in &arguments.parts {
        let (part, other) = RunDir::existing(part)?;
        part.adopt(&plan).map_err(|error| error.context(format!("{} cannot be merged", part.path().display())))?;
        drop(other);
        parts.push(part);
    }
    let reporter = common.reporter();
    let mut failed = Vec::new();
    for dataset in &plan.datasets {
        for model in &plan.models {
            if let Some(CellFailure { reason }) = merge(&run, &parts, &dataset.name, &model.name)? {
                reporter.warn(&format!("{} on {}: {reason}", model.name, dataset.name));
                let (dataset, model) = (dataset.name.clone(), model.name.clone());
                failed.push(FailedCell { dataset, model, metric: None, reason });
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
    score_run(&run, &plan, &metrics, &folder_of, limits, common.threads, &reporter, &mut failed)?;
    let results = report::write_report(&run, &plan, report::Additions::default())?;
    print(&report::terminal(&results.document()))?;
    Ok(if failed.is_empty() { Done::All } else { Done::SomeFailed })
}
