//! How far trainings are, as cells whose items are the images of their steps: from the folders alone.

use super::cells::{Cell, Recent, add_recent, count_lines};
use crate::submit::trial_cell;
use crate::sweep::{SweepFile, Trial};
use crate::train::{Distance, TrainOptions};
use rayon::prelude::*;
use std::path::Path;
use std::time::SystemTime;

/// The trials of a sweep, in its order.
pub fn trials(folder: &Path, sweep: &SweepFile, now: SystemTime) -> Vec<Cell> {
    let cell = |trial: &Trial| training(&trial.folder(folder), &trial.options, trial_cell(&trial.name), now);
    sweep.trials.par_iter().map(cell).collect()
}

/// One training.
pub fn training(folder: &Path, options: &TrainOptions, name: String, now: SystemTime) -> Cell {
    let items = count_lines(&folder.join("items").join("train.jsonl")).ok();
    let distance = Distance::of(folder, options, items);
    let mut recent = Recent::default();
    let of_step = |line: &serde_json::Value| line["step"].as_u64().and(line["images"].as_u64());
    add_recent(&folder.join("timing.jsonl"), now, &of_step, &mut recent);
    Cell {
        dataset: options.dataset.clone(),
        model: name,
        items: distance.images,
        done: distance.done,
        finished: distance.finished,
        failure: None,
        recent,
    }
}
