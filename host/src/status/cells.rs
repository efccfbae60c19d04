//! How far each cell is, from the run directory alone: lines counted and not read, so that ten thousand cells take no time.

use crate::run::{CellFailure, Plan, RunDir};
use rayon::prelude::*;
use serde::Serialize;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The time over which the rate is taken.
const WINDOW: Duration = Duration::from_secs(120);
/// So much of a file of timings is looked at, from its end.
const TAIL: u64 = 64 * 1024;

/// One model on one dataset; or a trial of a sweep, or a training, whose items are the images of its steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    pub dataset: String,
    pub model: String,
    /// None while the dataset is not listed.
    pub items: Option<usize>,
    pub done: usize,
    /// Is nothing left to do?
    #[serde(skip)]
    pub finished: bool,
    /// Why it, or a shard of it, failed, if that was noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    #[serde(skip)]
    pub recent: Recent,
}

/// What was done within the window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Recent {
    pub items: usize,
    /// Milliseconds since 1970 of the first and last batch; 0 if there is none.
    pub first: u64,
    pub last: u64,
}

/// A batch so long ago was not the last, as far as can be told: the host may be on another machine.
const FRESH: Duration = Duration::from_secs(20);

impl Recent {
    /// Was something done just now?
    pub fn is_fresh(self) -> bool {
        let fresh = u64::try_from(FRESH.as_millis()).unwrap_or(u64::MAX);
        milliseconds(SystemTime::now()).saturating_sub(self.last) < fresh
    }

    /// Items a second over several cells; none where nothing was done lately.
    pub fn rate(all: impl Iterator<Item = Recent>, now: SystemTime) -> Option<f64> {
        let some = all.filter(|recent| recent.items > 0);
        let (items, first) =
            some.fold((0, u64::MAX), |(items, first), recent| (items + recent.items, first.min(recent.first)));
        // From the first batch's end to now, at least a second.
        let seconds = (milliseconds(now).saturating_sub(first) as f64 / 1e3).max(1.0);
        (items > 0).then(|| items as f64 / seconds)
    }
}

/// All cells of a plan, dataset by dataset.
pub fn cells(run: &RunDir, plan: &Plan, now: SystemTime) -> Vec<Cell> {
    let items: Vec<Option<usize>> =
        plan.datasets.iter().map(|dataset| count_lines(&run.items_file(&dataset.name)).ok()).collect();
    let pairs: Vec<(usize, usize)> = (0..plan.datasets.len())
        .flat_map(|dataset| (0..plan.models.len()).map(move |model| (dataset, model)))
        .filter(|(dataset, model)| plan.has_cell(&plan.datasets[*dataset].name, &plan.models[*model].name))
        .collect();
    let cell = |(dataset, model): &(usize, usize)| {
        one(run, &plan.datasets[*dataset].name, &plan.models[*model].name, items[*dataset], now)
    };
    pairs.par_iter().map(cell).collect()
}

fn one(run: &RunDir, dataset: &str, model: &str, items: Option<usize>, now: SystemTime) -> Cell {
    let mut cell = Cell {
        dataset: dataset.to_owned(),
        model: model.to_owned(),
        items,
        done: 0,
        finished: false,
        failure: None,
        recent: Recent::default(),
    };
    let mut whole_failure = None;
    for entry in std::fs::read_dir(run.cell(dataset, model)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("shard-") && name.ends_with(".jsonl") {
            cell.done += count_lines(&entry.path()).unwrap_or(0);
        } else if name.starts_with("failure") && name.ends_with(".json") {
            let read = std::fs::read(entry.path()).ok();
            let failure = read.and_then(|text| serde_json::from_slice::<CellFailure>(&text).ok());
            let kept = if name == "failure.json" { &mut whole_failure } else { &mut cell.failure };
            *kept = failure.map(|failure| failure.reason);
        } else if name.starts_with("timing") && name.ends_with(".jsonl") {
            add_recent(&entry.path(), now, &|line| line["items"].as_u64(), &mut cell.recent);
        }
    }
    // An item that two shards did, because one of them was killed and divided anew, counts once.
    cell.done = items.map_or(cell.done, |items| cell.done.min(items));
    cell.finished = items.is_some_and(|items| cell.done >= items);
    // A shard's failure is of no account once its items are there.
    cell.failure = whole_failure.or_else(|| cell.failure.take().filter(|_| !cell.finished));
    cell
}

/// Whole lines of a file.
pub(super) fn count_lines(path: &Path) -> std::io::Result<usize> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 64 * 1024];
    let mut lines = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(lines),
            read => lines += buffer[..read].iter().filter(|byte| **byte == b'\n').count(),
        }
    }
}

/// Adds what a file of timings, if it is there and was written lately, tells of the window; `items` reads a line's.
pub(super) fn add_recent(
    path: &Path,
    now: SystemTime,
    items: &dyn Fn(&serde_json::Value) -> Option<u64>,
    recent: &mut Recent,
) {
    let changed = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    if !changed.is_ok_and(|changed| now.duration_since(changed).is_ok_and(|age| age < WINDOW)) {
        return;
    }
    let mut text = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        file.read_to_end(&mut text)
    });
    if read.is_err() {
        return;
    }
    let since = milliseconds(now).saturating_sub(u64::try_from(WINDOW.as_millis()).unwrap_or(u64::MAX));
    for line in text.split(|byte| *byte == b'\n') {
        let Ok(line) = serde_json::from_slice::<serde_json::Value>(line) else { continue };
        let (Some(at), Some(items)) = (line["at"].as_u64(), items(&line)) else { continue };
        if at >= since {
            recent.items += usize::try_from(items).unwrap_or(0);
            recent.first = if recent.first == 0 { at } else { recent.first.min(at) };
            recent.last = recent.last.max(at);
        }
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
