//! `predictions/DATASET/MODEL/shard-*.jsonl`: one line an item, appended and synced a batch at a time. They are the truth of a run;
//! all else is computed from them.

use super::files::{create_folder, replace_file, sync_folder};
use crate::error::{Error, Result};
use plugin_api::Finish;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What became of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prediction {
    pub id: String,
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Prediction {
    pub fn is_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed { .. })
    }
}

/// A caption, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    Caption { caption: String, token_ids: Vec<u32>, finish: Finish },
    Failed { error: String },
}

/// Reads a shard's predictions. A torn last line (no newline, or not JSON) is left out, and the length of what is whole is returned
/// beside the lines, in bytes. An absent file is no predictions.
///
/// # Errors
/// The file cannot be read, or a line before the last is damaged.
pub fn read_predictions(path: &Path) -> Result<(Vec<Prediction>, u64)> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(Error::io("read", path, &error)),
    };
    let mut predictions = Vec::new();
    let mut whole = 0;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let torn = !line.ends_with(b"\n");
        let last = whole + line.len() == bytes.len();
        match serde_json::from_slice(line) {
            Ok(prediction) if !torn => predictions.push(prediction),
            Ok(_) => break,
            Err(_) if last => break,
            Err(error) => {
                return Err(Error::failed(format!("{}:{}: the line is damaged: {error}", path.display(), number + 1))
                    .help("remove that line and run the same command again; its item is then captioned anew"));
            }
        }
        whole += line.len();
    }
    Ok((predictions, whole as u64))
}

/// Appends to a shard's predictions.
#[derive(Debug)]
pub struct PredictionWriter {
    path: PathBuf,
    file: File,
    length: u64,
}

impl PredictionWriter {
    /// Opens a shard's file and cuts off a torn last line. Returns what is there already.
    pub fn open(path: &Path) -> Result<(PredictionWriter, Vec<Prediction>)> {
        let folder = path.parent().unwrap_or(Path::new("."));
        create_folder(folder)?;
        let (predictions, length) = read_predictions(path)?;
        let open = OpenOptions::new().create(true).append(true).open(path);
        let file = open.map_err(|error| Error::io("write", path, &error))?;
        let fail = |error| Error::io("write", path, &error);
        // What is whole keeps its time of change.
        if file.metadata().map_err(fail)?.len() != length {
            file.set_len(length).map_err(fail)?;
        }
        sync_folder(folder);
        Ok((PredictionWriter { path: path.to_owned(), file, length }, predictions))
    }

    /// Appends a batch and syncs it. After an error the file holds exactly the earlier batches.
    pub fn append(&mut self, batch: &[Prediction]) -> Result<()> {
        let text = lines(batch)?;
        let written = self.file.write_all(&text).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // A disk that is full still lets a file shrink; should even that fail, the torn line is dropped on resume.
            let _ = self.file.set_len(self.length);
            return Err(Error::io("append to", &self.path, &error));
        }
        self.length += text.len() as u64;
        Ok(())
    }
}

/// Writes a file of predictions whole.
pub(super) fn write_predictions(path: &Path, predictions: &[Prediction]) -> Result<()> {
    replace_file(path, &lines(predictions)?)
}

fn lines(predictions: &[Prediction]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for prediction in predictions {
        serde_json::to_writer(&mut text, prediction)
            .map_err(|error| Error::failed(format!("cannot write the prediction of `{}`: {error}", prediction.id)))?;
        text.push(b'\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caption(id: &str) -> Prediction {
        let outcome = Outcome::Caption { caption: "a dress".into(), token_ids: vec![3, 2], finish: Finish::Eos };
        Prediction { id: id.into(), outcome }
    }

    #[test]
    fn a_line_reads_as_the_design_has_it() {
        let text = serde_json::to_string(&caption("0108775015")).unwrap();
        assert_eq!(text, r#"{"id":"0108775015","caption":"a dress","token_ids":[3,2],"finish":"eos"}"#);
        let failed = Prediction { id: "1".into(), outcome: Outcome::Failed { error: "no image".into() } };
        assert_eq!(serde_json::to_string(&failed).unwrap(), r#"{"id":"1","error":"no image"}"#);
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_the_rest_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shard-0000.jsonl");
        let (mut writer, _) = PredictionWriter::open(&path).unwrap();
        writer.append(&[caption("1"), caption("2")]).unwrap();
        drop(writer);
        let whole = std::fs::read(&path).unwrap();
        for cut in whole.len() / 2 + 1..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (mut writer, kept) = PredictionWriter::open(&path).unwrap();
            assert_eq!(kept, [caption("1")], "cut at {cut}");
            writer.append(&[caption("2")]).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
    }

    #[test]
    fn a_damaged_line_in_the_middle_is_an_error_with_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shard-0000.jsonl");
        std::fs::write(&path, "{\"id\":\n{\"id\":\"2\",\"error\":\"x\"}\n").unwrap();
        assert!(read_predictions(&path).unwrap_err().message.contains("shard-0000.jsonl:1"));
    }
}
