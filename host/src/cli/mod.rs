//! The command line: one file a subcommand; arguments in, a call, text or JSON out. No logic of its own.

mod assets;
mod bench;
mod caption;
mod carbon;
mod common;
mod compare;
mod dataset;
mod demo;
mod doctor;
mod embed;
mod eval;
mod language;
mod merge;
mod models;
mod plugin;
mod prepare;
mod printing;
mod recommend;
mod report;
mod score;
mod serve;
mod status;
mod submit;
mod sweep;
mod train;
mod work;
mod worker;

use crate::error::{Error, Exit};
use crate::progress::tell;
use clap::{Parser, Subcommand};
use common::Common;
use std::process::ExitCode;

/// Caption product catalogues, score the captions, compare the models.
#[derive(Debug, Parser)]
#[command(name = "host", version, about, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 done; 1 ran, and some cells failed; 2 usage or configuration; 3 nothing could run; 75 stopped early by \
                  SIGTERM or SIGUSR1, what is done is saved, and the same command goes on."
)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a sample catalogue, caption it with the nano models, score and tabulate: the whole in a minute
    Demo(demo::Arguments),
    /// Caption datasets with models, score the captions, tabulate
    Eval(eval::Arguments),
    /// Caption image files
    Caption(caption::Arguments),
    /// Fine-tune a model with adapters
    Train(Box<train::Arguments>),
    /// Fine-tune in every combination of some options, or in random ones; rank by validation loss
    Sweep(sweep::Arguments),
    /// Make a prepared dataset of a vendor's files: items, splits, attributes, categories
    Prepare(prepare::Arguments),
    /// Look at a dataset's items; flatten a tree of images
    #[command(subcommand)]
    Dataset(dataset::Arguments),
    /// Features of a dataset's items by an encoder; their principal components
    Embed(embed::Arguments),
    /// Score captions made elsewhere
    Score(score::Arguments),
    /// Join the shards of a run, then score and tabulate; rank a sweep's trials
    Merge(merge::Arguments),
    /// Fit recommenders, choose their parameters on validation, compare them on test
    Recommend(recommend::Arguments),
    /// Send a run, a training or a sweep, or what is missing of it, to Slurm or Kubernetes
    Submit(Box<submit::Arguments>),
    /// How far a run, a sweep or a training is: cells, tasks, items a second, what failed and why
    Status(status::Arguments),
    /// Do one task of a submission: what its jobs run
    Work(work::Arguments),
    /// Print a run's table and write its files anew
    Report(report::Arguments),
    /// Compare two models of a run: differences with intervals and significance
    Compare(compare::Arguments),
    /// Look at runs in a browser: items, captions side by side, notes, blind comparison
    Serve(serve::Arguments),
    /// Measure a model's speed on a device, beside what the device could do at best
    Bench(bench::Arguments),
    /// The registered models: list, pull, check
    #[command(subcommand)]
    Models(models::Arguments),
    /// The registered plugins: list, add, check, and a start for a new one
    #[command(subcommand)]
    Plugin(plugin::Arguments),
    /// Data files that plugins need and do not carry
    #[command(subcommand)]
    Assets(assets::Arguments),
    /// The English analyser and tokenizer by themselves
    #[command(subcommand)]
    Language(language::Arguments),
    /// What a training would emit: a device's power, hours, and the grid's intensity
    Carbon(carbon::Arguments),
    /// What is here and what is missing
    Doctor(doctor::Arguments),
    /// A worker process of another command
    #[command(hide = true)]
    Worker(worker::Arguments),
}

/// What a command came to when it did not fail as a whole.
pub enum Done {
    All,
    /// Exit code 1: it ran, and some cells or items failed.
    SomeFailed,
    /// Exit code 75 (`EX_TEMPFAIL`): it was asked to stop, by a signal; the same command goes on.
    Stopped,
}

/// Parses the arguments, runs the command and gives the exit code.
pub fn main() -> ExitCode {
    told_of_large_files();
    let json = printing::asks_for_json(std::env::args_os());
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            if !error.use_stderr() {
                return ExitCode::SUCCESS;
            }
            return ended(&misunderstood(&error), json);
        }
    };
    match run(arguments) {
        Ok(Done::All) => ExitCode::SUCCESS,
        Ok(Done::SomeFailed) => ExitCode::from(1),
        Ok(Done::Stopped) => ended(&stopped(), json),
        Err(error) => {
            let kind = if error.exit == Exit::Stopped { "" } else { "error: " };
            tell(&format!("{kind}{error}"));
            ended(&error, json)
        }
    }
}

/// The exit code of what ended a command before its time, told to programs too.
fn ended(error: &Error, json: bool) -> ExitCode {
    if json {
        printing::print_failure(error);
    }
    ExitCode::from(error.exit.code())
}

/// A command line that makes no sense, as an error of ours: the first paragraph says what, the others what to do.
fn misunderstood(error: &clap::Error) -> Error {
    let text = error.to_string();
    let (message, help) = text.trim_end().split_once("\n\n").unwrap_or((text.trim_end(), ""));
    let message = message.strip_prefix("error: ").unwrap_or(message);
    if help.is_empty() { Error::usage(message) } else { Error::usage(message).help(help) }
}

/// The command has said it to people.
fn stopped() -> Error {
    Error { exit: Exit::Stopped, ..Error::failed("stopped, as asked; what is saved stays") }
}

/// From now on, in workers too, a file beyond the limit on file sizes is an error to be told and not the end of the process.
fn told_of_large_files() {
    #[cfg(unix)]
    // SAFETY: ignoring a signal runs no code of ours.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

fn run(mut arguments: Arguments) -> Result<Done, Error> {
    if !matches!(arguments.command, Command::Carbon(_)) {
        arguments.common.resolve_device()?;
    }
    let common = &arguments.common;
    common.set_threads();
    match arguments.command {
        Command::Demo(arguments) => demo::run(common, &arguments),
        Command::Eval(arguments) => eval::run(common, &arguments),
        Command::Caption(arguments) => caption::run(common, &arguments),
        Command::Train(arguments) => train::run(common, &arguments),
        Command::Sweep(arguments) => sweep::run(common, &arguments),
        Command::Prepare(arguments) => prepare::run(common, &arguments),
        Command::Dataset(arguments) => dataset::run(common, &arguments),
        Command::Embed(arguments) => embed::run(common, &arguments),
        Command::Score(arguments) => score::run(common, &arguments),
        Command::Merge(arguments) => merge::run(common, &arguments),
        Command::Bench(arguments) => bench::run(common, &arguments),
        Command::Recommend(arguments) => recommend::run(common, &arguments),
        Command::Submit(arguments) => submit::run(common, &arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Work(arguments) => work::run(common, &arguments),
        Command::Compare(arguments) => compare::run(common, &arguments),
        Command::Report(arguments) => report::run(common, &arguments),
        Command::Serve(arguments) => serve::run(common, &arguments),
        Command::Models(arguments) => models::run(common, &arguments),
        Command::Plugin(arguments) => plugin::run(common, &arguments),
        Command::Assets(arguments) => assets::run(common, &arguments),
        Command::Language(arguments) => language::run(&arguments),
        Command::Carbon(arguments) => carbon::run(common, &arguments),
        Command::Doctor(arguments) => doctor::run(common, &arguments),
        Command::Worker(arguments) => worker::run(&arguments),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::collections::{BTreeMap, BTreeSet};

    /// All commands with their subcommands, by what is typed.
    fn commands(name: &str, command: &clap::Command, found: &mut Vec<(String, clap::Command)>) {
        found.push((name.to_owned(), command.clone()));
        for below in command.get_subcommands() {
            commands(&format!("{name} {}", below.get_name()), below, found);
        }
    }

    #[test]
    fn every_flag_stands_under_its_own_heading() {
        let mut command = Arguments::command();
        command.build();
        let mut found = Vec::new();
        commands("host", &command, &mut found);
        let mut by_heading: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (_, command) in &found {
            for flag in command.get_arguments() {
                if let (Some(heading), Some(long)) = (flag.get_help_heading(), flag.get_long()) {
                    let heading = heading.split(' ').next().unwrap_or_default().to_owned();
                    by_heading.entry(heading).or_default().insert(long.to_owned());
                }
            }
        }
        let under = |heading: &str| by_heading[heading].iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(under("Limits"), ["load-limit", "memory-limit", "time-limit"]);
        assert_eq!(under("Size"), ["at-most", "cpus", "mem"]);
        assert_eq!(under("Slurm"), ["gres", "notice", "partition", "sbatch", "setup", "time"]);
        assert_eq!(under("Kubernetes"), ["claim", "gpu-resource", "gpus", "image", "namespace"]);
        assert_eq!(under("Generation").len(), 11);
        assert_eq!(by_heading.len(), 5);
    }

    #[test]
    fn the_device_of_carbon_is_an_accelerator_and_elsewhere_where_models_run() {
        let parse = |words: &[&str]| Arguments::try_parse_from(words).unwrap();
        for words in [["host", "--device", "cpu", "doctor"], ["host", "doctor", "--device", "cpu"]] {
            assert_eq!(parse(&words).common.device_name, "cpu");
        }
        let Command::Carbon(_) = parse(&["host", "carbon", "--device", "t4", "--hours", "1"]).command else {
            panic!("another command");
        };
        let mut command = Arguments::command();
        command.build();
        let help = command.find_subcommand_mut("carbon").unwrap().render_help().to_string();
        assert!(help.contains("accelerator by name") && !help.contains("Where models run"), "{help}");
    }
}
