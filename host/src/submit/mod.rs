//! `host submit`: a run's missing work as jobs of somebody's scheduler. `tasks` finds what is missing, `slurm` and `kubernetes` write and
//! send the jobs, `record` keeps what was sent, `seen` asks the scheduler what became of it. Nothing here captions.

mod kubernetes;
mod record;
mod resources;
mod scheduler;
mod seen;
mod slurm;
mod tasks;

pub use kubernetes::KubernetesOptions;
pub use record::{Engine, Job, Note, Submission, Task, TaskEvent, note, now};
pub use resources::Resources;
pub use seen::{Seen, SeenTasks, look};
pub use slurm::SlurmOptions;

use crate::error::{Error, Result};
use crate::eval::{AUTOMATIC_BATCH, Jobs, Request, plan_run};
use crate::progress::Reporter;
use crate::registry::{Lock, Registry, Weights, weights_bytes};
use crate::run::{Plan, RunDir};
use plugin_api::Device;
use serde::Deserialize;
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
    pub run: What,
    /// None: that of the run's last submission.
    pub engine: Option<EngineName>,
    /// None: as many as in the last submission, else 1.
    pub shards: Option<usize>,
    pub resources: Resources,
    pub slurm: SlurmOptions,
    pub kubernetes: KubernetesOptions,
    /// Arguments for `host work`; none: those of the last submission.
    pub work: Option<Vec<String>>,
    /// `--registry` and `--plugin-dir` as they were given.
    pub registry: Option<PathBuf>,
    pub plugin_dir: Option<PathBuf>,
    pub dry_run: bool,
}

/// A new run or one that exists.
pub enum What {
    Request(Box<Request>),
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
    /// Every item has its prediction.
    NothingMissing(RunDir),
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

/// Plans a run, or looks at one, and sends what is missing of it.
pub fn submit(registry: &Registry, lock: &Lock, order: Order, reporter: &Reporter) -> Result<Submitted> {
    let (run, plan) = match &order.run {
        What::Request(request) => {
            let request = Request { run: request.run.as_deref().map(absolute).transpose()?, ..(**request).clone() };
            let planned = plan_run(registry, lock, &request, !order.dry_run, reporter)?;
            (RunDir::new(absolute(planned.run.path())?), planned.resolved.plan)
        }
        What::Rest(path) => RunDir::existing(&absolute(path)?)?,
    };
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
    let weights: Vec<u64> = plan.models.iter().map(|model| bytes_of(registry, &model.name)).collect();
    let tasks = tasks::missing_tasks(&run, &plan, &weights, shards)?;
    if tasks.is_empty() {
        return Ok(Submitted::NothingMissing(run));
    }
    let flags = order.work.or_else(|| last.as_ref().map(|last| last.work.clone())).unwrap_or_default();
    let number = last.map_or(1, |last| last.number + 1);
    let in_image = matches!(engine, Engine::Kubernetes(_));
    let work = Work {
        run: &run,
        number,
        name: format!("lookbook-{}", plain_name(&run)),
        resources: &resources,
        program: program()?,
        common: common_flags(registry, &order.registry, &order.plugin_dir, in_image)?,
        flags: flags.clone(),
    };
    let (wanted, named) = gpu(&plan);
    let prepare = |gpu: bool| {
        let memory = |model: &str| {
            let place = plan.models.iter().position(|other| other.name == model);
            tasks::memory_need(place.and_then(|place| weights.get(place)).copied().unwrap_or(0), gpu)
        };
        // Tasks that get the same memory are one array, whatever their models need.
        let asked = resources.mem.as_deref().is_some_and(|mem| mem != "auto");
        tasks::groups(&tasks, |model| if asked { 0 } else { memory(model) })
    };
    let jobs: Box<dyn SendJobs> = match &engine {
        Engine::Slurm(options) => {
            let gres = options.devices(wanted, named);
            Box::new(slurm::Scripts::render(&work, options, gres.as_deref(), &prepare(gres.is_some()))?)
        }
        Engine::Kubernetes(options) => {
            let gpus = options.gpus.unwrap_or(usize::from(wanted));
            Box::new(kubernetes::Manifests::render(&work, options, gpus, &prepare(gpus > 0))?)
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

/// Does the plan's device allow a GPU, and does it demand one?
fn gpu(plan: &Plan) -> (bool, bool) {
    match plan.device.parse() {
        Ok(Device::Cpu) => (false, false),
        Ok(Device::Cuda(_)) => (true, true),
        _ => (true, false),
    }
}

fn bytes_of(registry: &Registry, model: &str) -> u64 {
    let entry = registry.model(model).ok();
    let directory = entry.and_then(|entry| Weights::of(registry, entry).present().map(weights_bytes));
    directory.unwrap_or(0)
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

/// What `host work` is told besides its task.
pub fn work_flags(batch_size: usize, jobs: Jobs, limits: Vec<String>) -> Vec<String> {
    let jobs = match jobs {
        Jobs::Auto => "auto".to_owned(),
        Jobs::Count(count) => count.to_string(),
    };
    let batch_size = match batch_size {
        AUTOMATIC_BATCH => "auto".to_owned(),
        images => images.to_string(),
    };
    let mut flags = vec!["--batch-size".to_owned(), batch_size, "--jobs".to_owned(), jobs];
    flags.extend(limits);
    flags
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
