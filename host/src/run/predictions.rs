//! `predictions/DATASET/MODEL/shard-*.jsonl`: one line an item, appended and synced a batch at a time. They are the truth of a run;
//! all else is computed from them.

use super::files::replace_file;
use super::journal::{Journal, lines, read_journal};
use crate::error::Result;
use plugin_api::Finish;
use serde::{Deserialize, Serialize};
use std::path::Path;

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

/// Reads a shard's predictions; see [`read_journal`].
pub fn read_predictions(path: &Path) -> Result<(Vec<Prediction>, u64)> {
    read_journal(path)
}

/// Appends to a shard's predictions.
pub type PredictionWriter = Journal<Prediction>;

/// Writes a file of predictions whole.
pub(super) fn write_predictions(path: &Path, predictions: &[Prediction]) -> Result<()> {
    replace_file(path, &lines(path, predictions)?)
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
