//! What an experiment came to: `results.json`, and the tables made of it.

use super::data::Counts;
use super::metrics::Value;
use super::significance::Comparison;
use crate::error::{Error, Result};
use crate::report::{Best, Cell, Column, Document, Print, Published, Row, Table, csv, latex, markdown};
use crate::run::replace_file;
use crate::score::Interval;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// An experiment's results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// `recommend`.
    pub command: String,
    pub title: String,
    pub data: Counts,
    /// What chose among trials and epochs.
    pub select: String,
    /// The names of all values.
    pub values: Vec<String>,
    /// Resamples behind the intervals.
    pub resamples: usize,
    /// Whose captions stand in for missing descriptions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captions: Option<String>,
    pub models: Vec<ModelResult>,
    pub comparisons: Vec<Comparison>,
}

/// One model: its best trial.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelResult {
    pub name: String,
    pub recommender: String,
    /// Of the chosen trial.
    pub parameters: toml::Table,
    /// The chosen epoch; 0 for models without epochs.
    pub epoch: usize,
    pub trials: usize,
    /// Trials that failed, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedTrial>,
    /// Users with a relevant item in the test part.
    pub users: usize,
    /// None where no user counts: nobody has a relevant item, or nobody a cold one.
    pub validation: IndexMap<String, Option<f64>>,
    pub test: IndexMap<String, Option<f64>>,
    /// 95 % bootstrap intervals of test values that are means over users.
    pub test_intervals: IndexMap<String, Interval>,
    /// Items without features of their own, by modality.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub without_features: IndexMap<String, usize>,
    /// Why there are no results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A trial that came to nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedTrial {
    pub parameters: toml::Table,
    pub reason: String,
}

/// More pairs than a table of them is read for.
const PAIRS: usize = 15;

impl Results {
    pub fn read(run: &Path) -> Result<Results> {
        let path = run.join("results.json");
        let bytes = std::fs::read(&path).map_err(|error| {
            Error::usage(Error::io("read", &path, &error).message)
                .help("the experiment is not finished; the same `host recommend` again goes on with it")
        })?;
        serde_json::from_slice(&bytes).map_err(|error| Error::failed(format!("{} is damaged: {error}", path.display())))
    }

    pub fn has_scores(&self) -> bool {
        self.models.iter().any(|model| model.failure.is_none())
    }

    /// Anything that failed.
    pub fn has_failures(&self) -> bool {
        self.models.iter().any(|model| model.failure.is_some() || !model.failed.is_empty())
    }

    /// The table of models, with published rows where they are wanted, and one of their differences.
    pub fn document(&self, beside: Option<&Published>) -> Document {
        let (published, said) = beside.map(|beside| beside.of_experiment(&self.title, &self.values)).unzip();
        let mut tables = vec![self.table(published.unwrap_or_default())];
        tables.extend(self.differences());
        let data = &self.data;
        let mut notes = vec![
            format!(
                "{} users, {} items; {} interactions to train on, {} for validation, {} for test. Parameters and epochs were chosen by {} on validation.",
                data.users, data.items, data.train, data.validation, data.test, self.select
            ),
            format!("In brackets 95 % bootstrap intervals over users ({} resamples).", self.resamples),
        ];
        if data.untrained_items > 0 {
            notes.push(format!(
                "{} interactions of validation and test are with items that were never trained on; they count as missed.",
                data.untrained_items
            ));
        }
        if data.filtered.repeated > 0 {
            notes.push(format!(
                "{} interactions of validation and test are with items that their user has in an earlier part; they were dropped.",
                data.filtered.repeated
            ));
        }
        if let Some(model) = &self.captions {
            notes.push(format!("“Completed” models have captions of {model} in the places of missing descriptions."));
        }
        notes.extend(said);
        Document { tables, notes }
    }

    fn table(&self, published: Vec<Row>) -> Table {
        let described: Vec<_> = self
            .values
            .iter()
            .map(|name| name.parse::<Value>().map_or_else(|_| name.clone(), |value| value.describe().heading))
            .collect();
        let mut columns = vec![Column::text("model", "Model"), Column::number("users", "Users")];
        for (name, heading) in self.values.iter().zip(described) {
            columns.push(Column::number(name, &heading).best(Best::Highest));
        }
        let mut notes = Vec::new();
        let rows = self.models.iter().map(|model| {
            let value = |name: &String| match (model.test.get(name), &model.failure) {
                (Some(Some(value)), _) => {
                    Cell::with_interval(*value, model.test_intervals.get(name).copied(), Print::plain(5))
                }
                (None, Some(_)) => Cell::Failed,
                _ => Cell::Missing,
            };
            let users = if model.failure.is_some() { Cell::Missing } else { Cell::count(model.users) };
            if let Some(reason) = &model.failure {
                notes.push(format!("{}: {reason}", model.name));
            } else if let Some(failed) = model.failed.first() {
                let (count, all) = (model.failed.len(), model.trials);
                notes.push(format!("{}: {count} of {all} trials failed; the first: {}", model.name, failed.reason));
            }
            for (modality, count) in model.without_features.iter().filter(|(_, count)| **count > 0) {
                let all = self.data.items;
                notes.push(format!("{}: {count} of {all} items have no {modality} features", model.name));
            }
            Row::new([Cell::text(&model.name), users].into_iter().chain(self.values.iter().map(value)).collect())
        });
        let rows = rows.chain(published).collect();
        let mut table = Table { title: format!("{} (test part)", self.title), columns, rows, keys: 2, notes };
        table.mark_best();
        table
    }

    /// All pairs on the first value; of very many only those with the best model.
    fn differences(&self) -> Option<Table> {
        let first = &self.comparisons.first()?.value;
        let mut shown: Vec<&Comparison> = self.comparisons.iter().filter(|it| it.value == *first).collect();
        if shown.len() > PAIRS {
            let value = |model: &&ModelResult| model.test.get(first).copied().flatten().unwrap_or(f64::NEG_INFINITY);
            let best = self.models.iter().max_by(|a, b| value(a).total_cmp(&value(b)))?;
            shown.retain(|it| it.a == best.name || it.b == best.name);
        }
        let columns = vec![
            Column::text("a", "A"),
            Column::text("b", "B"),
            Column::number("difference", "B − A"),
            Column::number("p", "p"),
            Column::number("p_holm", "p (Holm)"),
        ];
        let rows = shown.iter().map(|it| {
            Row::new(vec![
                Cell::text(&it.a),
                Cell::text(&it.b),
                Cell::number(it.difference, Print { signed: true, ..Print::plain(5) }),
                Cell::number(it.p, Print::plain(4)),
                Cell::number(it.p_holm, Print::plain(4)),
            ])
        });
        let title =
            format!("{first}: differences, Wilcoxon signed-rank tests over users, Holm's correction over all pairs");
        Some(Table { title, columns, rows: rows.collect(), keys: 2, notes: Vec::new() })
    }

    /// Every comparison, for scripts.
    fn all_comparisons(&self) -> Table {
        let mut columns: Vec<Column> = ["value", "a", "b"].map(|name| Column::text(name, name)).to_vec();
        columns.extend(["users", "difference", "p", "p_holm"].map(|name| Column::number(name, name)));
        let rows = self.comparisons.iter().map(|it| {
            let number = |value: f64| Cell::number(value, Print::plain(6));
            Row::new(vec![
                Cell::text(&it.value),
                Cell::text(&it.a),
                Cell::text(&it.b),
                Cell::count(it.users),
                number(it.difference),
                number(it.p),
                number(it.p_holm),
            ])
        });
        Table { rows: rows.collect(), columns, keys: 3, ..Table::default() }
    }
}

/// A run's results.
pub fn collect(run: &Path) -> Result<Results> {
    Results::read(run)
}

/// Writes `results.json`, `table.md`, `table.csv`, `table.tex` and `comparisons.csv`.
pub fn write_tables(run: &Path, results: &Results, document: &Document) -> Result<()> {
    let json = serde_json::to_string_pretty(results)
        .map_err(|error| Error::failed(format!("cannot write results: {error}")))?;
    let write = |name: &str, text: &str| replace_file(&run.join(name), text.as_bytes());
    write("results.json", &format!("{json}\n"))?;
    write("table.md", &markdown(document))?;
    // The first of an experiment's tables is that of the models.
    write("table.csv", &csv(&document.tables[0])?)?;
    write("table.tex", &latex(document))?;
    write("comparisons.csv", &csv(&results.all_comparisons())?)
}
