//! `host prepare`

use super::Done;
use super::common::Common;
use super::printing::{print, print_json};
use crate::error::{Error, Result};
use crate::eval::{dataset_entry_splits, prepared_folder};
use crate::loader::{Library, Notice, listen};
use crate::prepare::{Outcome, PrepareOptions, Request, STEPS, Step, prepare};
use crate::progress::{Reporter, tell};
use crate::registry::{Lock, Registry};
use crate::stop;
use clap::Args;
use plugin_api::LogLevel;
use plugin_api::abi::messages::DatasetMessage;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 75: asked to stop by SIGTERM or SIGUSR1; what is done is saved, and the same command goes on."
)]
pub struct Arguments {
    /// A dataset of the registry
    dataset: String,
    /// The vendor's folder [default: the dataset's `root` in the registry]
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    /// Where the prepared dataset goes [default: the registry's `prepared`, else prepared/DATASET beside the registry]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A folder with train.txt, validation.txt and test.txt, an id a line [default: the registry's `splits`, else splits in the source]
    #[arg(long, value_name = "DIR")]
    splits: Option<PathBuf>,
    /// Split by the vendor or the seeded shuffle, although there are split files
    #[arg(long, conflicts_with = "splits")]
    no_split_files: bool,
    /// Only these steps: split (read, filter, normalise, split), attributes, categories
    #[arg(long, value_delimiter = ',', value_name = "STEPS")]
    steps: Vec<String>,
    /// Put the images into one file, for disks that are slow with many
    #[arg(long)]
    pack: bool,
    /// Prepare anew although the vendor's files have changed since
    #[arg(long)]
    force: bool,
    /// Print one JSON document instead of the summary
    #[arg(long)]
    json: bool,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    stop::listen();
    let (registry, lock) = common.registry_and_lock()?;
    let name = &arguments.dataset;
    let entry = registry.dataset(name)?;
    let steps = steps(&arguments.steps)?;
    let root = arguments.source.clone().unwrap_or_else(|| registry.dir().join(&entry.root));
    let root = root.canonicalize().map_err(|_| {
        Error::usage(format!("there is no folder of dataset `{name}` at {}", root.display()))
            .help(format!("give the vendor's folder: host prepare {name} --source DIR"))
    })?;
    let splits = match (&arguments.splits, arguments.no_split_files) {
        (_, true) => None,
        (Some(splits), _) => Some(splits.clone()),
        (None, _) => dataset_entry_splits(&registry, name, &root)?,
    };
    let splits = splits.map(|folder| {
        folder.canonicalize().map_err(|_| Error::usage(format!("there is no folder of splits at {}", folder.display())))
    });
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => prepared_folder(&registry, name)?,
    };
    let reporter = common.reporter();
    hear(&reporter, common.quiet);
    let asked = Asked {
        name,
        root: &root,
        splits: splits.transpose()?,
        out: &out,
        options: None,
        steps,
        pack: arguments.pack,
        force: arguments.force,
        seed: common.seed,
    };
    let outcome = asked.prepare(&registry, &lock, &reporter)?;
    if !outcome.reused.is_empty() {
        reporter.note(&format!("reused, since nothing they depend on has changed: {}", outcome.reused.join(", ")));
    }
    if arguments.json {
        print_json(&serde_json::json!({
            "dataset": name,
            "folder": out,
            "counts": outcome.prepared.manifest.counts,
            "done": outcome.done,
            "reused": outcome.reused,
        }))?;
    } else {
        print(&outcome.summary)?;
    }
    reporter.note(&format!("prepared dataset: {}", out.display()));
    Ok(Done::All)
}

/// Prepares a sample dataset of the registry where it lies, with all steps. Small categories stay: a sample may have few items.
pub fn prepare_sample(registry: &Registry, lock: &Lock, name: &str, seed: u64, reporter: &Reporter) -> Result<()> {
    let root = registry.dir().join(&registry.dataset(name)?.root);
    let root = root.canonicalize().map_err(|error| Error::io("find", &root, &error))?;
    let out = prepared_folder(registry, name)?;
    let asked = Asked {
        name,
        root: &root,
        splits: dataset_entry_splits(registry, name, &root)?,
        out: &out,
        options: Some(PrepareOptions { minimum: 1, ..registry.dataset(name)?.prepare.clone() }),
        steps: steps(&[])?,
        pack: false,
        // The caller has made the files: that they have changed is known.
        force: true,
        seed,
    };
    asked.prepare(registry, lock, reporter).map(drop)
}

/// A dataset of the registry with where it is, where it goes, and what is to be done.
struct Asked<'a> {
    name: &'a str,
    root: &'a Path,
    splits: Option<PathBuf>,
    out: &'a Path,
    /// Instead of the registry's.
    options: Option<PrepareOptions>,
    steps: Vec<Step>,
    pack: bool,
    force: bool,
    seed: u64,
}

impl Asked<'_> {
    fn prepare(self, registry: &Registry, lock: &Lock, reporter: &Reporter) -> Result<Outcome> {
        let entry = registry.dataset(self.name)?;
        let library = Library::locked(registry, lock, &entry.plugin)?;
        let settings = serde_json::to_value(&entry.settings)
            .map_err(|error| Error::usage(format!("the registry's options cannot be passed on: {error}")))?;
        let message = DatasetMessage { root: self.root.to_owned(), settings };
        let catalogue = library.open()?.dataset(entry.component.as_deref(), self.name, &message)?;
        let request = Request {
            dataset: self.name,
            plugin: &entry.plugin,
            plugin_sha256: library.sha256.as_deref().unwrap_or_default(),
            root: self.root,
            settings: entry.settings.clone(),
            splits: self.splits,
            out: self.out,
            options: self.options.unwrap_or_else(|| entry.prepare.clone()),
            steps: self.steps,
            pack: self.pack,
            force: self.force,
            seed: self.seed,
        };
        prepare(&catalogue, &request, reporter)
    }
}

fn steps(names: &[String]) -> Result<Vec<Step>> {
    let all = || STEPS.iter().map(|(_, step)| *step).collect();
    if names.is_empty() {
        return Ok(all());
    }
    let step = |name: &String| {
        STEPS.iter().find(|(known, _)| known == name).map(|(_, step)| *step).ok_or_else(|| {
            let known: Vec<&str> = STEPS.iter().map(|(name, _)| *name).collect();
            Error::usage(format!("there is no step `{name}`")).help(format!("steps are: {}", known.join(", ")))
        })
    };
    names.iter().map(step).collect()
}

/// Prints what the dataset's plugin says; its progress as plain lines, for the records are not known in number beforehand.
fn hear(reporter: &Reporter, quiet: bool) {
    reporter.note("reading the vendor's files");
    let said = std::sync::Mutex::new(std::time::Instant::now());
    listen(move |notice| match notice {
        Notice::Log { level: LogLevel::Warning | LogLevel::Error, message } => tell(&format!("warning: {message}")),
        Notice::Log { level: LogLevel::Info, message } if !quiet => tell(&message),
        Notice::Progress { done, total } if total > 0 && !quiet => {
            let mut said = said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if said.elapsed().as_secs() >= 5 {
                tell(&format!("reading the vendor's files: {} %", done * 100 / total));
                *said = std::time::Instant::now();
            }
        }
        _ => {}
    });
}
