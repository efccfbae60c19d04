//! Results as tables and pages. `table` is what every command builds that prints one; `terminal`, `markdown`, `csv_table` and `latex` write
//! any of them. `collect` and `scores` make a run's tables of its score files, `beside` adds published rows, `figures` and `page` make
//! `report.html`, with the charts of `plot`.

mod beside;
mod collect;
mod comparison;
mod correlation;
mod csv_table;
mod figures;
mod latex;
mod markdown;
mod page;
pub mod plot;
mod scores;
mod table;
mod terminal;

pub use beside::Published;
pub use collect::{DatasetScores, ModelScores, Results, Score, ScoredMetric, collect};
pub use csv_table::csv;
pub use latex::latex;
pub use markdown::markdown;
pub use table::{Align, Best, Cell, Column, Document, Number, Print, Row, Table, Tuning};
pub use terminal::terminal;

use crate::error::{Error, Result};
use crate::run::{Plan, RunDir, replace_file};
use std::path::PathBuf;

/// What may be added to a run's report.
#[derive(Debug, Clone, Default)]
pub struct Additions {
    pub beside: Option<Published>,
    /// Training logs, or the folders they are in.
    pub logs: Vec<PathBuf>,
}

/// Collects a run's scores and writes `scores.json`, `table.md`, `table.csv`, `table.tex` and `report.html`.
pub fn write_report(run: &RunDir, plan: &Plan, additions: Additions) -> Result<Results> {
    let mut results = collect(run, plan);
    results.beside = additions.beside;
    let json = serde_json::to_string_pretty(&results.scores_json())
        .map_err(|error| Error::failed(format!("cannot write scores: {error}")))?;
    let document = results.document();
    let write = |name: &str, text: &str| replace_file(&run.path().join(name), text.as_bytes());
    write("scores.json", &format!("{json}\n"))?;
    write("table.md", &markdown(&document))?;
    write("table.csv", &csv(&results.tidy())?)?;
    write("table.tex", &latex(&document))?;
    write("report.html", &page::page(run, plan, &results, &document, &additions.logs)?)?;
    Ok(results)
}
