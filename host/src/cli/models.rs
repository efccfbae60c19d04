//! `host models`

use super::Done;
use super::common::{Common, LimitFlags, print, print_json};
use crate::error::Result;
use crate::registry::Weights;
use crate::train::merge_adapter;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// The registered models, and whether their weights are here
    List {
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
    let json = match arguments {
        Arguments::List { json } => json,
        Arguments::Merge(arguments) => return merge(common, arguments),
    };
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
    if *json {
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
