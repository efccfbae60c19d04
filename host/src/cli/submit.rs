//! `host submit`

use super::Done;
use super::common::Common;
use super::eval::RunOptions;
use super::printing::{print, print_json};
use super::sweep::Sweep;
use super::train::Training;
use crate::error::{Error, Result};
use crate::eval::Jobs;
use crate::registry::Registry;
use crate::run::Shard;
use crate::status::counted;
use crate::submit::{
    EngineName, KubernetesOptions, Order, Resources, SlurmOptions, Submitted, What, WorkFlags, submit,
};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    subcommand_negates_reqs = true,
    after_help = "What flags leave out is taken from the run's last submission, then from [submit] in the registry. docs/clusters.md has \
                        a worked example of each."
)]
pub struct Arguments {
    /// Whose scheduler
    engine: Option<EngineName>,
    #[command(subcommand)]
    trainings: Option<Trainings>,
    /// Models of the registry, separated by commas; `all` is every one whose weights are here
    #[arg(long, value_delimiter = ',', conflicts_with = "resume", required_unless_present = "resume")]
    models: Vec<String>,
    /// Datasets of the registry, separated by commas, or `all`
    #[arg(long, value_delimiter = ',', conflicts_with = "resume", required_unless_present = "resume")]
    datasets: Vec<String>,
    /// Send what is missing of this run, sweep or training, and nothing else
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
    /// Divide each model's work into so many tasks [default: 1, or what it was]
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    shards: Option<u16>,
    /// Captioning workers of a task: a number, or `auto` for one a GPU
    #[arg(long, default_value = "auto", value_name = "auto|N")]
    jobs: Jobs,
    /// Print the scripts or manifests, and send nothing
    #[arg(long, global = true)]
    dry_run: bool,
    /// Print one JSON document
    #[arg(long, global = true, conflicts_with = "dry_run")]
    json: bool,
    #[command(flatten)]
    options: RunOptions,
    // Each of these has a heading for all of its flags, which goes on to what stands behind: they come last.
    #[command(flatten)]
    resources: Resources,
    #[command(flatten)]
    slurm: SlurmOptions,
    #[command(flatten)]
    kubernetes: KubernetesOptions,
}

/// Instead of a run.
#[derive(Debug, Subcommand)]
enum Trainings {
    /// A training, as `host train` takes it: one task
    #[command(
        override_usage = "host submit slurm|kubernetes train [OPTIONS] --model <MODEL> --dataset <DATASET> --out <DIR>"
    )]
    Train(Box<Training>),
    /// A sweep, as `host sweep` takes it: a task a trial, and a job behind them that ranks
    #[command(override_usage = "host submit slurm|kubernetes sweep [OPTIONS] <FILE>")]
    Sweep(Sweep),
}

impl Arguments {
    /// What is to be sent, and how tasks do it; no such flags: as before.
    fn what(&self, common: &Common, registry: &Registry) -> Result<(What, Option<WorkFlags>)> {
        let of_trainings = |limits: Vec<String>| Some(WorkFlags { captioning: None, limits });
        if let Some(run) = &self.resume {
            return match &self.trainings {
                None => Ok((What::Rest(run.clone()), None)),
                Some(_) => {
                    Err(Error::usage("--resume goes on with what a folder holds, and takes no `train` or `sweep`")
                        .help(format!("host submit --resume {}", run.display())))
                }
            };
        }
        if self.engine.is_none() {
            return Err(Error::usage("no scheduler is named").help("host submit slurm …, or host submit kubernetes …"));
        }
        let (models, datasets) = (&self.models, &self.datasets);
        if self.trainings.is_some() && !(models.is_empty() && datasets.is_empty() && self.shards.is_none()) {
            return Err(Error::usage("--models, --datasets and --shards divide captioning, and this is a training")
                .help("give what is trained behind `train` or `sweep`; `host submit slurm train --help` shows it"));
        }
        Ok(match &self.trainings {
            Some(Trainings::Train(training)) => {
                // A training that is there already is gone on with, as the job does when it is begun again.
                let request = training.request(common, true)?;
                (What::Training(Box::new(request)), of_trainings(training.limits.as_arguments()))
            }
            Some(Trainings::Sweep(sweep)) => {
                let request = sweep.request(common, registry);
                (What::Sweep(Box::new(request)), of_trainings(sweep.limits.as_arguments()))
            }
            None => {
                let options = &self.options;
                let request = options.request(common, models, datasets, Jobs::ONE, Shard::WHOLE)?;
                let work = WorkFlags::captioning(options.batch_size, self.jobs, options.limits.as_arguments());
                (What::Run(Box::new(request)), Some(work))
            }
        })
    }
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    let (what, work) = arguments.what(common, &registry)?;
    let order = Order {
        what,
        engine: arguments.engine,
        shards: arguments.shards.map(usize::from),
        resources: arguments.resources.clone(),
        slurm: arguments.slurm.clone(),
        kubernetes: arguments.kubernetes.clone(),
        work,
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
                    "submission {} of {path}: {}, jobs {}\nhost status {path} shows how far they are\n",
                    submission.number,
                    counted(submission.tasks.len(), "task"),
                    jobs.join(" ")
                ))?;
            }
        }
        Submitted::NothingMissing { run, merges } => {
            let path = run.path();
            let rest = if merges { format!("; host merge {} tabulates", path.display()) } else { String::new() };
            reporter.note(&format!("nothing is missing of {}{rest}", path.display()));
            if arguments.json {
                print_json(&serde_json::json!({ "run": path, "submission": null, "tasks": [], "jobs": [] }))?;
            }
        }
    }
    Ok(Done::All)
}
