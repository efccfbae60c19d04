//! `host report`

use super::Done;
use super::common::{Common, print, print_json};
use crate::error::{Error, Result};
use crate::recommend::{self, RecommendPlan};
use crate::report;
use crate::run::RunDir;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct Arguments {
    /// A run directory
    run: PathBuf,
    /// What to print
    #[arg(long, value_enum, default_value = "terminal")]
    format: Format,
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
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    if let Some(folder) = &arguments.export {
        return export(common, arguments, folder);
    }
    if RecommendPlan::is_at(&arguments.run.join("run.toml")) {
        return experiment(arguments);
    }
    let (run, plan) = RunDir::existing(&arguments.run)?;
    let results = report::write_tables(&run, &plan)?;
    let file = |name: &str| {
        let path = run.path().join(name);
        std::fs::read_to_string(&path).map_err(|error| Error::io("read", &path, &error))
    };
    match arguments.format {
        Format::Terminal => print(&report::terminal(&results.document()))?,
        Format::Markdown => print(&report::markdown(&results.document()))?,
        Format::Csv => print(&file("table.csv")?)?,
        Format::Latex => print(&file("table.tex")?)?,
        Format::Json => print_json(&results.scores_json())?,
    }
    Ok(Done::All)
}

fn export(common: &Common, arguments: &Arguments, folder: &Path) -> Result<Done> {
    let reporter = common.reporter();
    let exported = crate::web::export(&arguments.run, folder, arguments.items, common.registry_and_lock(), &reporter)?;
    if exported.missing > 0 {
        reporter.warn(&format!("{} images could not be made", exported.missing));
    }
    match arguments.format {
        Format::Json => print_json(&exported)?,
        _ => print(&format!("{} items: {}\n", exported.items, folder.join("index.html").display()))?,
    }
    Ok(Done::All)
}

/// The same of an experiment of `host recommend`.
fn experiment(arguments: &Arguments) -> Result<Done> {
    let results = recommend::collect(&arguments.run)?;
    let document = results.document();
    recommend::write_tables(&arguments.run, &results, &document)?;
    match arguments.format {
        Format::Terminal => print(&report::terminal(&document))?,
        Format::Markdown => print(&report::markdown(&document))?,
        Format::Csv => print(&report::csv(&document.tables[0])?)?,
        Format::Latex => print(&report::latex(&document))?,
        Format::Json => print_json(&results)?,
    }
    Ok(Done::All)
}
