//! `host eval`

use super::Done;
use super::common::{Common, GenerationFlags, LimitFlags, limit};
use super::printing::{print_json, print_tables};
use crate::error::{Error, Result};
use crate::eval::{AUTOMATIC_BATCH, Evaluated, Jobs, Request, evaluate};
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use crate::report;
use crate::run::{RunDir, Shard};
use crate::stop;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Models of the registry, separated by commas; `all` is every one whose weights are here
    #[arg(long, value_delimiter = ',', required = true)]
    models: Vec<String>,
    /// Datasets of the registry, separated by commas, or `all`
    #[arg(long, value_delimiter = ',', required = true)]
    datasets: Vec<String>,
    /// A PEFT adapter to apply to the one model named
    #[arg(long, value_name = "DIR")]
    adapter: Option<PathBuf>,
    #[command(flatten)]
    options: RunOptions,
    /// Captioning workers at once: a number, or `auto` for one a GPU; CPU threads are divided among them
    #[arg(long, default_value = "1", value_name = "auto|N")]
    jobs: Jobs,
    /// Do the M-th of N parts [default: from Slurm's or Kubernetes' environment, else the whole]
    #[arg(long, value_name = "M/N", value_parser = shard)]
    shard: Option<Shard>,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
}

/// What a run is made of, besides its models and datasets: shared with `host submit`.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// Metrics, separated by commas: families (bleu), values (bleu-4) or `all`
    #[arg(long, value_delimiter = ',', default_value = "all")]
    metrics: Vec<String>,
    /// train, validation, test or all
    #[arg(long, default_value = "test")]
    split: String,
    /// The first N items of each dataset
    #[arg(long, value_name = "N", value_parser = limit)]
    limit: Option<usize>,
    /// Caption items without a description too, for `--captions` of `host embed` and `host recommend`; no score counts them
    #[arg(long)]
    undescribed: bool,
    /// The run directory [default: runs/eval-… beside the registry, named by the plan]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Images in a batch, or `auto`: as many as fit into the device's memory, at most 64
    #[arg(long, default_value = "8", value_name = "N", value_parser = batch_size)]
    pub batch_size: usize,
    #[command(flatten)]
    generation: GenerationFlags,
    #[command(flatten)]
    pub limits: LimitFlags,
}

impl RunOptions {
    pub fn request(
        &self,
        common: &Common,
        models: &[String],
        datasets: &[String],
        jobs: Jobs,
        shard: Shard,
    ) -> Result<Request> {
        Ok(Request {
            models: models.to_vec(),
            datasets: datasets.to_vec(),
            metrics: self.metrics.clone(),
            split: self.split.clone(),
            limit: self.limit,
            undescribed: self.undescribed,
            run: self.run.clone(),
            device: common.device,
            batch_size: self.batch_size,
            jobs,
            shard,
            threads: common.threads,
            seed: common.seed,
            generation: (&self.generation).into(),
            limits: (&self.limits).into(),
        })
    }
}

/// A number, or `auto`.
pub fn batch_size(text: &str) -> Result<usize, String> {
    match text {
        "auto" => Ok(AUTOMATIC_BATCH),
        "0" => Err("a batch of 0 images cannot be captioned; give 1 or more, or auto".to_owned()),
        number => number.parse().map_err(|_| "give a number, or auto".to_owned()),
    }
}

fn shard(text: &str) -> Result<Shard, String> {
    text.parse().map_err(|error: Error| error.to_string())
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    stop::listen();
    let (mut registry, lock) = common.registry_and_lock()?;
    let shard = match arguments.shard {
        Some(shard) => shard,
        None => Shard::from_environment(|name| std::env::var(name).ok()).transpose()?.unwrap_or(Shard::WHOLE),
    };
    let models = match (&arguments.adapter, arguments.models.as_slice()) {
        (None, models) => models.to_vec(),
        (Some(adapter), [model]) if model != "all" => vec![registry.adapted(model, adapter)?],
        (Some(_), _) => {
            return Err(Error::usage("an adapter belongs to one model")
                .help("name that one with --models; models with adapters can stand in the registry too"));
        }
    };
    let request = arguments.options.request(common, &models, &arguments.datasets, arguments.jobs, shard)?;
    evaluate_and_print(&registry, &lock, &request, &common.reporter(), arguments.json)
}

/// Evaluates and prints the table.
fn evaluate_and_print(
    registry: &Registry,
    lock: &Lock,
    request: &Request,
    reporter: &Reporter,
    json: bool,
) -> Result<Done> {
    let evaluated = evaluate(registry, lock, request, reporter)?;
    if evaluated.stopped {
        reporter.note("stopped, as asked; what is saved stays, and the same command goes on");
        return Ok(Done::Stopped);
    }
    if evaluated.sharded {
        reporter.note(&format!(
            "shard {} is done; when all are: host merge {}",
            request.shard,
            evaluated.run.path().display()
        ));
        if json {
            print_json(&serde_json::json!({
                "run": evaluated.run.path(),
                "shard": request.shard.to_string(),
                "failed": evaluated.failed,
                "skipped": evaluated.skipped,
            }))?;
        }
    } else {
        print_results(&evaluated.run, &evaluated, json)?;
    }
    done(&evaluated)
}

/// The exit code that an evaluation comes to.
pub fn done(evaluated: &Evaluated) -> Result<Done> {
    let cells = evaluated.failed.iter().filter(|failed| failed.metric.is_none()).count();
    let none_left = !evaluated.failed.is_empty() && !any_captions(evaluated);
    match (evaluated.failed.is_empty(), none_left) {
        (true, _) => Ok(Done::All),
        (false, false) => Ok(Done::SomeFailed),
        (false, true) => Err(Error::failed(format!("all {cells} cells failed")).help("the reasons stand above")),
    }
}

fn any_captions(evaluated: &Evaluated) -> bool {
    if evaluated.sharded {
        return true;
    }
    let Ok((_, plan)) = RunDir::existing(evaluated.run.path()) else { return false };
    report::collect(&evaluated.run, &plan).cells().any(|(_, model)| model.items > 0)
}

/// The table on standard output, and where the files are on standard error.
pub fn print_results(run: &RunDir, evaluated: &Evaluated, json: bool) -> Result<()> {
    let (_, plan) = RunDir::existing(run.path())?;
    let results = report::collect(run, &plan);
    if json {
        return print_json(&serde_json::json!({
            "run": run.path(),
            "scores": results.scores_json(),
            "failed": evaluated.failed,
            "skipped": evaluated.skipped,
        }));
    }
    print_tables(&results.document())
}
