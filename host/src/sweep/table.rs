//! What came of a sweep's trials, as a table: the best first.

use super::Swept;
use super::file::{Trial, plain};
use crate::error::{Error, Result};
use crate::report::{Best, Cell, Column, Document, Print, Row, Table};
use crate::train::Trained;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// One trial's outcome.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    pub trial: String,
    pub values: IndexMap<String, toml::Value>,
    /// The best one; the rank is by it alone.
    pub validation_loss: Option<f64>,
    pub best_step: Option<usize>,
    pub steps: Option<usize>,
    pub kwh: Option<f64>,
    pub failure: Option<String>,
}

impl Outcome {
    pub(super) fn of(trial: &Trial, trained: Result<Trained, Error>) -> Outcome {
        let (name, values) = (trial.name.clone(), trial.values.clone());
        match trained {
            Ok(Trained { result, kwh, .. }) => Outcome {
                trial: name,
                values,
                validation_loss: result.validation_loss,
                best_step: Some(result.best_step),
                steps: Some(result.steps),
                kwh,
                failure: None,
            },
            Err(error) => Outcome {
                trial: name,
                values,
                validation_loss: None,
                best_step: None,
                steps: None,
                kwh: None,
                failure: Some(error.to_string()),
            },
        }
    }

    /// For ranking: no loss is the worst.
    pub(super) fn loss(&self) -> f64 {
        self.validation_loss.unwrap_or(f64::INFINITY)
    }
}

/// The ranking.
pub fn document(swept: &Swept) -> Document {
    let mut columns = vec![Column::number("rank", "Rank"), Column::text("trial", "Trial")];
    columns.extend(swept.varied.iter().map(|name| Column::number(name, name)));
    columns.extend([
        Column::number("validation-loss", "Validation loss").best(Best::Lowest),
        Column::number("best-step", "Best step"),
        Column::number("steps", "Steps"),
        Column::number("kwh", "kWh"),
    ]);
    let mut table = Table { title: String::new(), columns, rows: Vec::new(), keys: 2, notes: Vec::new() };
    for (place, outcome) in swept.trials.iter().enumerate() {
        let known = |value: Option<f64>, decimals: usize| match (value, &outcome.failure) {
            (Some(value), _) => Cell::number(value, Print::plain(decimals)),
            (None, Some(_)) => Cell::Failed,
            (None, None) => Cell::Missing,
        };
        let count = |value: Option<usize>| value.map_or(Cell::Missing, Cell::count);
        let mut cells = vec![
            if outcome.validation_loss.is_some() { Cell::count(place + 1) } else { Cell::Missing },
            Cell::text(&outcome.trial),
        ];
        cells.extend(
            swept
                .varied
                .iter()
                .map(|name| outcome.values.get(name).map_or(Cell::Empty, |value| Cell::text(plain(value)))),
        );
        cells.extend([known(outcome.validation_loss, 4), count(outcome.best_step), count(outcome.steps)]);
        cells.push(outcome.kwh.map_or(Cell::Missing, |kwh| Cell::number(kwh, Print::plain(4))));
        table.rows.push(Row::new(cells));
        if let Some(failure) = &outcome.failure {
            table.notes.push(format!("trial {}: {failure}", outcome.trial));
        }
    }
    table.mark_best();
    Document { tables: vec![table], notes: Vec::new() }
}
