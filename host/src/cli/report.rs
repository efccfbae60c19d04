//! `host report`

use super::Done;
use super::common::Common;
use super::printing::{print, print_json, print_tables};
use crate::error::{Error, Result};
use crate::progress::tell;
use crate::recommend;
use crate::report::{self, Additions, Published, Report};
use crate::run::{Kind, RunDir};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct Arguments {
    /// A run directory
    run: PathBuf,
    /// What to print
    #[arg(long, value_enum, default_value = "terminal")]
    format: Format,
    /// Print scores.json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Put published figures beside the run's: `study`, or a TOML file
    #[arg(long, value_name = "study|FILE")]
    beside: Option<String>,
    /// Training logs (log.jsonl, or their folders) whose losses report.html draws, beside those of the run's own adapters
    #[arg(long, value_name = "PATHS", value_delimiter = ',')]
    training: Vec<PathBuf>,
    /// Write a static copy of the web app's pages into this folder
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Items of each dataset in the copy
    #[arg(long, value_name = "N", default_value_t = 50, requires = "export")]
    items: usize,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Terminal,
    Markdown,
    Csv,
    Latex,
    Json,
    Html,
}

impl Arguments {
    fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    if let Some(folder) = &arguments.export {
        return export(common, arguments, folder);
    }
    if Kind::Experiment.is_in(&arguments.run) {
        return experiment(common, arguments);
    }
    let (run, plan) = RunDir::existing(&arguments.run)?;
    let beside = arguments.beside.as_deref().map(Published::read).transpose()?;
    for log in &arguments.training {
        let file = if log.is_dir() { log.join("log.jsonl") } else { log.clone() };
        if !file.is_file() {
            return Err(Error::usage(format!("{} is no training's log", file.display()))
                .help("--training takes a log.jsonl that `host train` wrote, or its folder"));
        }
    }
    let report = Report::of(&run, &plan, Additions { beside, logs: arguments.training.clone() })?;
    warn_unless(report.write(&run), common);
    let results = &report.results;
    match arguments.format() {
        Format::Terminal => print_tables(&results.document())?,
        Format::Markdown => print(&report::markdown(&results.document()))?,
        Format::Csv => print(report.file("table.csv"))?,
        Format::Latex => print(report.file("table.tex"))?,
        Format::Html => print(report.file("report.html"))?,
        Format::Json => print_json(&results.scores_json())?,
    }
    if !results.has_scores() {
        return Err(Error::failed(format!("{} has no scores", run.path().display()))
            .help("the table says what is missing, and which command makes it"));
    }
    if results.is_complete() {
        return Ok(Done::All);
    }
    for note in results.datasets.iter().flat_map(report::DatasetScores::notes) {
        tell(&format!("warning: {note}"));
    }
    Ok(Done::SomeFailed)
}

/// A run that cannot be written to, somebody else's or an archive's, is shown all the same.
fn warn_unless(written: Result<()>, common: &Common) {
    if let Err(error) = written {
        let reason = error.message;
        common
            .reporter()
            .warn(&format!("the run's own tables and page are as they were, for they were not written: {reason}"));
    }
}

fn export(common: &Common, arguments: &Arguments, folder: &Path) -> Result<Done> {
    let reporter = common.reporter();
    let exported = crate::web::export(&arguments.run, folder, arguments.items, common.registry_and_lock(), &reporter)?;
    if exported.missing > 0 {
        reporter.warn(&format!("{} images could not be made", exported.missing));
    }
    match arguments.format() {
        Format::Json => print_json(&exported)?,
        _ => print(&format!("{} items: {}\n", exported.items, folder.join("index.html").display()))?,
    }
    Ok(Done::All)
}

/// The same of an experiment of `host recommend`.
fn experiment(common: &Common, arguments: &Arguments) -> Result<Done> {
    if !arguments.training.is_empty() || matches!(arguments.format, Format::Html) {
        return Err(Error::usage("an experiment of `host recommend` has tables only")
            .help("leave out --training and --format html"));
    }
    let beside = arguments.beside.as_deref().map(Published::read).transpose()?;
    let results = recommend::collect(&arguments.run)?;
    let document = results.document(beside.as_ref());
    warn_unless(recommend::write_tables(&arguments.run, &results, &document), common);
    match arguments.format() {
        Format::Terminal => print_tables(&document)?,
        Format::Markdown => print(&report::markdown(&document))?,
        Format::Csv => print(&report::csv(&document.tables[0])?)?,
        Format::Latex => print(&report::latex(&document))?,
        Format::Html => {}
        Format::Json => print_json(&results)?,
    }
    Ok(Done::All)
}
