//! How far a training is, from its folder alone: the plan says how many images there are, the log how many are done.

use super::log::Record;
use super::options::TrainOptions;
use super::order::Order;
use super::plan::TrainResult;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// So much of the log is looked at, from its end: a step's line is some 200 bytes, and validations are rare.
const TAIL: u64 = 16 * 1024;

/// How far a training is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Distance {
    /// Training images in all, again ones included; none while they are not listed.
    pub images: Option<usize>,
    pub done: usize,
    pub finished: bool,
}

impl Distance {
    /// `items` is the number of training items, if they are listed.
    pub fn of(folder: &Path, options: &TrainOptions, items: Option<usize>) -> Distance {
        let result = TrainResult::read(folder);
        let Some(items) = items.filter(|items| *items > 0) else {
            return Distance { images: None, done: 0, finished: result.is_some() };
        };
        let order = Order::new(items, options.batch_size, options.epochs, options.steps, options.seed);
        match result {
            // What patience left out is not missing.
            Some(result) => {
                let images = order.items_after(result.steps);
                Distance { images: Some(images), done: images, finished: true }
            }
            None => Distance {
                images: Some(order.items_after(order.steps)),
                done: order.items_after(last_step(&folder.join("log.jsonl"))),
                finished: false,
            },
        }
    }
}

fn last_step(log: &Path) -> usize {
    let mut text = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        file.read_to_end(&mut text)
    });
    let lines = text.rsplit(|byte| *byte == b'\n');
    let step = |line: &[u8]| match serde_json::from_slice(line).ok()? {
        Record::Step(step) => Some(step.step),
        Record::Validation(validation) => Some(validation.step),
    };
    read.ok().and_then(|_| lines.filter_map(step).next()).unwrap_or(0)
}
