//! A run's scores, dataset by dataset, in the order of the plan, with what is failed, missing or damaged. Reads score files and counts
//! predictions; what tables are made of that is in `scores`.

use super::beside::Published;
use super::remarks::remarks;
use crate::run::{CellFailure, Outcome, Plan, RunDir, Shard, read_items, read_predictions};
use crate::score::{CorpusScore, FamilyScores};
use plugin_api::MetricValue;
use serde_json::{Map, Value, json};
use std::path::Path;

/// All scores of a run.
#[derive(Debug, Clone)]
pub struct Results {
    pub split: String,
    pub resamples: usize,
    /// Published figures to put beside.
    pub beside: Option<Published>,
    pub datasets: Vec<DatasetScores>,
}

/// One dataset's scores.
#[derive(Debug, Clone)]
pub struct DatasetScores {
    pub dataset: String,
    pub metrics: Vec<ScoredMetric>,
    pub models: Vec<ModelScores>,
}

/// One value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredMetric {
    /// The plan's name of the metric that reports it.
    pub family: String,
    pub value: MetricValue,
}

/// One model's scores.
#[derive(Debug, Clone)]
pub struct ModelScores {
    pub model: String,
    /// Items with a caption.
    pub items: usize,
    /// Items whose captioning failed.
    pub failed: usize,
    /// Why the whole cell has no scores.
    pub failure: Option<String>,
    /// What is wrong with a cell that has some: sentences.
    pub defects: Vec<String>,
    /// What to know of its captions: sentences.
    pub remarks: Vec<String>,
    /// One a metric.
    pub scores: Vec<Score>,
}

/// A score, or its absence.
#[derive(Debug, Clone, PartialEq)]
pub enum Score {
    Value(CorpusScore),
    Failed(String),
    Missing,
}

/// Reads a run's score files. What is missing or damaged shows as such; nothing here fails.
pub fn collect(run: &RunDir, plan: &Plan) -> Results {
    let mut resamples = 0;
    let mut datasets = Vec::new();
    for dataset in &plan.datasets {
        let read = |model: &str, metric: &str| FamilyScores::read(&run.score_file(&dataset.name, model, metric));
        let mut metrics: Vec<ScoredMetric> = Vec::new();
        for metric in &plan.metrics {
            let described = plan.models.iter().find_map(|model| read(&model.name, &metric.name));
            // A metric that no cell has: a column by the family's name says so.
            let values = described
                .map_or_else(|| vec![MetricValue::score(&metric.name, &metric.name)], |scores| scores.describe);
            metrics.extend(values.into_iter().map(|value| ScoredMetric { family: metric.name.clone(), value }));
        }
        let listed = items_of(&run.items_file(&dataset.name));
        let mut models = Vec::new();
        for model in plan.models_on(&dataset.name) {
            let mut cell = cell(run, &dataset.name, &model.name, &listed);
            let mut missing: Vec<&str> = Vec::new();
            for metric in &metrics {
                let scores = read(&model.name, &metric.family).filter(|_| cell.failure.is_none());
                if let Some(scores) = &scores {
                    resamples = scores.resamples;
                }
                let score = match scores.and_then(|scores| scores.values.get(&metric.value.name).copied()) {
                    Some(score) => Score::Value(score),
                    None => metric_failure(run, &dataset.name, &model.name, &metric.family)
                        .map_or(Score::Missing, Score::Failed),
                };
                if score == Score::Missing && !missing.contains(&metric.family.as_str()) {
                    missing.push(&metric.family);
                }
                cell.scores.push(score);
            }
            if cell.failure.is_none() && !missing.is_empty() {
                let whole = missing.len() == plan.metrics.len();
                let what = if whole { "it is".to_owned() } else { format!("{}:", missing.join(", ")) };
                cell.defects.push(format!("{what} not scored; the same `host eval` again scores what is missing"));
            }
            models.push(cell);
        }
        datasets.push(DatasetScores { dataset: dataset.name.clone(), metrics, models });
    }
    Results { split: plan.split.clone(), resamples, beside: None, datasets }
}

/// A cell without its scores: how many captions it has, and what is wrong with them. `listed`: how many items the dataset has, none if
/// the run has no list of them, an error if it is damaged.
fn cell(run: &RunDir, dataset: &str, model: &str, listed: &Result<Option<usize>, String>) -> ModelScores {
    let file = run.predictions_file(dataset, model, Shard::WHOLE);
    let read = read_predictions(&file);
    let damaged = read.as_ref().err().map(|error| error.message.clone());
    let predictions = read.map(|(predictions, _)| predictions).unwrap_or_default();
    let captioned =
        predictions.iter().filter(|prediction| matches!(prediction.outcome, Outcome::Caption { .. })).count();
    let mut cell = ModelScores {
        model: model.to_owned(),
        items: captioned,
        failed: predictions.len() - captioned,
        failure: run.failure(dataset, model).map(|failure| failure.reason),
        defects: Vec::new(),
        remarks: remarks(&predictions),
        scores: Vec::new(),
    };
    if cell.failure.is_some() {
        return cell;
    }
    match (damaged, listed) {
        (Some(damaged), Err(items)) => cell.defects.extend([damaged, items.clone()]),
        (Some(damaged), Ok(_)) => cell.defects.push(damaged),
        (None, Err(damaged)) => cell.defects.push(damaged.clone()),
        (None, Ok(None)) if predictions.is_empty() => cell.failure = Some("the dataset could not be read".to_owned()),
        (None, Ok(None)) => cell.defects.push(format!("items/{dataset}.jsonl is missing from the run")),
        (None, Ok(Some(_))) if predictions.is_empty() && !file.is_file() => {
            cell.failure = Some(if has_shards(&file) {
                "its shards are not merged yet; when all are done: host merge".to_owned()
            } else {
                "it has no predictions; the same `host eval` again makes them".to_owned()
            });
        }
        (None, Ok(Some(listed))) if predictions.len() < *listed => {
            let absent = listed - predictions.len();
            cell.defects.push(format!(
                "{absent} of {listed} items have no prediction; the same `host eval` again makes what is missing"
            ));
        }
        _ => {}
    }
    if cell.failed > 0 {
        let all = cell.items + cell.failed;
        cell.defects.push(format!("{} of {all} items have no caption and are in no score", cell.failed));
    }
    cell
}

fn items_of(path: &Path) -> Result<Option<usize>, String> {
    if !path.is_file() {
        return Ok(None);
    }
    read_items(path).map(|items| Some(items.len())).map_err(|error| error.message)
}

fn has_shards(whole: &Path) -> bool {
    let entries = whole.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    let shard = |name: &str| name.starts_with("shard-") && name.ends_with(".jsonl");
    entries.is_some_and(|entries| entries.flatten().any(|entry| shard(&entry.file_name().to_string_lossy())))
}

fn metric_failure(run: &RunDir, dataset: &str, model: &str, metric: &str) -> Option<String> {
    let path = run.scores_folder(dataset, model).join(format!("{metric}.error.json"));
    let failure: CellFailure = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    Some(failure.reason)
}

impl Results {
    /// Is there any score?
    pub fn has_scores(&self) -> bool {
        let value = |score: &Score| matches!(score, Score::Value(_));
        self.cells().any(|(_, model)| model.scores.iter().any(value))
    }

    /// Does every cell have every score, of every item?
    pub fn is_complete(&self) -> bool {
        self.datasets.iter().all(|dataset| dataset.notes().is_empty())
    }

    /// Every dataset's every model.
    pub fn cells(&self) -> impl Iterator<Item = (&DatasetScores, &ModelScores)> {
        self.datasets.iter().flat_map(|dataset| dataset.models.iter().map(move |model| (dataset, model)))
    }

    /// `scores.json`: `{dataset: {model: {items, failed, metrics: {metric: {value, low, high}}}}}`, unscaled; a failed cell or
    /// metric has `"error"`, captions of
    /// which there is something to say `"remarks"`.
    pub fn scores_json(&self) -> Value {
        let mut datasets = Map::new();
        for dataset in &self.datasets {
            let mut models = Map::new();
            for model in &dataset.models {
                let mut values = Map::new();
                for (metric, score) in dataset.metrics.iter().zip(&model.scores) {
                    let name = metric.value.name.clone();
                    match score {
                        Score::Value(score) => drop(values.insert(name, json!(score))),
                        Score::Failed(reason) => drop(values.insert(name, json!({ "error": reason }))),
                        Score::Missing => {}
                    }
                }
                let mut entry = Map::from_iter([
                    ("items".to_owned(), json!(model.items)),
                    ("failed".to_owned(), json!(model.failed)),
                    ("metrics".to_owned(), Value::Object(values)),
                ]);
                if let Some(reason) = &model.failure {
                    entry.insert("error".to_owned(), json!(reason));
                }
                if !model.remarks.is_empty() {
                    entry.insert("remarks".to_owned(), json!(model.remarks));
                }
                models.insert(model.model.clone(), Value::Object(entry));
            }
            datasets.insert(dataset.dataset.clone(), Value::Object(models));
        }
        Value::Object(datasets)
    }
}

impl DatasetScores {
    /// What failed or is missing, a sentence each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = Vec::new();
        for model in &self.models {
            let cell = format!("{} on {}", model.model, self.dataset);
            if let Some(reason) = &model.failure {
                notes.push(format!("{cell}: {reason}"));
                continue;
            }
            notes.extend(model.defects.iter().map(|defect| format!("{cell}: {defect}")));
            for (metric, score) in self.metrics.iter().zip(&model.scores) {
                if let Score::Failed(reason) = score {
                    let note = format!("{} of {cell}: {reason}", metric.family);
                    if !notes.contains(&note) {
                        notes.push(note);
                    }
                }
            }
        }
        notes
    }

    /// What to know of the captions, a sentence each.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        self.models.iter().flat_map(|model| {
            model.remarks.iter().map(|remark| format!("{} on {}: {remark}", model.model, self.dataset))
        })
    }
}
