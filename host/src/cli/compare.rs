//! `host compare`

use super::Done;
use super::common::{Common, LimitFlags};
use super::printing::{print_json, print_tables};
use crate::error::{Error, Result};
use crate::eval::{ComparisonRequest, compare_models};
use crate::recommend::RecommendPlan;
use crate::run::RunDir;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Arguments {
    /// A run directory
    run: PathBuf,
    /// The model to compare with
    #[arg(long, value_name = "MODEL")]
    baseline: String,
    /// The model that is compared
    #[arg(long, value_name = "MODEL")]
    candidate: String,
    /// Datasets, separated by commas [default: all of the run]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    datasets: Vec<String>,
    /// Metrics, separated by commas: families (bleu) or values (bleu-4) [default: all of the run]
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    metrics: Vec<String>,
    /// Bootstrap resamples, and as many random swaps
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    resamples: u32,
    /// Print one JSON document, unscaled
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitFlags,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    RecommendPlan::refuse_at(
        &arguments.run,
        "its comparisons.csv compares every two models; `host report RUN` prints those of the first value",
    )?;
    let (run, plan) = RunDir::existing(&arguments.run)?;
    let request = ComparisonRequest {
        baseline: arguments.baseline.clone(),
        candidate: arguments.candidate.clone(),
        datasets: arguments.datasets.clone(),
        metrics: arguments.metrics.clone(),
        resamples: arguments.resamples as usize,
        seed: common.seed,
        limits: (&arguments.limits).into(),
        threads: common.threads,
    };
    let comparison = compare_models(&registry, &lock, &run, &plan, &request, &common.reporter())?;
    if arguments.json {
        print_json(&comparison)?;
    } else {
        print_tables(&comparison.document())?;
    }
    match (comparison.comparisons, comparison.failed()) {
        (_, 0) => Ok(Done::All),
        (0, _) => Err(Error::failed("nothing could be compared").help("the reasons stand above")),
        _ => Ok(Done::SomeFailed),
    }
}
