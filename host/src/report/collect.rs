//! A run's scores, dataset by dataset, in the order of the plan.

use crate::run::{CellFailure, Outcome, Plan, RunDir, Shard, read_predictions};
use crate::score::{CorpusScore, FamilyScores};
use serde_json::{Map, Value, json};

/// All tables of a run.
#[derive(Debug, Clone)]
pub struct Results {
    pub split: String,
    pub resamples: usize,
    pub tables: Vec<Table>,
}

/// One dataset's table.
#[derive(Debug, Clone)]
pub struct Table {
    pub dataset: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
}

/// One value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub family: String,
    pub name: String,
    pub heading: String,
    pub higher_is_better: bool,
    pub scale: f64,
}

/// One model.
#[derive(Debug, Clone)]
pub struct Row {
    pub model: String,
    /// Items with a caption.
    pub items: usize,
    /// Items without one.
    pub failed: usize,
    /// Why the whole cell failed.
    pub failure: Option<String>,
    /// One a column.
    pub scores: Vec<Score>,
}

/// A score, or its absence.
#[derive(Debug, Clone, PartialEq)]
pub enum Score {
    Value(CorpusScore),
    Failed(String),
    Missing,
}

/// A failed cell or metric, for the notes below a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub what: String,
    pub reason: String,
}

/// Reads a run's score files. What is missing or damaged shows as such; nothing here fails.
pub fn collect(run: &RunDir, plan: &Plan) -> Results {
    let mut resamples = 0;
    let mut tables = Vec::new();
    for dataset in &plan.datasets {
        let read = |model: &str, metric: &str| FamilyScores::read(&run.score_file(&dataset.name, model, metric));
        let mut columns: Vec<Column> = Vec::new();
        for metric in &plan.metrics {
            let described = plan.models.iter().find_map(|model| read(&model.name, &metric.name));
            match described {
                Some(scores) => columns.extend(scores.describe.iter().map(|value| Column {
                    family: metric.name.clone(),
                    name: value.name.clone(),
                    heading: value.heading.clone(),
                    higher_is_better: value.higher_is_better,
                    scale: value.scale,
                })),
                // No cell has it: a column by the family's name says so.
                None => columns.push(Column {
                    family: metric.name.clone(),
                    name: metric.name.clone(),
                    heading: metric.name.clone(),
                    higher_is_better: true,
                    scale: 100.0,
                }),
            }
        }
        let mut rows = Vec::new();
        for model in &plan.models {
            let failure = run.failure(&dataset.name, &model.name).map(|failure| failure.reason);
            let (items, failed) = count(run, &dataset.name, &model.name);
            let unlisted = !run.items_file(&dataset.name).is_file();
            let failure = failure.or_else(|| unlisted.then(|| "the dataset could not be read".to_owned()));
            let scores = columns
                .iter()
                .map(|column| {
                    if let Some(scores) = read(&model.name, &column.family) {
                        resamples = scores.resamples;
                        if failure.is_none()
                            && let Some(score) = scores.values.get(&column.name)
                        {
                            return Score::Value(*score);
                        }
                    }
                    metric_failure(run, &dataset.name, &model.name, &column.family)
                        .map_or(Score::Missing, Score::Failed)
                })
                .collect();
            rows.push(Row { model: model.name.clone(), items, failed, failure, scores });
        }
        tables.push(Table { dataset: dataset.name.clone(), columns, rows });
    }
    Results { split: plan.split.clone(), resamples, tables }
}

fn count(run: &RunDir, dataset: &str, model: &str) -> (usize, usize) {
    let read = read_predictions(&run.predictions_file(dataset, model, Shard::WHOLE));
    let predictions = read.map(|(predictions, _)| predictions).unwrap_or_default();
    let captioned =
        predictions.iter().filter(|prediction| matches!(prediction.outcome, Outcome::Caption { .. })).count();
    (captioned, predictions.len() - captioned)
}

fn metric_failure(run: &RunDir, dataset: &str, model: &str, metric: &str) -> Option<String> {
    let path = run.scores_folder(dataset, model).join(format!("{metric}.error.json"));
    let failure: CellFailure = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    Some(failure.reason)
}

impl Results {
    /// `scores.json`: `{dataset: {model: {items, failed, metrics: {metric: {value, low, high}}}}}`, unscaled; a failed cell or
    /// metric has `"error"`.
    pub fn scores_json(&self) -> Value {
        let mut datasets = Map::new();
        for table in &self.tables {
            let mut models = Map::new();
            for row in &table.rows {
                let mut values = Map::new();
                for (column, score) in table.columns.iter().zip(&row.scores) {
                    match score {
                        Score::Value(score) => drop(values.insert(column.name.clone(), json!(score))),
                        Score::Failed(reason) => drop(values.insert(column.name.clone(), json!({ "error": reason }))),
                        Score::Missing => {}
                    }
                }
                let mut entry = Map::from_iter([
                    ("items".to_owned(), json!(row.items)),
                    ("failed".to_owned(), json!(row.failed)),
                    ("metrics".to_owned(), Value::Object(values)),
                ]);
                if let Some(reason) = &row.failure {
                    entry.insert("error".to_owned(), json!(reason));
                }
                models.insert(row.model.clone(), Value::Object(entry));
            }
            datasets.insert(table.dataset.clone(), Value::Object(models));
        }
        Value::Object(datasets)
    }
}

impl Table {
    /// The scaled value and interval as they are printed, one decimal: `52.3` and `48.1, 56.6`.
    pub fn printed(&self, column: usize, score: &CorpusScore) -> (String, Option<String>) {
        let scale = self.columns[column].scale;
        let interval =
            score.interval.map(|interval| format!("{:.1}, {:.1}", interval.low * scale, interval.high * scale));
        (format!("{:.1}", score.value * scale), interval)
    }

    /// Is this row's value the best of its column, among several?
    pub fn is_best(&self, column: usize, row: usize) -> bool {
        let sign = if self.columns[column].higher_is_better { 1.0 } else { -1.0 };
        let value = |row: &Row| match row.scores[column] {
            Score::Value(score) => Some(score.value * sign),
            _ => None,
        };
        let all: Vec<f64> = self.rows.iter().filter_map(value).collect();
        all.len() > 1 && value(&self.rows[row]).is_some_and(|own| all.iter().all(|other| own >= *other))
    }

    /// What failed, for the notes below.
    pub fn failures(&self) -> Vec<Failure> {
        let mut failures: Vec<Failure> = Vec::new();
        for row in &self.rows {
            if let Some(reason) = &row.failure {
                failures.push(Failure { what: format!("{} on {}", row.model, self.dataset), reason: reason.clone() });
                continue;
            }
            if row.failed > 0 {
                let reason =
                    format!("{} of {} items have no caption and are in no score", row.failed, row.items + row.failed);
                failures.push(Failure { what: format!("{} on {}", row.model, self.dataset), reason });
            }
            for (column, score) in self.columns.iter().zip(&row.scores) {
                if let Score::Failed(reason) = score {
                    let failure = Failure {
                        what: format!("{} of {} on {}", column.family, row.model, self.dataset),
                        reason: reason.clone(),
                    };
                    if !failures.contains(&failure) {
                        failures.push(failure);
                    }
                }
            }
        }
        failures
    }
}
