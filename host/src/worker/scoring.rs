//! Scoring in the worker: one dataset's references tokenized once, then every model's predictions with every metric.

use super::protocol::{Event, ScoreCell, ScoreMetric};
use super::serve::Speaker;
use crate::error::{Error, Result};
use crate::loader::Metric;
use crate::run::{Outcome, Prediction, read_items, read_predictions, replace_file};
use crate::score::{Corpus, CorpusItem, FamilyScores, Resampler, ScoredFamily, score_whole};
use plugin_api::{Item, MetricValue};
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
        let mut reported = Reported::default();
        for metric in metrics {
            let name = &metric.spec.entry;
            speaker.say(&Event::Scoring { metric: Some(name.clone()), model: Some(cell.model.clone()) });
            let scored = make_metric(metric).and_then(|mut made| {
                let scored = score_whole(&mut made, &corpus, Some(resampler))?;
                let details = details_of(&scored, &corpus)?;
                reported.add(metric, &scored.values)?;
                Ok((scored, details))
            });
            let (scored, details) = match scored {
                Ok(scored) => scored,
                Err(error) => {
                    let (metric, model) = (name.clone(), cell.model.clone());
                    speaker.say(&Event::NotScored { metric, model, failure: error.into() });
                    continue;
                }
            };
            add_lines(&mut lines, metric, &scored, details);
            add_statistics(&mut statistics, name, &scored);
            let chosen = scored.values.iter().zip(&scored.corpus).filter(|(value, _)| metric.reports(&value.name));
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

/// Which metric reports which value: the scores of an item, and the columns of a table, have one of a name.
#[derive(Debug, Default)]
pub struct Reported(HashMap<String, String>);

impl Reported {
    /// Takes note of what a metric reports.
    ///
    /// # Errors
    /// Another metric reports a value of the same name.
    pub fn add(&mut self, metric: &ScoreMetric, values: &[MetricValue]) -> Result<()> {
        let entry = &metric.spec.entry;
        let names: Vec<&String> = values.iter().map(|value| &value.name).filter(|name| metric.reports(name)).collect();
        if let Some((name, other)) = names.iter().find_map(|name| self.0.get_key_value(name.as_str())) {
            return Err(Error::usage(format!("metric `{entry}` reports `{name}`, and so does metric `{other}`"))
                .help("ask for one of the two at a time: values of one name cannot stand side by side"));
        }
        self.0.extend(names.into_iter().map(|name| (name.clone(), entry.clone())));
        Ok(())
    }
}

/// The items' details; none where the metric gives none.
pub fn details_of(scored: &ScoredFamily, corpus: &Corpus) -> Result<Vec<Option<Value>>> {
    let read = |(item, detail): (usize, &String)| match detail.is_empty() {
        true => Ok(None),
        false => serde_json::from_str(detail).map(Some).map_err(|error| {
            Error::failed(format!("item `{}`: it gives a detail that is no JSON: {error}", corpus.id(item)))
        }),
    };
    scored.items.details.iter().enumerate().map(read).collect()
}

fn add_lines(
    lines: &mut [Map<String, Value>],
    metric: &ScoreMetric,
    scored: &ScoredFamily,
    details: Vec<Option<Value>>,
) {
    let each = scored.values.len();
    for (place, line) in lines.iter_mut().enumerate() {
        for (value, number) in scored.values.iter().zip(&scored.items.values[place * each..][..each]) {
            if metric.reports(&value.name) {
                line.insert(value.name.clone(), Value::from(*number));
            }
        }
    }
    for (line, detail) in lines.iter_mut().zip(details) {
        let Some(detail) = detail else { continue };
        if let Value::Object(details) = line.entry("details").or_insert_with(|| Value::Object(Map::new())) {
            details.insert(metric.spec.entry.clone(), detail);
        }
    }
}

fn add_statistics(lines: &mut [Map<String, Value>], family: &str, scored: &ScoredFamily) {
    let width = scored.items.width.max(1);
    for (line, row) in lines.iter_mut().zip(scored.items.statistics.chunks_exact(width)) {
        line.insert(family.to_owned(), row.iter().map(|number| compact(*number)).collect());
    }
}

/// Most statistics are counts: `3` takes half the room of `3.0`.
fn compact(number: f64) -> Value {
    let whole = number.fract() == 0.0 && number.abs() < 9e15 && !(number == 0.0 && number.is_sign_negative());
    if whole { Value::from(number as i64) } else { Value::from(number) }
}
