//! `host models`

mod check;

use super::Done;
use super::common::{Common, LimitFlags};
use super::printing::{print, print_json};
use crate::error::{Error, Result};
use crate::eval::{captioner_of_model, captioner_of_weights};
use crate::loader::Library;
use crate::models;
use crate::registry::{Lock, ModelEntry, Registry, Weights, unknown_name};
use crate::train::merge_adapter;
use crate::worker::ComponentSpec;
use clap::{Args, Subcommand};
use plugin_api::ModelSource;
use plugin_api::abi::messages::CaptionerMessage;
use std::path::{Path, PathBuf};

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
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitFlags,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    match arguments {
        Arguments::List { json } => list(common, *json),
        Arguments::Pull { name, json } => pull(common, name, *json),
        Arguments::Check { model, json } => check::check(common, model, *json),
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

/// A model by its shapes, which its plugin knows of some repositories: for what needs no file.
pub fn by_shape(
    registry: &Registry,
    lock: &Lock,
    name: &str,
    entry: &ModelEntry,
) -> Result<ComponentSpec<ModelSource>> {
    let source = ModelSource {
        weights: Weights::of(registry, entry).present().map(Path::to_owned),
        repository: entry.weights.strip_prefix("hf:").map(str::to_owned),
        ..ModelSource::default()
    };
    Ok(ComponentSpec {
        library: Library::locked(registry, lock, &entry.plugin)?,
        component: entry.component.clone(),
        entry: name.to_owned(),
        message: source,
    })
}

fn merge(common: &Common, arguments: &MergeArguments) -> Result<Done> {
    let (mut registry, lock) = common.registry_and_lock()?;
    let name = match &arguments.adapter {
        Some(adapter) => registry.adapted(&arguments.name, adapter)?,
        None => arguments.name.clone(),
    };
    let limits = (&arguments.limits).into();
    let said = merge_adapter(&registry, &lock, &name, &arguments.out, limits, common.threads, &common.reporter())?;
    match arguments.json {
        true => print_json(&serde_json::json!({ "directory": arguments.out, "said": said }))?,
        false => print(&format!("{}: {said}\n", arguments.out.display()))?,
    }
    Ok(Done::All)
}
