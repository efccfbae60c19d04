//! Results as tables. `table` is what every command builds that prints one; `terminal`, `markdown`, `csv_table` and `latex` write any of
//! them. `collect` and `scores` make a run's tables of its score files.

mod collect;
mod comparison;
mod csv_table;
mod latex;
mod markdown;
mod scores;
mod table;
mod terminal;

pub use collect::{DatasetScores, ModelScores, Results, Score, ScoredMetric, collect};
pub use csv_table::csv;
pub use latex::latex;
pub use markdown::markdown;
pub use table::{Align, Best, Cell, Column, Document, Number, Print, Row, Table, Tuning};
pub use terminal::terminal;

use crate::error::{Error, Result};
use crate::run::{Plan, RunDir, replace_file};

/// Collects a run's scores and writes `scores.json`, `table.md`, `table.csv` and `table.tex`.
pub fn write_tables(run: &RunDir, plan: &Plan) -> Result<Results> {
    let results = collect(run, plan);
    let json = serde_json::to_string_pretty(&results.scores_json())
        .map_err(|error| Error::failed(format!("cannot write scores: {error}")))?;
    let document = results.document();
    let write = |name: &str, text: &str| replace_file(&run.path().join(name), text.as_bytes());
    write("scores.json", &format!("{json}\n"))?;
    write("table.md", &markdown(&document))?;
    write("table.csv", &csv(&results.tidy())?)?;
    write("table.tex", &latex(&document))?;
    Ok(results)
}
