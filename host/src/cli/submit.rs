//! `host submit`

use super::Done;
use super::common::{Common, print, print_json};
use super::eval::RunOptions;
use crate::error::{Error, Result};
use crate::eval::Jobs;
use crate::run::Shard;
use crate::submit::{
    EngineName, KubernetesOptions, Order, Resources, SlurmOptions, Submitted, What, submit, work_flags,
};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "What flags leave out is taken from the run's last submission, then from [submit] in the registry. docs/clusters.md has \
                        a worked example of each."
)]
pub struct Arguments {
    /// Whose scheduler
    engine: Option<EngineName>,
    /// Models of the registry, separated by commas; `all` is every one whose weights are here
    #[arg(long, value_delimiter = ',', conflicts_with = "resume", required_unless_present = "resume")]
    models: Vec<String>,
    /// Datasets of the registry, separated by commas, or `all`
    #[arg(long, value_delimiter = ',', conflicts_with = "resume", required_unless_present = "resume")]
    datasets: Vec<String>,
    /// Send what is missing of this run, and nothing else
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
    /// Divide each model's work into so many tasks [default: 1, or what it was]
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    shards: Option<u16>,
    /// Captioning workers of a task: a number, or `auto` for one a GPU
    #[arg(long, default_value = "auto", value_name = "auto|N")]
    jobs: Jobs,
    /// Print the scripts or manifests, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document
    #[arg(long, conflicts_with = "dry_run")]
    json: bool,
    #[command(flatten)]
    resources: Resources,
    #[command(flatten)]
    slurm: SlurmOptions,
    #[command(flatten)]
    kubernetes: KubernetesOptions,
    #[command(flatten)]
    options: RunOptions,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    let what = match &arguments.resume {
        Some(run) => What::Rest(run.clone()),
        None => {
            if arguments.engine.is_none() {
                return Err(
                    Error::usage("no scheduler is named").help("host submit slurm …, or host submit kubernetes …")
                );
            }
            let (models, datasets) = (&arguments.models, &arguments.datasets);
            What::Request(Box::new(arguments.options.request(common, models, datasets, Jobs::ONE, Shard::WHOLE)?))
        }
    };
    let resumed = arguments.resume.is_some();
    let work = || work_flags(arguments.options.batch_size, arguments.jobs, arguments.options.limits.as_arguments());
    let order = Order {
        run: what,
        engine: arguments.engine,
        shards: arguments.shards.map(usize::from),
        resources: arguments.resources.clone(),
        slurm: arguments.slurm.clone(),
        kubernetes: arguments.kubernetes.clone(),
        work: (!resumed).then(work),
        registry: common.registry.clone(),
        plugin_dir: common.plugin_dir.clone(),
        dry_run: arguments.dry_run,
    };
    let reporter = common.reporter();
    match submit(&registry, &lock, order, &reporter)? {
        Submitted::Text(text) => print(&text)?,
        Submitted::Sent { run, submission } => {
            let jobs: Vec<&str> = submission.jobs.iter().map(|job| job.id.as_str()).collect();
            if arguments.json {
                print_json(&serde_json::json!({
                    "run": run.path(),
                    "submission": submission.number,
                    "tasks": submission.tasks,
                    "jobs": submission.jobs,
                }))?;
            } else {
                let path = run.path().display();
                print(&format!(
                    "submission {} of {path}: {} tasks, jobs {}\nhost status {path} shows how far they are\n",
                    submission.number,
                    submission.tasks.len(),
                    jobs.join(" ")
                ))?;
            }
        }
        Submitted::NothingMissing(run) => {
            let path = run.path();
            reporter.note(&format!(
                "nothing is missing of {0}; host merge {0} joins, scores and tabulates",
                path.display()
            ));
            if arguments.json {
                print_json(&serde_json::json!({ "run": path, "submission": null, "tasks": [], "jobs": [] }))?;
            }
        }
    }
    Ok(Done::All)
}
