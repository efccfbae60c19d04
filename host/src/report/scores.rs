//! A run's scores as tables: one a dataset for people, one line a value for CSV.

use super::cell::{Cell, Print};
use super::collect::{DatasetScores, ModelScores, Results, Score, ScoredMetric};
use super::table::{Align, Best, Column, Document, Row, Table, Tuning};

impl Results {
    /// A table a dataset: a row a model, a column a value of a metric.
    pub fn document(&self) -> Document {
        let table = |dataset: &DatasetScores| {
            let mut table = dataset.table(&self.split);
            table.rows.extend(self.beside.iter().flat_map(|published| published.rows(dataset)));
            table.mark_best();
            table
        };
        let notes =
            std::iter::once(self.scale_note()).chain(self.beside.iter().map(|beside| beside.note(&self.datasets)));
        Document { tables: self.datasets.iter().map(table).collect(), notes: notes.collect() }
    }

    /// A row a value: `dataset, split, model, metric, value, low, high, scale, items, failed, error, source`. Values are unscaled;
    /// tables print value × scale.
    pub fn tidy(&self) -> Table {
        let columns = [
            "dataset", "split", "model", "metric", "value", "low", "high", "scale", "items", "failed", "error",
            "source",
        ];
        let mut rows = Vec::new();
        for (dataset, model) in self.cells() {
            for (metric, score) in dataset.metrics.iter().zip(&model.scores) {
                let (value, interval, error) = match score {
                    Score::Value(score) => (Some(score.value), score.interval, String::new()),
                    Score::Failed(reason) => (None, None, reason.clone()),
                    Score::Missing => (None, None, model.failure.clone().unwrap_or_default()),
                };
                let number =
                    |value: Option<f64>| value.map_or(Cell::Missing, |value| Cell::number(value, Print::plain(6)));
                rows.push(Row::new(vec![
                    Cell::text(&dataset.dataset),
                    Cell::text(&self.split),
                    Cell::text(&model.model),
                    Cell::text(&metric.value.name),
                    number(value),
                    number(interval.map(|interval| interval.low)),
                    number(interval.map(|interval| interval.high)),
                    number(Some(metric.value.scale)),
                    Cell::count(model.items),
                    Cell::count(model.failed),
                    Cell::Text(error),
                    Cell::text("run"),
                ]));
            }
        }
        for (published, dataset) in
            self.beside.iter().flat_map(|beside| self.datasets.iter().map(move |dataset| (beside, dataset)))
        {
            for row in published.rows(dataset) {
                for (metric, cell) in
                    dataset.metrics.iter().zip(row.cells.iter().skip(2)).filter(|(_, cell)| **cell != Cell::Missing)
                {
                    let text = |text: &str| Cell::text(text);
                    let scale = Cell::number(metric.value.scale, Print::plain(6));
                    rows.push(Row::new(vec![
                        text(&dataset.dataset),
                        Cell::Empty,
                        row.cells[0].clone(),
                        text(&metric.value.name),
                        cell.clone(),
                        Cell::Empty,
                        Cell::Empty,
                        scale,
                        Cell::Empty,
                        Cell::Empty,
                        Cell::Empty,
                        Cell::Text(format!("published: {}", published.source)),
                    ]));
                }
            }
        }
        let columns = columns.iter().map(|name| Column::text(name, name)).collect();
        Table { columns, rows, keys: 4, ..Table::default() }
    }

    /// What the numbers are.
    fn scale_note(&self) -> String {
        let mut quantities: Vec<&str> = Vec::new();
        let values = self.datasets.iter().flat_map(|dataset| &dataset.metrics).map(|metric| &metric.value);
        for value in values.filter(|value| value.scale != 100.0) {
            if !quantities.contains(&value.heading.as_str()) {
                quantities.push(&value.heading);
            }
        }
        let but = if quantities.is_empty() { String::new() } else { format!(" (but not {})", quantities.join(", ")) };
        format!(
            "Scores are multiplied by 100{but}; in brackets their 95 % bootstrap intervals ({} resamples of the items).",
            self.resamples
        )
    }
}

impl DatasetScores {
    fn table(&self, split: &str) -> Table {
        let items = Column::number("items", "Items");
        let columns = [Column::text("model", "Model"), items].into_iter().chain(self.metrics.iter().map(column));
        let names: Vec<&str> = self.models.iter().map(|model| model.model.as_str()).collect();
        let rows = self.models.iter().map(|model| self.row(model, &names));
        Table {
            title: format!("{} ({split} split)", self.dataset),
            columns: columns.collect(),
            rows: rows.collect(),
            keys: 2,
            notes: self.notes().into_iter().chain(self.remarks()).collect(),
        }
    }

    fn row(&self, model: &ModelScores, names: &[&str]) -> Row {
        let scores = self.metrics.iter().zip(&model.scores).map(|(metric, score)| match score {
            Score::Value(score) => {
                let print = Print { scale: metric.value.scale, decimals: 1, signed: false };
                Cell::with_interval(score.value, score.interval, print)
            }
            Score::Failed(_) => Cell::Failed,
            Score::Missing if model.failure.is_some() => Cell::Failed,
            Score::Missing => Cell::Missing,
        });
        let cells = [Cell::text(&model.model), Cell::count(model.items)].into_iter().chain(scores).collect();
        Row { cells, published: false, tuning: tuning(&model.model, names) }
    }
}

fn column(metric: &ScoredMetric) -> Column {
    let value = &metric.value;
    let best = if value.higher_is_better { Best::Highest } else { Best::Lowest };
    Column {
        name: value.name.clone(),
        heading: value.heading.clone(),
        short: value.short.clone(),
        align: Align::Right,
        best: Some(best),
    }
}

/// `NAME+ADAPTER` is the model `NAME` fine-tuned; `NAME` is a pre-trained model if another is its fine-tuned form.
fn tuning(name: &str, names: &[&str]) -> Option<Tuning> {
    if let Some((base, adapter)) = name.split_once('+') {
        return Some(Tuning { base: base.to_owned(), adapter: Some(adapter.to_owned()) });
    }
    let tuned = |other: &&str| other.split_once('+').is_some_and(|(base, _)| base == name);
    names.iter().any(tuned).then(|| Tuning { base: name.to_owned(), adapter: None })
}
