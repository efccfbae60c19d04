//! `submissions/NNNN/` of a run directory: `record.json`, what was sent to a scheduler; `task-N.jsonl`, what each task says of itself;
//! `task-N.log`, what it printed. A run may have several submissions; the last one counts.

use super::WorkFlags;
use super::kubernetes::KubernetesOptions;
use super::resources::Resources;
use super::slurm::SlurmOptions;
use crate::error::{Error, Result};
use crate::run::{RunDir, Shard, replace_file};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What was sent to a scheduler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// From 1.
    pub number: usize,
    /// Seconds since 1970.
    pub at: u64,
    /// Into how many shards each model's captioning is divided; a training is one task.
    pub shards: usize,
    pub engine: Engine,
    #[serde(default)]
    pub resources: Resources,
    /// Taken over by a later submission.
    pub work: WorkFlags,
    /// By their numbers from 0.
    pub tasks: Vec<Task>,
    /// Filled in as the scheduler takes them.
    pub jobs: Vec<Job>,
}

/// Whose scheduler, and what it was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    Slurm(SlurmOptions),
    Kubernetes(KubernetesOptions),
}

impl Engine {
    pub fn name(&self) -> &'static str {
        match self {
            Engine::Slurm(_) => "slurm",
            Engine::Kubernetes(_) => "kubernetes",
        }
    }
}

/// What one element of an array does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Task {
    /// One model's part of a shard, on all datasets of the run.
    Part { model: String, shard: Shard },
    /// One trial of a sweep.
    Trial { model: String, trial: String },
    /// The folder's own training.
    Training { model: String },
}

impl Task {
    /// The model that is captioned with or trained.
    pub fn model(&self) -> &str {
        let (Task::Part { model, .. } | Task::Trial { model, .. } | Task::Training { model }) = self;
        model
    }

    /// Whose cells it fills: a model's, or a trial's alone.
    pub fn of_cells(&self) -> String {
        match self {
            Task::Part { model, .. } | Task::Training { model } => model.clone(),
            Task::Trial { trial, .. } => trial_cell(trial),
        }
    }

    /// Which part of its cells, if not all of them.
    pub fn shard(&self) -> Option<Shard> {
        match self {
            Task::Part { shard, .. } => Some(*shard),
            Task::Trial { .. } | Task::Training { .. } => None,
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Task::Part { model, shard } => write!(f, "shard {shard} of {model}"),
            Task::Trial { model, trial } => write!(f, "trial {trial}, a training of {model}"),
            Task::Training { model } => write!(f, "a training of {model}"),
        }
    }
}

/// What a sweep's status calls a trial.
pub fn trial_cell(trial: &str) -> String {
    format!("trial {trial}")
}

/// A job that the scheduler took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Slurm's number, Kubernetes' name.
    pub id: String,
    /// The first of its tasks and how many; none: it merges.
    pub tasks: Option<(usize, usize)>,
}

/// What a task says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Seconds since 1970.
    pub at: u64,
    #[serde(flatten)]
    pub event: TaskEvent,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum TaskEvent {
    Started {
        machine: String,
    },
    /// Asked to stop before its work was done.
    Stopped,
    /// With `host`'s exit code, and the reason of one that is not 0.
    Ended {
        code: u8,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl Submission {
    /// The last submission of a run, if it has any.
    pub fn last(run: &RunDir) -> Result<Option<Submission>> {
        let entries = std::fs::read_dir(run.path().join("submissions")).into_iter().flatten().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<usize>().ok());
        // One that was being made when its host was killed has no record.
        let made = numbers.filter(|number| record_file(run, *number).is_file());
        made.max().map(|number| Submission::read(run, number)).transpose()
    }

    pub fn read(run: &RunDir, number: usize) -> Result<Submission> {
        let path = record_file(run, number);
        let text = std::fs::read(&path).map_err(|error| Error::usage(Error::io("read", &path, &error).message))?;
        serde_json::from_slice(&text)
            .map_err(|error| Error::usage(format!("{} is no record of a submission: {error}", path.display())))
    }

    pub fn write(&self, run: &RunDir) -> Result<()> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::failed(format!("cannot write the submission's record: {error}")))?;
        replace_file(&record_file(run, self.number), (text + "\n").as_bytes())
    }

    pub fn log_file(run: &RunDir, number: usize, task: usize) -> PathBuf {
        run.submission(number).join(format!("task-{task}.log"))
    }

    /// What its tasks said last.
    pub fn last_notes(&self, run: &RunDir) -> Vec<Option<Note>> {
        (0..self.tasks.len()).map(|task| last_note(&notes_file(run, self.number, task))).collect()
    }
}

/// Notes what a task is at. A note that cannot be written costs no work.
pub fn note(run: &RunDir, number: usize, task: usize, event: TaskEvent) {
    let line = serde_json::to_string(&Note { at: now(), event }).unwrap_or_default() + "\n";
    let open = OpenOptions::new().create(true).append(true).open(notes_file(run, number, task));
    let _ = open.and_then(|mut file| file.write_all(line.as_bytes()));
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

fn record_file(run: &RunDir, number: usize) -> PathBuf {
    run.submission(number).join("record.json")
}

fn notes_file(run: &RunDir, number: usize, task: usize) -> PathBuf {
    run.submission(number).join(format!("task-{task}.jsonl"))
}

fn last_note(path: &Path) -> Option<Note> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().rev().find_map(|line| serde_json::from_str(line).ok())
}
