//! `host sweep`

use super::Done;
use super::common::{Common, LimitFlags, print, print_json};
use crate::error::{Error, Result};
use crate::report;
use crate::sweep::{SweepRequest, document, sweep};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Arguments {
    /// What is varied, in TOML; sweeps/study.toml is the study's grid
    file: PathBuf,
    /// The folder of the sweep [default: runs/sweep-FILE beside the registry]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitFlags,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    let out = arguments.out.clone().unwrap_or_else(|| {
        let name = arguments.file.file_stem().unwrap_or_default().to_string_lossy();
        registry.dir().join("runs").join(format!("sweep-{name}"))
    });
    let request = SweepRequest {
        file: arguments.file.clone(),
        out: out.clone(),
        device: common.device,
        threads: common.threads,
        limits: (&arguments.limits).into(),
    };
    let reporter = common.reporter();
    let swept = sweep(&registry, &lock, &request, &reporter)?;
    match arguments.json {
        true => print_json(&swept)?,
        false => print(&report::terminal(&document(&swept)))?,
    }
    reporter.note(&format!("the sweep: {}", out.display()));
    match swept.failed() {
        0 => Ok(Done::All),
        failed if failed == swept.trials.len() => {
            Err(Error::failed("every trial failed").help("the reasons stand above"))
        }
        _ => Ok(Done::SomeFailed),
    }
}
