//! `host models`

use super::Done;
use super::common::{Common, LimitFlags, print, print_json};
use crate::error::{Error, Result};
use crate::eval::{captioner_of_model, captioner_of_weights};
use crate::models;
use crate::registry::{Lock, Registry, Weights, unknown_name};
use crate::train::merge_adapter;
use crate::worker::{ComponentSpec, Limits};
use clap::{Args, Subcommand};
use plugin_api::MemoryNeed;
use plugin_api::abi::messages::CaptionerMessage;
use std::path::{Path, PathBuf};

/// Batch sizes whose memory `check` shows.
const BATCHES: [usize; 4] = [1, 8, 16, 64];

#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// The registered models, and whether their weights are here
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Download a model's weights from the Hugging Face hub: goes on where it stopped, and checks what comes
    ///
    /// Files go into the hub's cache, $HF_HOME or ~/.cache/huggingface, where its other clients find them too. A token is taken from
    /// HF_TOKEN or from where `hf auth login` puts it; HF_ENDPOINT names another hub.
    Pull {
        /// A model or encoder of the registry whose weights are `hf:OWNER/NAME`
        name: String,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Check a model's files, tensors and needs without loading it
    Check {
        /// A model of the registry, or any Hugging Face directory
        model: String,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Write a checkpoint with an adapter merged into its weights, for use without Lookbook or PEFT
    Merge(MergeArguments),
}

#[derive(Debug, Args)]
pub struct MergeArguments {
    /// A model of the registry, with or without an adapter (NAME+ADAPTER)
    name: String,
    /// A PEFT adapter, where the name says none
    #[arg(long, value_name = "DIR")]
    adapter: Option<PathBuf>,
    /// The folder of the new checkpoint
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    limits: LimitFlags,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    match arguments {
        Arguments::List { json } => list(common, *json),
        Arguments::Pull { name, json } => pull(common, name, *json),
        Arguments::Check { model, json } => check(common, model, *json),
        Arguments::Merge(arguments) => merge(common, arguments),
    }
}

/// A name of the registry, or a directory.
pub fn captioner(registry: &Registry, lock: &Lock, model: &str) -> Result<ComponentSpec<CaptionerMessage>> {
    if registry.models().contains_key(model) {
        return captioner_of_model(registry, lock, model);
    }
    if Path::new(model).is_dir() {
        return captioner_of_weights(registry, lock, Path::new(model));
    }
    match model.contains(['/', '\\']) {
        true => Err(Error::usage(format!("there is no directory {model}"))
            .help("name a model of the registry, or its directory")),
        false => Err(unknown_name("model", model, registry.models().keys())),
    }
}

fn list(common: &Common, json: bool) -> Result<Done> {
    let registry = common.registry()?;
    let mut rows = Vec::new();
    for (name, entry) in registry.models() {
        let weights = Weights::of(&registry, entry);
        let adapter = registry.adapter_of(name, entry);
        let present = weights.present().filter(|_| adapter.is_ok()).map(|path| path.display().to_string());
        let get = match (weights.present(), adapter) {
            (Some(_), Err(error)) => error.help.unwrap_or_default(),
            _ => weights.how_to_get(),
        };
        rows.push(serde_json::json!({
            "name": name,
            "plugin": entry.plugin,
            "weights": entry.weights,
            "present": present.is_some(),
            "directory": present,
            "adapter": entry.adapter,
            "get": get,
        }));
    }
    if json {
        print_json(&rows)?;
        return Ok(Done::All);
    }
    let width = registry.models().keys().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for row in &rows {
        let name = row["name"].as_str().unwrap_or_default();
        let plugin = row["plugin"].as_str().unwrap_or_default();
        let place = match row["directory"].as_str() {
            Some(directory) => format!("here: {directory}"),
            None => format!("absent; get it with: {}", row["get"].as_str().unwrap_or_default()),
        };
        text += &format!("{name:width$}  {plugin:8}  {place}\n");
    }
    print(&text)?;
    Ok(Done::All)
}

fn pull(common: &Common, name: &str, json: bool) -> Result<Done> {
    let registry = common.registry()?;
    let (table, weights, revision) = match registry.encoders().get(name) {
        Some(encoder) => ("encoders", &encoder.weights, &encoder.revision),
        None => {
            let model = registry.model(name)?;
            ("models", &model.weights, &model.revision)
        }
    };
    let place = registry.place(table, name);
    let repository = weights.strip_prefix("hf:").ok_or_else(|| {
        Error::usage(format!(
            "{place}: the weights of `{name}` are the directory {weights}, not a repository of the hub"
        ))
        .help("only weights of the form `hf:OWNER/NAME` can be pulled")
    })?;
    let revision = revision.as_deref().unwrap_or("main");
    let pulled = models::pull(repository, revision, &place, &common.reporter())?;
    if json {
        print_json(&pulled)?;
    } else {
        print(&format!(
            "{name} is here: {}\n{} files, {:.2} GB, commit {}; checked against the hub's digests\n",
            pulled.directory.display(),
            pulled.files,
            pulled.bytes as f64 / 1e9,
            &pulled.commit[..pulled.commit.len().min(12)]
        ))?;
    }
    Ok(Done::All)
}

fn check(common: &Common, model: &str, json: bool) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    let mut captioner = captioner(&registry, &lock, model)?;
    captioner.message.device = common.device;
    captioner.message.threads = common.threads;
    let checked = models::check(&captioner, Limits::default(), &common.reporter())?;
    let problems = checked.problems();
    if json {
        let memory: Vec<_> = checked.report.memory.iter().map(memory_json).collect();
        print_json(&serde_json::json!({
            "model": model,
            "directory": captioner.message.weights,
            "files": checked.files,
            "architecture": checked.report.architecture,
            "parameters": checked.report.parameters,
            "tensors": checked.report.tensors,
            "stored": checked.report.stored,
            "memory": memory,
            "problems": problems,
        }))?;
    } else {
        print(&described(&checked, &captioner.message.weights, &problems))?;
    }
    Ok(if problems.is_empty() { Done::All } else { Done::SomeFailed })
}

fn memory_json(need: &MemoryNeed) -> serde_json::Value {
    let batches: Vec<_> =
        BATCHES.iter().map(|&size| serde_json::json!({ "batch_size": size, "bytes": need.of_batch(size) })).collect();
    serde_json::json!({
        "device": need.device, "precision": need.precision, "weights": need.weights, "group": need.group,
        "image": need.image, "free": need.free,
        "batches": batches,
    })
}

fn described(checked: &models::Checked, directory: &Path, problems: &[String]) -> String {
    let report = &checked.report;
    let mut text = format!("{}\n", directory.display());
    let width = checked.files.iter().map(|file| file.name.len()).max().unwrap_or(0);
    for file in &checked.files {
        let intact = match file.intact {
            Some(true) => "as on the hub",
            Some(false) => "DAMAGED",
            None => "",
        };
        text += format!("  {:width$}  {:>12.3} MB  {intact}", file.name, file.bytes as f64 / 1e6).trim_end();
        text += "\n";
    }
    let stored: Vec<String> = report
        .stored
        .iter()
        .map(|(format, stored)| format!("{} in {format} ({:.2} GB)", stored.tensors, stored.bytes as f64 / 1e9))
        .collect();
    text += &format!(
        "{}: {:.3} billion weights in {} tensors; stored: {}\n",
        report.architecture,
        report.parameters as f64 / 1e9,
        report.tensors,
        if stored.is_empty() { "none".to_owned() } else { stored.join(", ") }
    );
    text += "memory, in GiB, for batches of";
    BATCHES.iter().for_each(|size| text += &format!(" {size:>7}"));
    text += "    free now\n";
    for need in &report.memory {
        text += &format!("  {:<28}", format!("{} ({})", need.device, need.precision));
        BATCHES.iter().for_each(|&size| text += &format!(" {:>7.2}", gibibytes(need.of_batch(size))));
        text += &need.free.map_or("           -\n".to_owned(), |free| format!(" {:>11.2}\n", gibibytes(free)));
    }
    if problems.is_empty() {
        return text + "all as it should be\n";
    }
    text += &format!("{} problems:\n", problems.len());
    problems.iter().for_each(|problem| text += &format!("  {problem}\n"));
    text
}

fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1u32 << 30)
}

fn merge(common: &Common, arguments: &MergeArguments) -> Result<Done> {
    let (mut registry, lock) = common.registry_and_lock()?;
    let name = match &arguments.adapter {
        Some(adapter) => registry.adapted(&arguments.name, adapter)?,
        None => arguments.name.clone(),
    };
    let limits = (&arguments.limits).into();
    let said = merge_adapter(&registry, &lock, &name, &arguments.out, limits, common.threads, &common.reporter())?;
    print(&format!("{}: {said}\n", arguments.out.display()))?;
    Ok(Done::All)
}
