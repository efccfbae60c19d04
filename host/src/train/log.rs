//! `log.jsonl`: a line a step and a line a validation, the same to the byte however often a training was interrupted. How long things
//! took stands in `timing.jsonl`, which is not.

use super::checkpoints::Progress;
use crate::error::{Error, Result};
use crate::run::replace_file;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Record {
    Validation(Validation),
    Step(StepRecord),
}

/// One optimizer step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Steps made, this one included.
    pub step: usize,
    pub epoch: f64,
    /// Mean over the counted tokens of the step, before it was made.
    pub loss: f64,
    pub learning_rate: f64,
    /// Before clipping.
    pub grad_norm: f64,
    pub tokens: u64,
    pub images: usize,
}

/// One validation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    pub step: usize,
    pub epoch: f64,
    /// Mean over all counted tokens of the validation items.
    pub validation_loss: f64,
    /// Is it the least so far?
    pub best: bool,
    /// Corpus values, unscaled, of the captions of the first items.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub captions: IndexMap<String, f64>,
}

/// The two files of a training that goes on.
pub struct Log {
    path: PathBuf,
    log: File,
    timing: File,
}

impl Log {
    /// Opens the log behind a checkpoint: what was written later is dropped, because it will be done again.
    pub fn open(folder: &Path, checkpoint: &Progress) -> Result<Log> {
        let (path, timing) = (folder.join("log.jsonl"), folder.join("timing.jsonl"));
        // The lines as they are: a number that was read and written again may differ in its last digit.
        let text = if path.is_file() { read_text(&path)? } else { String::new() };
        let records = read_log(&path)?;
        let before = |record: &Record| match record {
            Record::Step(step) => step.step <= checkpoint.step,
            Record::Validation(validation) if checkpoint.awaits_validation => validation.step < checkpoint.step,
            Record::Validation(validation) => validation.step <= checkpoint.step,
        };
        let kept = text.split_inclusive('\n').zip(&records).filter(|(_, record)| before(record));
        replace_file(&path, kept.map(|(line, _)| line).collect::<String>().as_bytes())?;
        Ok(Log { log: append_to(&path)?, timing: append_to(&timing)?, path })
    }

    pub fn add(&mut self, record: &Record) -> Result<()> {
        let text = line(record)?;
        self.log.write_all(text.as_bytes()).map_err(|error| Error::io("write", &self.path, &error))
    }

    /// How long a step's or validation's images took on the device, and waiting for them before; and when, in milliseconds since 1970.
    pub fn time(&mut self, what: &str, step: usize, images: usize, waited: f64, seconds: f64) {
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let times = serde_json::json!({ what: step, "images": images, "waited": waited, "seconds": seconds, "at": at });
        // Times are no part of what must be reproducible; without them the training goes on.
        let _ = writeln!(self.timing, "{times}");
    }

    /// Before a checkpoint that counts on these lines.
    pub fn sync(&self) -> Result<()> {
        self.log.sync_data().map_err(|error| Error::io("write", &self.path, &error))
    }
}

fn line(record: &Record) -> Result<String> {
    let text = serde_json::to_string(record);
    text.map(|text| text + "\n").map_err(|error| Error::failed(format!("cannot write the log: {error}")))
}

fn append_to(path: &Path) -> Result<File> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.map_err(|error| Error::io("write", path, &error))
}

fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| Error::io("read", path, &error))
}

/// Reads a log; none is an empty one. A torn last line is left out.
pub fn read_log(path: &Path) -> Result<Vec<Record>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = read_text(path)?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = whole.lines().enumerate();
    lines
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| {
                Error::failed(format!("{}:{}: no line of a training's log: {error}", path.display(), number + 1))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: usize) -> Record {
        let (loss, learning_rate, grad_norm) = (1.0 / step as f64, 1e-4, 0.5);
        Record::Step(StepRecord { step, epoch: 0.1, loss, learning_rate, grad_norm, tokens: 9, images: 4 })
    }

    #[test]
    fn a_log_goes_on_behind_the_checkpoint_and_forgets_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::open(folder.path(), &Progress::default()).unwrap();
        for number in 1..=5 {
            log.add(&step(number)).unwrap();
        }
        let validation =
            Validation { step: 3, epoch: 0.3, validation_loss: 0.7, best: true, captions: IndexMap::new() };
        log.add(&Record::Validation(validation.clone())).unwrap();
        log.log.write_all(b"{\"step\":6,").unwrap();
        let checkpoint = Progress { step: 3, ..Progress::default() };
        let mut log = Log::open(folder.path(), &checkpoint).unwrap();
        log.add(&step(4)).unwrap();
        let expected = [step(1), step(2), step(3), Record::Validation(validation), step(4)];
        let lines: String = expected.iter().map(|record| line(record).unwrap()).collect();
        // To the byte: a third, say, is not always read as what was written.
        assert_eq!(read_text(&folder.path().join("log.jsonl")).unwrap(), lines);
        assert_eq!(read_log(&folder.path().join("log.jsonl")).unwrap().len(), 5);
        // A checkpoint that stands before its validation takes none that was made behind it.
        Log::open(folder.path(), &Progress { awaits_validation: true, ..checkpoint }).unwrap();
        assert_eq!(read_log(&folder.path().join("log.jsonl")).unwrap(), expected[..3]);
    }
}
