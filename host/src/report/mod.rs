//! Results as tables and pages. `table` is what every command builds that prints one; `terminal`, `markdown`, `csv_table` and `latex` write
//! any of them. `collect` and `scores` make a run's tables of its score files, `remarks` tells what captions make of them, `beside` adds published rows, `figures` and `page` make
//! `report.html`, with the charts of `plot`.

mod beside;
mod cell;
mod collect;
mod comparison;
mod correlation;
mod csv_table;
mod figures;
mod latex;
mod markdown;
mod page;
mod pairs;
pub mod plot;
mod remarks;
mod scores;
mod table;
mod terminal;

pub use beside::Published;
pub use cell::{Cell, Number, Print};
pub use collect::{DatasetScores, ModelScores, Results, Score, ScoredMetric, collect};
pub use csv_table::{csv, harmless};
pub use latex::latex;
pub use markdown::markdown;
pub use table::{Align, Best, Column, Document, Row, Table, Tuning};
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

/// A run's report, not yet written.
pub struct Report {
    pub results: Results,
    /// `scores.json`, `table.md`, `table.csv`, `table.tex` and `report.html`, with their texts.
    files: [(&'static str, String); 5],
}

impl Report {
    /// Collects a run's scores and makes the files of them.
    pub fn of(run: &RunDir, plan: &Plan, additions: Additions) -> Result<Report> {
        let mut results = collect(run, plan);
        results.beside = additions.beside;
        let json = serde_json::to_string_pretty(&results.scores_json())
            .map_err(|error| Error::failed(format!("cannot write scores: {error}")))?;
        let document = results.document();
        let files = [
            ("scores.json", json + "\n"),
            ("table.md", markdown(&document)),
            ("table.csv", csv(&results.tidy())?),
            ("table.tex", latex(&document)),
            ("report.html", page::page(run, plan, &results, &document, &additions.logs)?),
        ];
        Ok(Report { results, files })
    }

    /// The text of one of the files; empty if there is none of that name.
    pub fn file(&self, name: &str) -> &str {
        self.files.iter().find(|(own, _)| *own == name).map_or("", |(_, text)| text)
    }

    /// Writes the files into the run.
    pub fn write(&self, run: &RunDir) -> Result<()> {
        self.files.iter().try_for_each(|(name, text)| replace_file(&run.path().join(name), text.as_bytes()))
    }
}

/// Collects a run's scores and writes `scores.json`, `table.md`, `table.csv`, `table.tex` and `report.html`.
pub fn write_report(run: &RunDir, plan: &Plan, additions: Additions) -> Result<Results> {
    let report = Report::of(run, plan, additions)?;
    report.write(run)?;
    Ok(report.results)
}
