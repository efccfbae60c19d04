//! `scores/DATASET/MODEL/METRIC.json`: a family's corpus values with intervals, and what they were computed from.

use super::Interval;
use crate::error::{Error, Result};
use crate::run::{file_digest, replace_file};
use indexmap::IndexMap;
use plugin_api::MetricValue;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A corpus value, unscaled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CorpusScore {
    pub value: f64,
    /// 95 %; none for a corpus of one item.
    #[serde(flatten)]
    pub interval: Option<Interval>,
}

/// One family's scores of one cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FamilyScores {
    pub metric: String,
    /// Unscaled corpus values by name.
    pub values: IndexMap<String, CorpusScore>,
    /// How to print them.
    pub describe: Vec<MetricValue>,
    /// Items scored.
    pub items: usize,
    /// Items without a caption; they are in no score.
    pub failed: usize,
    pub resamples: usize,
    pub seed: u64,
    pub plugin: String,
    pub plugin_version: String,
    pub plugin_sha256: String,
    /// Digest of the predictions and references: other ones make the scores stale.
    pub input_sha256: String,
}

impl FamilyScores {
    /// Digest of what a cell's scores are computed from.
    pub fn input_digest(predictions: &Path, items: &Path) -> Result<String> {
        Ok(format!("{}{}", &file_digest(predictions)?[..32], &file_digest(items)?[..32]))
    }

    /// Reads a score file; an absent or damaged one is none, because it can be made again.
    pub fn read(path: &Path) -> Option<FamilyScores> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text =
            serde_json::to_vec_pretty(self).map_err(|error| Error::failed(format!("cannot write scores: {error}")))?;
        text.push(b'\n');
        replace_file(path, &text)
    }
}
