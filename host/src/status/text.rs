//! A run's status for people: what there is, how fast, and what needs a person, in a screenful.

use super::{CellState, Status, SubmissionStatus, TaskState};
use std::collections::BTreeMap;

/// Cells of a state that are written out; the rest is counted.
const SHOWN: usize = 12;

/// Some lines, without the run's folder's own contents.
pub fn text(status: &Status) -> String {
    let counts = status.counts;
    let parts = [
        (counts.done, "done"),
        (counts.running, "running"),
        (counts.queued, "queued"),
        (counts.failed, "failed"),
        (counts.incomplete, "incomplete"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let cells = status.cells.len();
    let mut text = format!("{}: {}: {}\n", status.run.display(), counted(cells, "cell"), parts.join(", "));
    text += &format!("items: {} of {}", status.items_done, status.items);
    if status.items > 0 {
        text += &format!(" ({:.0} %)", (100.0 * status.items_done as f64 / status.items as f64).floor());
    }
    if let (Some(rate), Some(left)) = (status.items_per_second, status.seconds_left) {
        text += &format!(", {rate:.1} items/s, about {} left", duration(left));
    }
    text += "\n";
    if let Some(submission) = &status.submission {
        text += &of_submission(submission);
    }
    for (state, word) in
        [(CellState::Failed, "failed"), (CellState::Incomplete, "incomplete"), (CellState::Running, "running")]
    {
        let of_state: Vec<_> = status.cells.iter().filter(|cell| cell.state == state).collect();
        for cell in of_state.iter().take(SHOWN) {
            let items = cell.cell.items.map_or("?".to_owned(), |items| items.to_string());
            let reason = cell.reason.as_ref().map(|reason| format!("; {reason}")).unwrap_or_default();
            let (model, dataset, done) = (&cell.cell.model, &cell.cell.dataset, cell.cell.done);
            text += &format!("  {word:10}  {model} on {dataset}: {done} of {items}{reason}\n");
        }
        if of_state.len() > SHOWN {
            text += &format!("  {word:10}  and {} more; --json has all\n", of_state.len() - SHOWN);
        }
    }
    if let Some(step) = status.next_step() {
        text += &format!("next: {step}\n");
    }
    text
}

fn of_submission(submission: &SubmissionStatus) -> String {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for task in &submission.tasks {
        let word = match task.state {
            TaskState::Queued => "queued",
            TaskState::Running => "running",
            TaskState::Done => "done",
            TaskState::Failed => "failed",
            TaskState::Lost => "lost",
        };
        *states.entry(word).or_default() += 1;
    }
    let states: Vec<String> = states.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let mut text = format!(
        "submission {} to {}: {}: {}",
        submission.number,
        submission.engine,
        counted(submission.tasks.len(), "task"),
        states.join(", ")
    );
    if let Some(merge) = &submission.merge {
        text += &format!("; merge: {merge}");
    }
    text += "\n";
    if let Some(words) = &submission.not_asked {
        text += &format!("  the scheduler was not asked: {}\n", words.lines().collect::<Vec<_>>().join(" "));
    }
    // The commonest reason why tasks wait.
    let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
    for task in submission.tasks.iter().filter(|task| task.state == TaskState::Queued) {
        *waiting.entry(task.reason.as_deref().unwrap_or_default()).or_default() += 1;
    }
    if let Some((reason, count)) =
        waiting.into_iter().max_by_key(|(_, count)| *count).filter(|(reason, _)| !reason.is_empty())
    {
        text += &format!("  {count} of them wait: {reason}\n");
    }
    text
}

/// `1 task`, `2 tasks`.
pub fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

fn duration(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 90.0 => format!("{seconds:.0} s"),
        seconds if seconds < 5400.0 => format!("{:.0} min", seconds / 60.0),
        seconds if seconds < 172_800.0 => format!("{:.1} h", seconds / 3600.0),
        seconds => format!("{:.1} days", seconds / 86_400.0),
    }
}
