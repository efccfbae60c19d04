//! `host submit`: what is missing of a run, a sweep or a training, as jobs of somebody's scheduler. `planned` and `tasks` find what is missing,
//! `sizing` its memory, `slurm` and `kubernetes` write and send the jobs, `record` keeps what was sent, `seen` asks the scheduler what became of
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

pub use kubernetes::KubernetesOptions;
pub use planned::Folder;
pub use record::{Engine, Job, Note, Submission, Task, TaskEvent, note, now, trial_cell};
pub use resources::Resources;
pub use seen::{Seen, SeenTasks, look};
pub use slurm::SlurmOptions;

use crate::error::{Error, Result};
use crate::eval::{AUTOMATIC_BATCH, Jobs, Request};
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use crate::run::RunDir;
use crate::sweep::SweepRequest;
use crate::train::TrainRequest;
use planned::Planned;
use plugin_api::Device;
use serde::{Deserialize, Serialize};
use sizing::{Load, Sizing};
use std::path::PathBuf;

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

/// How `host work` is to carry out its task: nothing that results depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkFlags {
    /// `--batch-size` and `--jobs`; none for trainings.
    pub captioning: Option<(String, String)>,
    /// Further arguments.
    pub limits: Vec<String>,
}

impl WorkFlags {
    pub fn captioning(batch_size: usize, jobs: Jobs, limits: Vec<String>) -> WorkFlags {
        let jobs = match jobs {
            Jobs::Auto => "auto".to_owned(),
            Jobs::Count(count) => count.to_string(),
        };
        let batch_size = match batch_size {
            AUTOMATIC_BATCH => "auto".to_owned(),
            images => images.to_string(),
        };
        WorkFlags { captioning: Some((batch_size, jobs)), limits }
    }

    fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some((batch_size, jobs)) = &self.captioning {
            words.extend(["--batch-size", batch_size, "--jobs", jobs].map(str::to_owned));
        }
        words.extend(self.limits.iter().cloned());
        words
    }

    /// Images in a batch; the usual number where it is decided on the machine.
    fn batch_size(&self) -> usize {
        self.captioning.as_ref().and_then(|(images, _)| images.parse().ok()).unwrap_or(USUAL_BATCH)
    }

    /// Workers of a task with so many devices.
    fn workers(&self, devices: usize) -> usize {
        match &self.captioning {
            Some((_, jobs)) => jobs.parse().unwrap_or(devices).max(1),
            None => 1,
        }
    }
}

/// What `--batch-size` is where nobody says otherwise.
const USUAL_BATCH: usize = 8;

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

/// One submission's commands.
struct Work<'a> {
    run: &'a RunDir,
    number: usize,
    name: String,
    resources: &'a Resources,
    program: String,
    /// Of every command.
    common: Vec<String>,
    /// Of tasks.
    flags: Vec<String>,
    /// What a task is, for who reads the scripts.
    told: &'static str,
    /// What the job behind the tasks does; none: there is none.
    merge: Option<&'static str>,
}

impl Work<'_> {
    fn task_arguments(&self) -> Vec<String> {
        let mut words = vec!["work".to_owned(), self.run.path().display().to_string()];
        words.extend(["--submission".to_owned(), self.number.to_string()]);
        words.extend(["--threads".to_owned(), self.resources.cpus().to_string()]);
        words.extend(self.common.iter().chain(&self.flags).cloned());
        words
    }

    fn task_command(&self) -> Vec<String> {
        std::iter::once(self.program.clone()).chain(self.task_arguments()).collect()
    }

    fn merge_arguments(&self, wait: bool) -> Vec<String> {
        let mut words = vec!["merge".to_owned(), self.run.path().display().to_string()];
        words.extend(wait.then(|| "--wait".to_owned()));
        words.extend(["--threads".to_owned(), self.resources.cpus().to_string()]);
        words.extend(self.common.iter().cloned());
        words
    }

    fn merge_command(&self, wait: bool) -> Vec<String> {
        std::iter::once(self.program.clone()).chain(self.merge_arguments(wait)).collect()
    }
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

fn program() -> Result<String> {
    let program =
        std::env::current_exe().map_err(|error| Error::failed(format!("cannot find this program: {error}")))?;
    Ok(program.display().to_string())
}

/// The registry that was read, by its whole path. In an image it lies beside the program, unless one was named.
fn common_flags(
    registry: &Registry,
    named: &Option<PathBuf>,
    plugin_dir: &Option<PathBuf>,
    in_image: bool,
) -> Result<Vec<String>> {
    let mut flags = Vec::new();
    if !in_image || named.is_some() {
        flags.extend(["--registry".to_owned(), absolute(&registry.path)?.display().to_string()]);
    }
    if let Some(folder) = plugin_dir {
        flags.extend(["--plugin-dir".to_owned(), absolute(folder)?.display().to_string()]);
    }
    Ok(flags)
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

    #[test]
    fn what_a_task_is_told_is_what_its_size_is_reckoned_with() {
        let flags = WorkFlags::captioning(16, Jobs::Auto, vec!["--time-limit".to_owned(), "9".to_owned()]);
        assert_eq!(flags.words(), ["--batch-size", "16", "--jobs", "auto", "--time-limit", "9"]);
        assert_eq!((flags.batch_size(), flags.workers(0), flags.workers(4)), (16, 1, 4));
        let flags = WorkFlags::captioning(AUTOMATIC_BATCH, Jobs::Count(3), Vec::new());
        assert_eq!((flags.batch_size(), flags.workers(1)), (USUAL_BATCH, 3));
        assert_eq!(WorkFlags::default().words(), [] as [&str; 0]);
    }
}
