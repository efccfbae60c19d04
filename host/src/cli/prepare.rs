//! `host prepare`

use super::Done;
use super::common::{Common, print, print_json};
use crate::error::{Error, Result};
use crate::eval::{dataset_entry_splits, prepared_folder};
use crate::loader::{Library, Notice, listen};
use crate::prepare::{Request, STEPS, Step, prepare};
use crate::progress::Reporter;
use clap::Args;
use plugin_api::LogLevel;
use plugin_api::abi::messages::DatasetMessage;
use std::path::PathBuf;

#[derive(Debug, Args)]
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
    let library = Library::locked(&registry, &lock, &entry.plugin)?;
    let reporter = common.reporter();
    hear(&reporter, common.quiet);
    let settings = serde_json::to_value(&entry.settings)
        .map_err(|error| Error::usage(format!("the registry's options cannot be passed on: {error}")))?;
    let message = DatasetMessage { root: root.clone(), settings };
    let catalogue = library.open()?.dataset(entry.component.as_deref(), name, &message)?;
    let request = Request {
        dataset: name,
        plugin: &entry.plugin,
        plugin_sha256: library.sha256.as_deref().unwrap_or_default(),
        root: &root,
        settings: entry.settings.clone(),
        splits: splits.transpose()?,
        out: &out,
        options: entry.prepare.clone(),
        steps,
        pack: arguments.pack,
        force: arguments.force,
        seed: common.seed,
    };
    let outcome = prepare(&catalogue, &request, &reporter)?;
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
        Notice::Log { level: LogLevel::Warning | LogLevel::Error, message } => eprintln!("warning: {message}"),
        Notice::Log { level: LogLevel::Info, message } if !quiet => eprintln!("{message}"),
        Notice::Progress { done, total } if total > 0 && !quiet => {
            let mut said = said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if said.elapsed().as_secs() >= 5 {
                eprintln!("reading the vendor's files: {} %", done * 100 / total);
                *said = std::time::Instant::now();
            }
        }
        _ => {}
    });
}
