//! `host status`: how far a run, a sweep or a training is, from its directory and, where it was submitted, from the scheduler. Reads only.

mod cells;
mod text;
mod trainings;

pub use cells::{Cell, Recent, cells};
pub use text::{counted, text};
pub use trainings::{training, trials};

use crate::error::Result;
use crate::run::{RunDir, RunLock};
use crate::submit::{Folder, Note, Seen, SeenTasks, Submission, TaskEvent, look};
use crate::sweep::Swept;
use serde::Serialize;
use std::path::PathBuf;
use std::time::SystemTime;

/// A run, looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    pub run: PathBuf,
    /// Is the table that all of it makes still to be made?
    #[serde(skip)]
    pub unmerged: bool,
    pub counts: Counts,
    /// Over all cells that are listed.
    pub items: usize,
    pub items_done: usize,
    /// Over the last two minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submission: Option<SubmissionStatus>,
    pub cells: Vec<CellStatus>,
}

/// Cells by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub done: usize,
    pub running: usize,
    pub queued: usize,
    pub failed: usize,
    pub incomplete: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellStatus {
    pub state: CellState,
    #[serde(flatten)]
    pub cell: Cell,
    /// Why it is not done, where somebody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellState {
    Done,
    Running,
    Queued,
    Failed,
    /// Something is missing and nobody is at it.
    Incomplete,
}

/// The last submission of the run.
#[derive(Debug, Clone, Serialize)]
pub struct SubmissionStatus {
    pub number: usize,
    pub engine: &'static str,
    pub jobs: Vec<String>,
    /// Why the scheduler could not be asked; the states are then what the tasks said last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_asked: Option<String>,
    pub tasks: Vec<TaskStatus>,
    /// The job that merges, in the scheduler's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskStatus {
    /// Whose cells it fills: a model's, or a trial's alone.
    pub model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    pub state: TaskState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    Queued,
    Running,
    Done,
    Failed,
    /// It ended, or was ended, without a word.
    Lost,
}

/// Looks at a run.
pub fn status(path: &std::path::Path) -> Result<Status> {
    let now = SystemTime::now();
    let (run, cells, unmerged) = match Folder::of(path)? {
        Folder::Run(run, plan) => {
            let unmerged = !run.path().join("scores.json").is_file();
            let cells = cells(&run, &plan, now);
            (run, cells, unmerged)
        }
        Folder::Sweep(run, sweep) => {
            let ranked = Swept::read(run.path());
            let ranked = ranked.is_some_and(|swept| swept.trials.len() == sweep.trials.len() && swept.failed() == 0);
            let cells = trials(run.path(), &sweep, now);
            (run, cells, !ranked)
        }
        Folder::Training(run, plan) => {
            let cell = training(run.path(), &plan.options, plan.options.model.clone(), now);
            (run, vec![cell], false)
        }
    };
    let submission = Submission::last(&run)?.map(|submission| of_submission(&run, &submission));
    let held = RunLock::is_held(run.path());
    let cells: Vec<CellStatus> = cells.into_iter().map(|cell| of_cell(cell, submission.as_ref(), held)).collect();
    let mut counts = Counts::default();
    for cell in &cells {
        *match cell.state {
            CellState::Done => &mut counts.done,
            CellState::Running => &mut counts.running,
            CellState::Queued => &mut counts.queued,
            CellState::Failed => &mut counts.failed,
            CellState::Incomplete => &mut counts.incomplete,
        } += 1;
    }
    let items = cells.iter().filter_map(|cell| cell.cell.items).sum();
    let items_done = cells.iter().map(|cell| cell.cell.done).sum();
    let at_work = counts.running > 0;
    let rate = Recent::rate(cells.iter().map(|cell| cell.cell.recent), now).filter(|_| at_work);
    let left: usize = cells
        .iter()
        .filter(|cell| matches!(cell.state, CellState::Running | CellState::Queued))
        .filter_map(|cell| Some(cell.cell.items?.saturating_sub(cell.cell.done)))
        .sum();
    Ok(Status {
        run: run.path().to_owned(),
        unmerged,
        counts,
        items,
        items_done,
        items_per_second: rate,
        seconds_left: rate.map(|rate| left as f64 / rate),
        submission,
        cells,
    })
}

fn of_cell(cell: Cell, submission: Option<&SubmissionStatus>, held: bool) -> CellStatus {
    let of_model = |task: &&TaskStatus| task.model == cell.model;
    let tasks: Vec<&TaskStatus> =
        submission.map(|submission| submission.tasks.iter().filter(of_model).collect()).unwrap_or_default();
    let any = |state: TaskState| tasks.iter().find(|task| task.state == state);
    let reason_of = |task: &&TaskStatus| {
        let words = task.reason.clone().unwrap_or_else(|| "it ended without a word".to_owned());
        task.shard.as_ref().map(|shard| format!("shard {shard}: {words}")).unwrap_or(words)
    };
    // A shard that failed has noted so in its cell; a training notes nothing.
    let failed_training = || any(TaskState::Failed).filter(|task| task.shard.is_none());
    let (state, reason) = if cell.finished && cell.failure.is_none() {
        (CellState::Done, None)
    } else if any(TaskState::Running).is_some() || (held && cell.recent.items > 0) || cell.recent.is_fresh() {
        (CellState::Running, None)
    } else if let Some(task) = any(TaskState::Queued) {
        (CellState::Queued, task.reason.clone())
    } else if let Some(task) = failed_training() {
        (CellState::Failed, Some(reason_of(task)))
    } else if held && cell.failure.is_none() {
        (CellState::Queued, None)
    } else if let Some(failure) = cell.failure.clone() {
        (CellState::Failed, Some(failure))
    } else {
        let ended = any(TaskState::Failed).or_else(|| any(TaskState::Lost));
        (CellState::Incomplete, ended.map(reason_of))
    };
    CellStatus { state, cell, reason }
}

fn of_submission(run: &RunDir, submission: &Submission) -> SubmissionStatus {
    let (seen, not_asked) = match look(run, submission) {
        Ok(seen) => (Some(seen), None),
        Err(error) => (None, Some(error.message)),
    };
    let notes = submission.last_notes(run);
    let tasks = submission.tasks.iter().zip(notes).enumerate().map(|(number, (task, note))| {
        let (state, reason) = match &seen {
            Some(SeenTasks { tasks, .. }) => of_task(tasks[number].as_ref(), note.as_ref()),
            None => by_itself(note.as_ref()),
        };
        TaskStatus { model: task.of_cells(), shard: task.shard().map(|shard| shard.to_string()), state, reason }
    });
    SubmissionStatus {
        number: submission.number,
        engine: submission.engine.name(),
        jobs: submission.jobs.iter().map(|job| job.id.clone()).collect(),
        not_asked,
        tasks: tasks.collect(),
        merge: seen.and_then(|seen| seen.merge).map(|seen| match seen {
            Seen::Queued(reason) => format!("queued: {reason}"),
            Seen::Running => "running".to_owned(),
            Seen::Ended(word) => word,
        }),
    }
}

/// The scheduler knows who is there; a task itself knows best how it ended.
fn of_task(seen: Option<&Seen>, note: Option<&Note>) -> (TaskState, Option<String>) {
    match (seen, note.map(|note| &note.event)) {
        (Some(Seen::Queued(reason)), _) => (TaskState::Queued, Some(reason.clone()).filter(|text| !text.is_empty())),
        (_, Some(TaskEvent::Ended { .. })) => by_itself(note),
        (Some(Seen::Running), _) => (TaskState::Running, None),
        (Some(Seen::Ended(word)), _) => (TaskState::Lost, Some(format!("the scheduler says {word}"))),
        (None, Some(TaskEvent::Started { machine })) => {
            (TaskState::Lost, Some(format!("it was last seen on {machine}, and the scheduler no longer knows it")))
        }
        (None, Some(TaskEvent::Stopped)) => (TaskState::Lost, Some("it was stopped and not begun again".to_owned())),
        (None, None) => (TaskState::Lost, Some("it was never begun, and the scheduler does not know it".to_owned())),
    }
}

fn by_itself(note: Option<&Note>) -> (TaskState, Option<String>) {
    match note.map(|note| &note.event) {
        None => (TaskState::Queued, None),
        Some(TaskEvent::Started { .. }) => (TaskState::Running, None),
        Some(TaskEvent::Stopped) => (TaskState::Queued, Some("stopped, to be begun again".to_owned())),
        Some(TaskEvent::Ended { code: 0, .. }) => (TaskState::Done, None),
        Some(TaskEvent::Ended { reason, .. }) => (TaskState::Failed, reason.clone()),
    }
}

impl Status {
    /// Is somebody at work, or about to be?
    pub fn goes_on(&self) -> bool {
        let merging = || self.submission.as_ref().and_then(|submission| submission.merge.as_deref());
        let merging = merging().is_some_and(|word| word == "running" || word.starts_with("queued"));
        self.counts.running + self.counts.queued > 0 || merging
    }

    /// What to do now; none where there is nothing to do, or somebody is at it.
    pub fn next_step(&self) -> Option<String> {
        if self.goes_on() {
            return None;
        }
        let run = self.run.display();
        if self.counts.incomplete + self.counts.failed > 0 {
            return Some(match &self.submission {
                Some(_) => format!("host submit --resume {run} sends what is missing"),
                None => "the command that began the run goes on with it".to_owned(),
            });
        }
        self.unmerged.then(|| format!("host merge {run} tabulates"))
    }
}
