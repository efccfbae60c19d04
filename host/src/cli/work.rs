//! `host work`: what the jobs of `host submit` run.

use super::Done;
use super::common::{Common, LimitFlags};
use crate::error::{Error, Result};
use crate::eval::{Jobs, PATIENCE, TaskOptions, work_on};
use crate::machine::machine_name;
use crate::progress::Reporter;
use crate::run::{RunDir, RunLock, Shard};
use crate::stop;
use crate::submit::{Submission, Task, TaskEvent, note};
use crate::sweep::trial_folder;
use crate::train::{TrainPlan, TrainRequest, train};
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 75: asked to stop by SIGTERM or SIGUSR1; what is done is saved, and the same command goes on."
)]
pub struct Arguments {
    /// The run directory, or the folder of the sweep or training
    run: PathBuf,
    /// The submission that the task is of
    #[arg(long, value_name = "N")]
    submission: usize,
    /// The task, from 0 [default: from Slurm's or Kubernetes' environment]
    #[arg(long, value_name = "N")]
    task: Option<usize>,
    /// Added to Kubernetes' index
    #[arg(long, value_name = "N", default_value_t = 0)]
    first_task: usize,
    /// Captioning workers at once: a number, or `auto` for one a GPU
    #[arg(long, default_value = "auto", value_name = "auto|N")]
    jobs: Jobs,
    /// Images in a batch, or `auto`
    #[arg(long, default_value = "8", value_name = "N", value_parser = super::eval::batch_size)]
    batch_size: usize,
    #[command(flatten)]
    limits: LimitFlags,
}

/// What a task came to.
enum Worked {
    Done,
    /// With what failed first.
    SomeFailed(String),
    Stopped,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    stop::listen();
    let run = RunDir::new(&arguments.run);
    let submission = Submission::read(&run, arguments.submission)?;
    let number = arguments.task()?;
    let task = submission.tasks.get(number).ok_or_else(|| {
        let count = submission.tasks.len();
        Error::usage(format!("submission {} has no task {number}", submission.number))
            .help(format!("its {count} tasks have the numbers from 0"))
    })?;
    let reporter = common.reporter();
    reporter.note(&format!("task {number}: {task}"));
    let say = |event: TaskEvent| note(&run, submission.number, number, event);
    say(TaskEvent::Started { machine: machine_name() });
    let worked = match task {
        Task::Part { model, shard } => arguments.caption(common, (model, *shard), &reporter),
        Task::Trial { trial, .. } => {
            // Beside other trials, and not beside a host that has the whole sweep.
            let held = RunLock::wait_for(run.path(), Shard::WHOLE, Some(trial), PATIENCE, |text| reporter.note(text));
            held.and_then(|_held| arguments.train(common, &trial_folder(run.path(), trial), &reporter))
        }
        Task::Training { .. } => arguments.train(common, run.path(), &reporter),
    };
    match worked {
        Ok(Worked::Stopped) => {
            say(TaskEvent::Stopped);
            reporter.note("stopped, as asked; what is done is saved");
            Ok(Done::Stopped)
        }
        Ok(Worked::Done) => {
            say(TaskEvent::Ended { code: 0, reason: None });
            Ok(Done::All)
        }
        Ok(Worked::SomeFailed(reason)) => {
            say(TaskEvent::Ended { code: 1, reason: Some(reason) });
            Ok(Done::SomeFailed)
        }
        Err(error) => {
            say(TaskEvent::Ended { code: error.exit.code(), reason: Some(error.message.clone()) });
            Err(error)
        }
    }
}

impl Arguments {
    fn caption(&self, common: &Common, part: (&str, Shard), reporter: &Reporter) -> Result<Worked> {
        let (registry, lock) = common.registry_and_lock()?;
        let (run, plan) = RunDir::existing(&self.run)?;
        let options = TaskOptions {
            batch_size: self.batch_size,
            jobs: self.jobs,
            threads: common.threads,
            limits: (&self.limits).into(),
        };
        let evaluated = work_on(&registry, &lock, &run, &plan, part, options, reporter)?;
        Ok(match evaluated.failed.first() {
            _ if evaluated.stopped => Worked::Stopped,
            Some(failed) => Worked::SomeFailed(format!("{}: {}", failed.dataset, failed.reason)),
            None => Worked::Done,
        })
    }

    /// Trains what was planned for a folder, or goes on with it.
    fn train(&self, common: &Common, folder: &Path, reporter: &Reporter) -> Result<Worked> {
        let (registry, lock) = common.registry_and_lock()?;
        let plan = TrainPlan::read(folder)?.ok_or_else(|| {
            Error::usage(format!("{} holds no training: it has no train.toml", folder.display()))
                .help("`host submit` writes it; submit again")
        })?;
        let request = TrainRequest {
            options: plan.options.clone(),
            out: folder.to_owned(),
            resume: true,
            device: plan.device.parse()?,
            threads: common.threads,
            limits: (&self.limits).into(),
            patience: PATIENCE,
        };
        let trained = train(&registry, &lock, &request, reporter)?;
        Ok(if trained.is_some() { Worked::Done } else { Worked::Stopped })
    }

    fn task(&self) -> Result<usize> {
        let number = |name: &str| std::env::var(name).ok()?.parse::<usize>().ok();
        let indexed = || number("JOB_COMPLETION_INDEX").map(|index| index + self.first_task);
        self.task.or_else(indexed).or_else(|| number("SLURM_ARRAY_TASK_ID")).ok_or_else(|| {
            Error::usage("no task is named, and no scheduler's environment names one").help("give --task N")
        })
    }
}
