//! `host plugin`

mod add;
mod check;
mod new;

use super::Done;
use super::common::Common;
use super::printing::{print, print_json};
use crate::error::Result;
use crate::registry::{LockedPlugin, Registry};
use crate::run::file_digest;
use clap::Subcommand;
use new::Kind;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// The registered plugins, their components, and whether their libraries are those of registry.lock
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Accept a plugin's library as it is now: write its digest into registry.lock
    Add {
        /// A registered name, or the path of a library, which is registered then
        #[arg(required_unless_present = "all")]
        plugin: Option<String>,
        /// Every registered plugin whose library is here
        #[arg(long, conflicts_with = "plugin")]
        all: bool,
    },
    /// Try a plugin: digest, ABI layout, and every component on small input
    Check {
        /// A registered name, or the path of a library
        #[arg(required_unless_present = "all")]
        plugin: Option<String>,
        /// Every registered plugin
        #[arg(long, conflicts_with = "plugin")]
        all: bool,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Start a plugin of your own: a crate that builds, with a test
    New {
        kind: Kind,
        /// Lowercase words with dashes
        name: String,
        /// The folder to make [default: the name]
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Where plugin-api is [default: beside the registry, or beside the program or above it]
        #[arg(long, value_name = "DIR")]
        plugin_api: Option<PathBuf>,
    },
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    match arguments {
        Arguments::List { json } => list(common, *json),
        Arguments::Add { plugin: Some(plugin), .. } => add::add(common, plugin),
        Arguments::Add { plugin: None, .. } => add::add_all(common),
        Arguments::Check { plugin, json, .. } => check::check(common, plugin.as_deref(), *json),
        Arguments::New { kind, name, dir, plugin_api } => {
            new::new(common, *kind, name, dir.as_deref(), plugin_api.as_deref())
        }
    }
}

/// What a plugin's library is, compared to the lock.
fn state(registry: &Registry, locked: Option<&LockedPlugin>, name: &str) -> String {
    let path = match registry.library_path(name) {
        Ok(path) => path,
        Err(_) => return "library missing".to_owned(),
    };
    match (locked, file_digest(&path)) {
        (None, _) => format!("not added: host plugin add {name}"),
        (Some(locked), Ok(digest)) if digest == locked.sha256 => "ok".to_owned(),
        (Some(_), Ok(_)) => format!("changed since it was added: host plugin add {name}"),
        (Some(_), Err(error)) => error.message,
    }
}

fn list(common: &Common, json: bool) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    let mut text = String::new();
    let mut rows = Vec::new();
    for name in registry.plugins().keys() {
        let locked = lock.plugin(name);
        let state = state(&registry, locked, name);
        let version = locked.map_or("-", |locked| locked.version.as_str());
        let components = locked.map(|locked| locked.components.clone()).unwrap_or_default();
        text += &format!("{name} {version}  {state}\n");
        for component in &components {
            text += &format!("  {} {}: {}\n", component.kind, component.name, component.summary);
        }
        rows.push(serde_json::json!({
            "name": name,
            "version": version,
            "api": locked.map(|locked| locked.api.clone()),
            "state": state,
            "components": components,
        }));
    }
    if json {
        print_json(&rows)?
    } else {
        print(&text)?
    }
    Ok(Done::All)
}
