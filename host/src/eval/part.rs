//! A part of a cell in one device's hands: what is pending of it, and saving what comes. An item that kills a worker twice is recorded as
//! failed, once a worker has lived through a later one.

use crate::error::{Error, Result};
use crate::run::{Outcome, Prediction, PredictionWriter};
use crate::worker::CaptionResult;
use plugin_api::Item;
use std::collections::VecDeque;
use std::io::Write;
use std::time::SystemTime;

/// Where a device's predictions of a cell go, and the times of its batches.
pub struct Files {
    pub predictions: PredictionWriter,
    /// Times are no part of what must be reproducible; without them the run goes on.
    pub timing: Option<std::fs::File>,
}

impl Files {
    /// Notes a batch's times: one write, since other processes may append to the file.
    pub fn note_timing(&mut self, items: usize, timing: &impl serde::Serialize) {
        if let Some(file) = &mut self.timing {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let at = u64::try_from(now.as_millis()).unwrap_or_default();
            let line = serde_json::json!({ "at": at, "items": items, "timing": timing }).to_string() + "\n";
            let _ = file.write_all(line.as_bytes());
        }
    }
}

/// Items of one cell, on their way.
pub struct PartWork<'a> {
    pub items: &'a [Item],
    /// Places in `items`, in order.
    pub pending: VecDeque<usize>,
    /// Items at the front of `pending` that were in a dead worker's hands and are now tried alone.
    pub suspects: usize,
    /// The first of them that killed a worker alone too. They are saved once a worker lives through a later item.
    pub killers: Vec<CaptionResult>,
    /// The suspect that is tried alone once more, since its worker was killed from outside.
    pub retried: Option<usize>,
    pub tally: Tally,
}

/// What a cell's items came to.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub captioned: usize,
    /// The last item that failed, by its place, and why.
    pub last_error: Option<(usize, String)>,
}

impl Tally {
    pub fn note(&mut self, place: usize, outcome: &Outcome) {
        match outcome {
            Outcome::Caption { .. } => self.captioned += 1,
            Outcome::Failed { error } => {
                if self.last_error.as_ref().is_none_or(|(last, _)| *last < place) {
                    self.last_error = Some((place, error.clone()));
                }
            }
        }
    }

    pub fn add(&mut self, other: &Tally) {
        self.captioned += other.captioned;
        if let Some((place, error)) = &other.last_error {
            self.note(*place, &Outcome::Failed { error: error.clone() });
        }
    }
}

impl<'a> PartWork<'a> {
    pub fn new(items: &'a [Item], pending: Vec<usize>) -> PartWork<'a> {
        PartWork {
            items,
            pending: pending.into(),
            suspects: 0,
            killers: Vec::new(),
            retried: None,
            tally: Tally::default(),
        }
    }

    /// Saves results, which come in the order of `pending`, and the killers before them. Gives how many were saved.
    pub fn save(&mut self, results: Vec<CaptionResult>, files: &mut Files) -> Result<usize> {
        let mut batch = Vec::with_capacity(results.len());
        for result in std::mem::take(&mut self.killers).into_iter().chain(results) {
            if self.pending.pop_front() != Some(result.index) {
                return Err(Error::failed("a worker gave its results in another order than asked for"));
            }
            self.tally.note(result.index, &result.outcome);
            batch.push(Prediction { id: self.items[result.index].id.clone(), outcome: result.outcome });
        }
        self.suspects = self.suspects.saturating_sub(batch.len());
        files.predictions.append(&batch)?;
        Ok(batch.len())
    }
}
