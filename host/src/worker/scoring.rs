//! Scoring in the worker: one dataset's references tokenized once, then every model's predictions with every metric.

use super::protocol::{Event, ScoreCell, ScoreMetric};
use super::serve::Speaker;
use crate::error::{Error, Result};
use crate::loader::Metric;
use crate::run::{Outcome, Prediction, read_items, read_predictions, replace_file};
use crate::score::{Corpus, CorpusItem, FamilyScores, Resampler, ScoredFamily, score_family};
use plugin_api::Item;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::path::Path;

/// Scores cells and writes `METRIC.json` files, `items.jsonl` and `statistics.jsonl`. A metric that fails costs its own file; the error is told with its
/// name, and the others go on.
pub fn score_cells(
    metrics: &[ScoreMetric],
    items_file: &Path,
    cells: &[ScoreCell],
    resamples: usize,
    seed: u64,
    speaker: &Speaker,
) -> Result<()> {
    speaker.say(&Event::Scoring { metric: None, model: None });
    let items = read_items(items_file)?;
    let resampler = Resampler { resamples, seed };
    for cell in cells {
        let (predictions, _) = read_predictions(&cell.predictions)?;
        let (captioned, failed) = captioned_items(&items, predictions);
        if captioned.is_empty() {
            continue;
        }
        let corpus = Corpus::new(captioned);
        let input_sha256 = FamilyScores::input_digest(&cell.predictions, items_file)?;
        let mut lines: Vec<Map<String, Value>> =
            (0..corpus.len()).map(|item| Map::from_iter([("id".to_owned(), Value::from(corpus.id(item)))])).collect();
        let mut statistics = lines.clone();
        for metric in metrics {
            let name = &metric.spec.entry;
            speaker.say(&Event::Scoring { metric: Some(name.clone()), model: Some(cell.model.clone()) });
            let scored = make_metric(metric).and_then(|mut made| {
                corpus.observed_by(&mut made)?;
                score_family(&made, &corpus, Some(resampler))
            });
            let scored = match scored {
                Ok(scored) => scored,
                Err(error) => {
                    let (metric, model) = (name.clone(), cell.model.clone());
                    speaker.say(&Event::NotScored { metric, model, failure: error.into() });
                    continue;
                }
            };
            add_lines(&mut lines, name, &scored, &metric.values)?;
            add_statistics(&mut statistics, name, &scored)?;
            let wanted = |value: &str| metric.values.is_empty() || metric.values.iter().any(|name| name == value);
            let chosen = scored.values.iter().zip(&scored.corpus).filter(|(value, _)| wanted(&value.name));
            FamilyScores {
                metric: name.clone(),
                values: chosen.clone().map(|(value, score)| (value.name.clone(), *score)).collect(),
                describe: chosen.map(|(value, _)| value.clone()).collect(),
                items: corpus.len(),
                failed,
                resamples,
                seed,
                plugin: metric.spec.library.plugin.clone(),
                plugin_version: metric.version.clone(),
                plugin_sha256: metric.spec.library.sha256.clone().unwrap_or_default(),
                input_sha256: input_sha256.clone(),
            }
            .write(&cell.folder.join(format!("{name}.json")))?;
        }
        write_lines(&cell.folder.join("statistics.jsonl"), &statistics)?;
        write_lines(&cell.folder.join("items.jsonl"), &lines)?;
    }
    Ok(())
}

fn write_lines(path: &Path, lines: &[Map<String, Value>]) -> Result<()> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)
            .map_err(|error| Error::failed(format!("cannot write item scores: {error}")))?;
        text.push(b'\n');
    }
    replace_file(path, &text)
}

/// Makes a metric in this process, and sees that it has the values asked for.
pub fn make_metric(metric: &ScoreMetric) -> Result<Metric> {
    let spec = &metric.spec;
    let made = spec.library.open()?.metric(spec.component.as_deref(), &spec.entry, &spec.message)?;
    if let Some(unknown) = metric.values.iter().find(|name| made.values.iter().all(|value| value.name != **name)) {
        let known: Vec<&str> = made.values.iter().map(|value| value.name.as_str()).collect();
        return Err(Error::usage(format!("metric `{}` has no value `{unknown}`", spec.entry))
            .help(format!("it has: {}", known.join(", "))));
    }
    Ok(made)
}

/// The items that have a caption and a description to compare it to, in the dataset's order, and how many have no caption.
pub fn captioned_items(items: &[Item], predictions: Vec<Prediction>) -> (Vec<CorpusItem>, usize) {
    let mut captions: HashMap<String, String> = HashMap::new();
    for prediction in predictions {
        if let Outcome::Caption { caption, .. } = prediction.outcome {
            captions.insert(prediction.id, caption);
        }
    }
    let described =
        items.iter().filter(|item| item.references.iter().any(|text| !text.trim().is_empty())).collect::<Vec<_>>();
    let captioned: Vec<CorpusItem> = described
        .iter()
        .filter_map(|item| {
            let candidate = captions.remove(&item.id)?;
            Some(CorpusItem {
                id: item.id.clone(),
                candidate,
                references: item.references.clone(),
                category: item.category.clone(),
            })
        })
        .collect();
    let failed = described.len() - captioned.len();
    (captioned, failed)
}

fn add_lines(lines: &mut [Map<String, Value>], family: &str, scored: &ScoredFamily, wanted: &[String]) -> Result<()> {
    let each = scored.values.len();
    for (place, line) in lines.iter_mut().enumerate() {
        for (value, number) in scored.values.iter().zip(&scored.items.values[place * each..][..each]) {
            if wanted.is_empty() || wanted.contains(&value.name) {
                line.insert(value.name.clone(), Value::from(*number));
            }
        }
        if let Some(detail) = scored.items.details.get(place).filter(|detail| !detail.is_empty()) {
            let detail = serde_json::from_str(detail).map_err(|error| {
                Error::failed(format!("metric {family} gives an item a detail that is no JSON: {error}"))
            })?;
            let details = line.entry("details").or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(details) = details {
                details.insert(family.to_owned(), detail);
            }
        }
    }
    Ok(())
}

fn add_statistics(lines: &mut [Map<String, Value>], family: &str, scored: &ScoredFamily) -> Result<()> {
    let width = scored.items.width.max(1);
    for (line, row) in lines.iter_mut().zip(scored.items.statistics.chunks_exact(width)) {
        if row.iter().any(|number| !number.is_finite()) {
            return Err(Error::failed(format!("metric {family} gives an item statistics that are no numbers")));
        }
        line.insert(family.to_owned(), row.iter().map(|number| compact(*number)).collect());
    }
    Ok(())
}

/// Most statistics are counts: `3` takes half the room of `3.0`.
fn compact(number: f64) -> Value {
    let whole = number.fract() == 0.0 && number.abs() < 9e15 && !(number == 0.0 && number.is_sign_negative());
    if whole { Value::from(number as i64) } else { Value::from(number) }
}
