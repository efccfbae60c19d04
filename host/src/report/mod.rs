//! A run's results as tables: collected once from the score files, then written as Markdown, CSV, LaTeX, JSON and for the terminal.

mod collect;
mod csv_table;
mod latex;
mod markdown;
mod terminal;

pub use collect::{Column, Failure, Results, Row, Score, Table, collect};
pub use markdown::markdown;
pub use terminal::terminal;

use crate::error::{Error, Result};
use crate::run::{Plan, RunDir, replace_file};

/// Collects a run's scores and writes `scores.json`, `table.md`, `table.csv` and `table.tex`.
pub fn write_tables(run: &RunDir, plan: &Plan) -> Result<Results> {
    let results = collect(run, plan);
    let json = serde_json::to_string_pretty(&results.scores_json())
        .map_err(|error| Error::failed(format!("cannot write scores: {error}")))?;
    replace_file(&run.path().join("scores.json"), format!("{json}\n").as_bytes())?;
    replace_file(&run.path().join("table.md"), markdown(&results).as_bytes())?;
    replace_file(&run.path().join("table.csv"), csv_table::csv(&results)?.as_bytes())?;
    replace_file(&run.path().join("table.tex"), latex::latex(&results).as_bytes())?;
    Ok(results)
}
