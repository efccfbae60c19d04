//! Joining shards: all parts of a cell become the file that an unsharded run would have written.

use super::predictions::write_predictions;
use super::{CellFailure, Outcome, Prediction, RunDir, Shard, read_items, read_predictions};
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

/// Joins the shards of one cell, in the items' order. Parts may lie in several run directories of one plan. Does nothing where the whole
/// is there already. The parts that lie in `run` itself are removed once the whole is safe.
///
/// Gives the failure of a cell whose shards failed, or none of whose items has a caption; it is noted in `run` too.
///
/// # Errors
/// Items that no shard has though none failed, with the first of them.
pub fn merge(run: &RunDir, parts: &[RunDir], dataset: &str, model: &str) -> Result<Option<CellFailure>> {
    let own_failures = run.shard_failures(dataset, model);
    let part_failures = parts.iter().flat_map(|part| part.shard_failures(dataset, model));
    let failure = own_failures.iter().cloned().chain(part_failures).map(|(_, failure)| failure).next();
    let items = match (read_items(&run.items_file(dataset)), failure.clone()) {
        (Ok(items), _) => items,
        // The dataset could not be read, which is why the shards failed.
        (Err(_), Some(failure)) => return failed(run, dataset, model, failure),
        (Err(error), None) => return Err(error),
    };
    let whole = run.predictions_file(dataset, model, Shard::WHOLE);
    let mut found: HashMap<String, Prediction> = HashMap::new();
    let mut own_parts: Vec<PathBuf> = Vec::new();
    for (place, dir) in std::iter::once(run).chain(parts).enumerate() {
        for file in dir.prediction_files(dataset, model)? {
            for prediction in read_predictions(&file)?.0 {
                found.entry(prediction.id.clone()).or_insert(prediction);
            }
            if place == 0 && file != whole {
                own_parts.push(file);
            }
        }
    }
    let mut missing = Vec::new();
    let mut merged = Vec::with_capacity(items.len());
    for item in &items {
        match found.remove(&item.id) {
            Some(prediction) => merged.push(prediction),
            None => missing.push(item.id.as_str()),
        }
    }
    if let (Some(_), Some(failure)) = (missing.first(), failure) {
        return failed(run, dataset, model, failure);
    }
    if let Some(first) = missing.first() {
        return Err(Error::failed(format!(
            "{model} on {dataset}: {} of {} items are in no shard, the first is `{first}`",
            missing.len(),
            items.len()
        ))
        .help("run the shards that are missing (`host status RUN` lists them, `host submit --resume RUN` sends them), then merge again"));
    }
    write_predictions(&whole, &merged)?;
    for part in own_parts.into_iter().chain(own_failures.into_iter().map(|(file, _)| file)) {
        std::fs::remove_file(&part).map_err(|error| Error::io("remove the merged", &part, &error))?;
    }
    join_timings(run, dataset, model)?;
    match merged.pop().map(|last| last.outcome) {
        Some(Outcome::Failed { error }) if merged.iter().all(Prediction::is_failed) => {
            failed(run, dataset, model, CellFailure::none_captioned(&error))
        }
        _ => {
            run.clear_failure(dataset, model, Shard::WHOLE);
            Ok(None)
        }
    }
}

fn failed(run: &RunDir, dataset: &str, model: &str, failure: CellFailure) -> Result<Option<CellFailure>> {
    run.set_failure(dataset, model, Shard::WHOLE, &failure)?;
    Ok(Some(failure))
}

/// Joins the shards' times into one file. They are for people; one that cannot be read is left where it is.
fn join_timings(run: &RunDir, dataset: &str, model: &str) -> Result<()> {
    let whole = run.timing_file(dataset, model);
    for part in run.timing_files(dataset, model)?.into_iter().filter(|file| *file != whole) {
        let joined = std::fs::read(&part)
            .and_then(|lines| std::fs::OpenOptions::new().create(true).append(true).open(&whole)?.write_all(&lines));
        if joined.is_ok() {
            let _ = std::fs::remove_file(&part);
        }
    }
    Ok(())
}
