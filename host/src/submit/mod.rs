//! `host submit`: what is missing of a run, a sweep or a training, as jobs of somebody's scheduler. `planned` and `tasks` find what is missing,
//! `sizing` its memory, `work` says what the jobs run, `slurm` and `kubernetes` write and send the jobs, `record` keeps what was sent, `seen` asks the scheduler what became of
//! it. Nothing here captions or trains.

mod kubernetes;
mod planned;
mod record;
mod resources;
mod scheduler;
mod seen;
mod sizing;
mod slurm;
mod tasks;
mod work;

pub use kubernetes::KubernetesOptions;
pub use planned::Folder;
pub use record::{Engine, Job, Note, Submission, Task, TaskEvent, note, now, trial_cell};
pub use resources::Resources;
pub use seen::{Seen, SeenTasks, look};
pub use slurm::SlurmOptions;
pub use work::WorkFlags;

use crate::error::{Error, Result};
use crate::eval::Request;
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use crate::run::RunDir;
use crate::sweep::SweepRequest;
use crate::train::TrainRequest;
use planned::Planned;
use plugin_api::Device;
use serde::Deserialize;
use sizing::{Load, Sizing};
use std::path::PathBuf;
use work::{Work, common_flags, program};

/// GiB of the job that merges and scores.
const MERGE_MEMORY: u64 = 4;

/// `[submit]` of the registry: what flags leave out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubmitDefaults {
    pub slurm: SlurmOptions,
    pub kubernetes: KubernetesOptions,
    pub task: Resources,
}

/// What is to be submitted, and where.
pub struct Order {
    pub what: What,
    /// None: that of the run's last submission.
    pub engine: Option<EngineName>,
    /// None: as many as in the last submission, else 1.
    pub shards: Option<usize>,
    pub resources: Resources,
    pub slurm: SlurmOptions,
    pub kubernetes: KubernetesOptions,
    /// None: those of the last submission.
    pub work: Option<WorkFlags>,
    /// `--registry` and `--plugin-dir` as they were given.
    pub registry: Option<PathBuf>,
    pub plugin_dir: Option<PathBuf>,
    pub dry_run: bool,
}

/// Something new, or what is missing of what a folder holds.
pub enum What {
    Run(Box<Request>),
    Sweep(Box<SweepRequest>),
    Training(Box<TrainRequest>),
    Rest(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum EngineName {
    Slurm,
    Kubernetes,
}

/// What came of it.
pub enum Submitted {
    /// The scripts or manifests, not sent.
    Text(String),
    Sent {
        run: RunDir,
        submission: Box<Submission>,
    },
    /// All tasks are done; `merges` tells whether that is not all.
    NothingMissing {
        run: RunDir,
        merges: bool,
    },
}

/// Plans what is asked for, or looks at it, and sends what is missing.
pub fn submit(registry: &Registry, lock: &Lock, order: Order, reporter: &Reporter) -> Result<Submitted> {
    let planned = Planned::new(registry, lock, &order.what, !order.dry_run, reporter)?;
    let run = planned.run().clone();
    let last = Submission::last(&run)?;
    if let Some(last) = &last {
        refuse_active(&run, last)?;
    }
    let defaults = registry.submit_defaults();
    let last_engine = last.as_ref().map(|last| &last.engine);
    let engine = match (order.engine, last_engine) {
        (Some(EngineName::Slurm), Some(Engine::Slurm(before))) | (None, Some(Engine::Slurm(before))) => {
            Engine::Slurm(order.slurm.or(before))
        }
        (Some(EngineName::Kubernetes), Some(Engine::Kubernetes(before))) | (None, Some(Engine::Kubernetes(before))) => {
            Engine::Kubernetes(order.kubernetes.or(before))
        }
        (Some(EngineName::Slurm), _) => Engine::Slurm(order.slurm.or(&defaults.slurm)),
        (Some(EngineName::Kubernetes), _) => Engine::Kubernetes(order.kubernetes.or(&defaults.kubernetes)),
        (None, None) => {
            return Err(Error::usage(format!("{} was never submitted", run.path().display()))
                .help("say where to: `host submit slurm --resume RUN` or `host submit kubernetes --resume RUN`"));
        }
    };
    let resources = order.resources.or(last.as_ref().map_or(&defaults.task, |last| &last.resources));
    let shards = order.shards.or(last.as_ref().map(|last| last.shards)).unwrap_or(1);
    let sizing = Sizing::new(registry, lock, reporter);
    let tasks = planned.missing(|model| sizing.weights(model), shards)?;
    if tasks.is_empty() {
        return Ok(Submitted::NothingMissing { run, merges: planned.merges() });
    }
    let flags = order.work.or_else(|| last.as_ref().map(|last| last.work.clone())).unwrap_or_default();
    let number = last.map_or(1, |last| last.number + 1);
    let in_image = matches!(engine, Engine::Kubernetes(_));
    let (told, merge) = planned.told();
    let work = Work {
        run: &run,
        number,
        name: format!("lookbook-{}", plain_name(&run)),
        resources: &resources,
        program: program()?,
        common: common_flags(registry, &order.registry, &order.plugin_dir, in_image)?,
        flags: flags.words(),
        told,
        merge: planned.merges().then_some(merge),
    };
    let (wanted, named) = gpu(planned.device());
    let prepare = |devices: usize| {
        let load = Load {
            images: planned.images_at_once(flags.batch_size()),
            workers: flags.workers(devices),
            training: flags.captioning.is_none(),
            gpu: devices > 0,
        };
        // Tasks that get the same memory are one array, whatever their models need.
        let asked = resources.mem.as_deref().is_some_and(|mem| mem != "auto");
        tasks::groups(&tasks, |model| if asked { 0 } else { sizing.memory(model, load) })
    };
    let jobs: Box<dyn SendJobs> = match &engine {
        Engine::Slurm(options) => {
            let gres = options.devices(wanted, named);
            let groups = prepare(gres.as_deref().map_or(0, slurm::count));
            Box::new(slurm::Scripts::render(&work, options, gres.as_deref(), &groups)?)
        }
        Engine::Kubernetes(options) => {
            let gpus = options.gpus.unwrap_or(usize::from(wanted));
            Box::new(kubernetes::Manifests::render(&work, options, gpus, &prepare(gpus))?)
        }
    };
    if order.dry_run {
        return Ok(Submitted::Text(jobs.text()));
    }
    let mut submission =
        Submission { number, at: now(), shards, engine, resources, work: flags, tasks, jobs: Vec::new() };
    // Before anything is sent: a task may begin at once, and reads it.
    submission.write(&run)?;
    if let Err(error) = jobs.send(&run, &mut submission) {
        let _ = std::fs::remove_dir_all(run.submission(number));
        return Err(error);
    }
    Ok(Submitted::Sent { run, submission: Box::new(submission) })
}

/// Jobs of one scheduler, written and not yet sent.
trait SendJobs {
    /// What `--dry-run` prints.
    fn text(&self) -> String;
    /// Sends all of them, or none; their names go into the record as they are taken.
    fn send(&self, run: &RunDir, submission: &mut Submission) -> Result<()>;
}

/// Jobs that are still to do their work would do it beside new ones.
fn refuse_active(run: &RunDir, last: &Submission) -> Result<()> {
    // Where the scheduler cannot be asked, sending fails too, with its words.
    let Ok(seen) = look(run, last) else { return Ok(()) };
    let active = seen.tasks.iter().filter(|seen| matches!(seen, Some(Seen::Queued(_) | Seen::Running))).count();
    if active == 0 {
        return Ok(());
    }
    let ids: Vec<&str> = last.jobs.iter().map(|job| job.id.as_str()).collect();
    let cancel = match &last.engine {
        Engine::Slurm(_) => format!("scancel {}", ids.join(" ")),
        Engine::Kubernetes(options) => {
            options.with_namespace(&["kubectl", "delete", "jobs"]).join(" ") + " " + &ids.join(" ")
        }
    };
    Err(Error::failed(format!(
        "{active} tasks of submission {} of {} are queued or running",
        last.number,
        run.path().display()
    ))
    .help(format!("wait for them (`host status {}` shows them), or end them with: {cancel}", run.path().display())))
}

/// Does a plan's device allow a GPU, and does it demand one?
fn gpu(device: &str) -> (bool, bool) {
    match device.parse() {
        Ok(Device::Cpu) => (false, false),
        Ok(Device::Cuda(_)) => (true, true),
        _ => (true, false),
    }
}

fn absolute(path: &std::path::Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Error::io("find", path, &error))
}

/// A run's name in small letters, digits and dashes, at most 30 of them.
fn plain_name(run: &RunDir) -> String {
    let folder = run.path().file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let plain: String =
        folder.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let plain: String = plain.trim_matches('-').chars().take(30).collect();
    plain.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_jobs_are_plain() {
        assert_eq!(plain_name(&RunDir::new("/runs/Mein Lauf (2)")), "mein-lauf--2");
        assert_eq!(plain_name(&RunDir::new("/")), "");
    }
}
