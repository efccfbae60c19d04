//! `host models`

use super::Done;
use super::common::{Common, print, print_json};
use crate::error::Result;
use crate::registry::Weights;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// The registered models, and whether their weights are here
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    let Arguments::List { json } = arguments;
    let registry = common.registry()?;
    let mut rows = Vec::new();
    for (name, entry) in registry.models() {
        let weights = Weights::of(&registry, entry);
        let present = weights.present().map(|path| path.display().to_string());
        rows.push(serde_json::json!({
            "name": name,
            "plugin": entry.plugin,
            "weights": entry.weights,
            "present": present.is_some(),
            "directory": present,
            "get": weights.how_to_get(),
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
