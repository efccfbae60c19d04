//! `host recommend`

use super::Done;
use super::common::{Common, LimitFlags};
use super::printing::{print_json, print_tables};
use crate::error::Result;
use crate::recommend::{Request, all_failed, recommend};
use crate::report::Published;
use crate::stop;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 75: asked to stop by SIGTERM or SIGUSR1; the trials that are done are saved, and the same command goes on."
)]
pub struct Arguments {
    /// The experiment: data, models with their grids, evaluation (docs/recommend.md)
    experiment: PathBuf,
    /// The run directory [default: runs/recommend-… beside the registry, named by the plan]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// A run whose captions stand in for missing descriptions: models that learn from texts are there twice, with the catalogue as it is and completed
    #[arg(long, value_name = "RUN")]
    captions: Option<PathBuf>,
    /// The model of that run [default: the only one]
    #[arg(long, value_name = "NAME", requires = "captions")]
    captions_model: Option<String>,
    /// Put published figures beside the results: `study`, or a TOML file
    #[arg(long, value_name = "study|FILE")]
    beside: Option<String>,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitFlags,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    stop::listen();
    let (registry, lock) = common.registry_and_lock()?;
    let request = Request {
        experiment: arguments.experiment.clone(),
        run: arguments.run.clone(),
        captions: arguments.captions.clone().map(|run| (run, arguments.captions_model.clone())),
        beside: arguments.beside.as_deref().map(Published::read).transpose()?,
        device: common.device,
        threads: common.threads,
        limits: (&arguments.limits).into(),
    };
    let (run, results) = recommend(&registry, &lock, &request, &common.reporter())?;
    if !results.has_scores() {
        return Err(all_failed(&results));
    }
    if arguments.json {
        let mut document = serde_json::to_value(&results).unwrap_or_default();
        document["run"] = serde_json::json!(run);
        print_json(&document)?;
    } else {
        print_tables(&results.document(request.beside.as_ref()))?;
    }
    Ok(if results.has_failures() { Done::SomeFailed } else { Done::All })
}
