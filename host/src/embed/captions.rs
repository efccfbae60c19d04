//! `--captions RUN`: the captions of a run, where the catalogue has no description.

use crate::error::{Error, Result};
use crate::run::{Outcome, RunDir, Shard, file_digest, read_predictions};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Which captions, for the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaptionSource {
    pub run: PathBuf,
    pub model: String,
    pub sha256: String,
}

/// Captions by item.
pub type Captions = HashMap<String, String>;

/// The captions that a run has of a dataset: the named model's, or those of the only one.
pub fn read(run: &Path, model: Option<&str>, dataset: &str) -> Result<(CaptionSource, Captions)> {
    let (directory, plan) = RunDir::existing(run)?;
    let file = |model: &str| directory.predictions_file(dataset, model, Shard::WHOLE);
    let known: Vec<&str> =
        plan.models.iter().map(|model| model.name.as_str()).filter(|model| file(model).is_file()).collect();
    let wrong = |message: String| {
        let error = Error::usage(format!("{}: {message}", run.display()));
        let in_parts = plan.models.iter().any(|model| {
            directory
                .prediction_files(dataset, &model.name)
                .is_ok_and(|files| !files.is_empty() && !file(&model.name).is_file())
        });
        let join = format!("some are in parts that are not joined yet: host merge {}", run.display());
        Err(if in_parts { error.help(join) } else { error })
    };
    let model = match (model, &known[..]) {
        (Some(name), _) if known.contains(&name) => name,
        (Some(name), _) => {
            let others =
                if known.is_empty() { String::new() } else { format!("; there are some by: {}", known.join(", ")) };
            return wrong(format!("there are no captions of `{dataset}` by `{name}`{others}"));
        }
        (None, [only]) => only,
        (None, []) => return wrong(format!("there are no captions of `{dataset}`")),
        (None, _) => {
            return wrong(format!("several models captioned `{dataset}`: {}", known.join(", ")))
                .map_err(|error| error.help("choose one with --captions-model NAME"));
        }
    };
    let path = file(model);
    let captions = read_predictions(&path)?.0.into_iter().filter_map(|prediction| match prediction.outcome {
        Outcome::Caption { caption, .. } => Some((prediction.id, caption)),
        Outcome::Failed { .. } => None,
    });
    let source = CaptionSource { run: run.to_owned(), model: model.to_owned(), sha256: file_digest(&path)? };
    Ok((source, captions.collect()))
}
