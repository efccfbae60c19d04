//! `host sweep`

use super::Done;
use super::common::{Common, LimitFlags};
use super::printing::{print_json, print_tables};
use crate::error::{Error, Result};
use crate::registry::Registry;
use crate::stop;
use crate::sweep::{SweepRequest, Swept, document, sweep};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 75: asked to stop by SIGTERM or SIGUSR1; what is done is saved, and the same command goes on."
)]
pub struct Arguments {
    #[command(flatten)]
    sweep: Sweep,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
}

/// What a sweep is made of: shared with `host submit`.
#[derive(Debug, Args)]
pub struct Sweep {
    /// What is varied, in TOML; sweeps/study.toml is the study's grid
    file: PathBuf,
    /// The folder of the sweep [default: runs/sweep-FILE beside the registry]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    pub limits: LimitFlags,
}

impl Sweep {
    pub fn request(&self, common: &Common, registry: &Registry) -> SweepRequest {
        let out = || {
            let name = self.file.file_stem().unwrap_or_default().to_string_lossy();
            registry.dir().join("runs").join(format!("sweep-{name}"))
        };
        SweepRequest {
            file: self.file.clone(),
            out: self.out.clone().unwrap_or_else(out),
            device: common.device,
            threads: common.threads,
            limits: (&self.limits).into(),
        }
    }
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    stop::listen();
    let (registry, lock) = common.registry_and_lock()?;
    let request = arguments.sweep.request(common, &registry);
    let reporter = common.reporter();
    let Some(swept) = sweep(&registry, &lock, &request, &reporter)? else {
        reporter.note("stopped, as asked; what is done is saved, and the same command goes on");
        return Ok(Done::Stopped);
    };
    match arguments.json {
        true => print_json(&swept)?,
        false => print_tables(&document(&swept))?,
    }
    reporter.note(&format!("the sweep: {}", request.out.display()));
    done(&swept)
}

/// The exit code that a ranking comes to.
pub fn done(swept: &Swept) -> Result<Done> {
    match swept.failed() {
        0 => Ok(Done::All),
        failed if failed == swept.trials.len() => {
            Err(Error::failed("every trial failed").help("the reasons stand above"))
        }
        _ => Ok(Done::SomeFailed),
    }
}
