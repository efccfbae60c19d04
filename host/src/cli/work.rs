//! `host work`: what the jobs of `host submit` run.

use super::Done;
use super::common::{Common, LimitFlags};
use crate::error::{Error, Result};
use crate::eval::{Jobs, TaskOptions, work_on};
use crate::run::RunDir;
use crate::stop;
use crate::submit::{Submission, TaskEvent, note};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 75: asked to stop by SIGTERM or SIGUSR1; what is done is saved, and the same command goes on."
)]
pub struct Arguments {
    /// The run directory
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

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    stop::listen();
    let (run, plan) = RunDir::existing(&arguments.run)?;
    let submission = Submission::read(&run, arguments.submission)?;
    let number = arguments.task()?;
    let task = submission.tasks.get(number).ok_or_else(|| {
        let count = submission.tasks.len();
        Error::usage(format!("submission {} has no task {number}", submission.number))
            .help(format!("its {count} tasks have the numbers from 0"))
    })?;
    let reporter = common.reporter();
    reporter.note(&format!("task {number}: shard {} of {}", task.shard, task.model));
    let say = |event: TaskEvent| note(&run, submission.number, number, event);
    say(TaskEvent::Started { machine: machine() });
    let options = TaskOptions {
        batch_size: arguments.batch_size,
        jobs: arguments.jobs,
        threads: common.threads,
        limits: (&arguments.limits).into(),
    };
    let worked = common.registry_and_lock().and_then(|(registry, lock)| {
        work_on(&registry, &lock, &run, &plan, (&task.model, task.shard), options, &reporter)
    });
    match worked {
        Ok(evaluated) if evaluated.stopped => {
            say(TaskEvent::Stopped);
            reporter.note("stopped, as asked; what is done is saved");
            Ok(Done::Stopped)
        }
        Ok(evaluated) => {
            let reason = evaluated.failed.first().map(|failed| format!("{}: {}", failed.dataset, failed.reason));
            say(TaskEvent::Ended { code: u8::from(reason.is_some()), reason: reason.clone() });
            Ok(if reason.is_some() { Done::SomeFailed } else { Done::All })
        }
        Err(error) => {
            say(TaskEvent::Ended { code: error.exit.code(), reason: Some(error.message.clone()) });
            Err(error)
        }
    }
}

impl Arguments {
    fn task(&self) -> Result<usize> {
        let number = |name: &str| std::env::var(name).ok()?.parse::<usize>().ok();
        let indexed = || number("JOB_COMPLETION_INDEX").map(|index| index + self.first_task);
        self.task.or_else(indexed).or_else(|| number("SLURM_ARRAY_TASK_ID")).ok_or_else(|| {
            Error::usage("no task is named, and no scheduler's environment names one").help("give --task N")
        })
    }
}

/// The machine's name, as schedulers give it or the system has it.
fn machine() -> String {
    let named = ["SLURMD_NODENAME", "HOSTNAME"].iter().find_map(|name| std::env::var(name).ok());
    named.unwrap_or_else(|| {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        name.trim().to_owned()
    })
}
