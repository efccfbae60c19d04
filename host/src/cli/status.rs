//! `host status`

use super::Done;
use super::printing::{print, print_json_line};
use crate::error::Result;
use crate::recommend::RecommendPlan;
use crate::status::{status, text};
use clap::Args;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

/// How often `--watch` looks: schedulers ask not to be asked more often.
const PACE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub struct Arguments {
    /// The run directory, or the folder of a sweep or training
    run: PathBuf,
    /// Look again every five seconds, until nobody is at work any more
    #[arg(long)]
    watch: bool,
    /// Print one JSON document with all cells; with --watch one a line
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<Done> {
    RecommendPlan::refuse_at(
        &arguments.run,
        "`host report RUN` prints a finished one; the same `host recommend` again goes on with the others",
    )?;
    let mut before = String::new();
    loop {
        let now = status(&arguments.run)?;
        if arguments.json {
            print_json_line(&serde_json::json!({ "next": now.next_step(), "goes_on": now.goes_on(), "status": now }))?;
        } else {
            let text = text(&now);
            if text != before {
                // On a terminal in place of the last; elsewhere one below the other.
                let clear = if arguments.watch && std::io::stdout().is_terminal() { "\x1b[2J\x1b[H" } else { "" };
                print(&format!("{clear}{text}"))?;
            }
            before = text;
        }
        if !arguments.watch || !now.goes_on() {
            return Ok(Done::All);
        }
        std::thread::sleep(PACE);
    }
}
