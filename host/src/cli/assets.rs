//! `host assets`

use super::Done;
use super::common::Common;
use super::printing::print;
use crate::error::{Error, Result};
use crate::loader::Library;
use crate::registry::{Lock, LockedComponent, Registry, unknown_name};
use crate::score::assets_dir;
use clap::Subcommand;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// The assets that the registered plugins use, and where they are kept
    List,
    /// Install an asset: by its name, through pip, or from a file in hand
    Add {
        /// An asset's name, or the file that holds it
        asset: String,
    },
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    let folder = assets_dir().ok_or_else(|| {
        Error::usage("there is no folder for assets: neither HOME nor XDG_DATA_HOME is set")
            .help("set LOOKBOOK_ASSETS to one")
    })?;
    match arguments {
        Arguments::List => {
            let mut text = format!("folder: {}\n", folder.display());
            for (plugin, asset) in assets(&lock) {
                text += &format!("{} (plugin {plugin}): {}\n", asset.name, asset.summary);
            }
            print(&text)?;
        }
        Arguments::Add { asset } => print(&format!("{}\n", add(&registry, &lock, asset, &folder)?))?,
    }
    Ok(Done::All)
}

fn assets(lock: &Lock) -> Vec<(&str, &LockedComponent)> {
    let of_plugin = |plugin: &'_ crate::registry::LockedPlugin| -> Vec<usize> {
        (0..plugin.components.len()).filter(|place| plugin.components[*place].kind == "asset").collect()
    };
    lock.plugins
        .iter()
        .flat_map(|plugin| of_plugin(plugin).into_iter().map(|place| (plugin.name.as_str(), &plugin.components[place])))
        .collect()
}

/// Installs an asset; the answer is a sentence.
pub fn add(registry: &Registry, lock: &Lock, wanted: &str, folder: &Path) -> Result<String> {
    let known = assets(lock);
    let install = |plugin: &str, asset: &str, file: &Path| {
        Library::locked(registry, lock, plugin)?.open()?.install_asset(asset, file, folder)
    };
    if let Some((plugin, asset)) = known.iter().find(|(_, asset)| asset.name == wanted) {
        let download =
            tempfile::tempdir().map_err(|error| Error::failed(format!("cannot make a temporary folder: {error}")))?;
        let file = fetch(&asset.python_package, download.path())?;
        return install(plugin, &asset.name, &file);
    }
    let file = Path::new(wanted);
    if !file.is_file() {
        let names: Vec<String> = known.iter().map(|(_, asset)| asset.name.clone()).collect();
        return Err(unknown_name("asset", wanted, names.iter()));
    }
    // A file does not say whose it is: each asset's installer knows its own by their digest.
    let mut refusals = Vec::new();
    for (plugin, asset) in known {
        match install(plugin, &asset.name, file) {
            Ok(installed) => return Ok(installed),
            Err(error) => refusals.push(format!("{}: {}", asset.name, error.message)),
        }
    }
    Err(Error::usage(format!("{} is no asset of a registered plugin", file.display()))
        .help(refusals.join("\n        ")))
}

/// Fetches a Python package's wheel with the user's own pip.
fn fetch(requirement: &str, folder: &Path) -> Result<PathBuf> {
    if requirement.is_empty() {
        return Err(Error::usage("this asset is in no Python package").help("give its file: host assets add FILE"));
    }
    let by_hand = format!("fetch it elsewhere with `pip download --no-deps {requirement}`, then: host assets add FILE");
    let mut last = "there is no python3 on the PATH".to_owned();
    for python in ["python3", "python"] {
        let pip = Command::new(python)
            .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest"])
            .arg(folder)
            .arg(requirement)
            .output();
        let Ok(pip) = pip else { continue };
        if pip.status.success() {
            let mut files = std::fs::read_dir(folder).map_err(|error| Error::io("read", folder, &error))?;
            if let Some(Ok(file)) = files.next() {
                return Ok(file.path());
            }
        }
        last = String::from_utf8_lossy(&pip.stderr)
            .trim()
            .lines()
            .last()
            .unwrap_or("pip failed without a word")
            .to_owned();
    }
    Err(Error::failed(format!("pip cannot fetch {requirement}: {last}")).help(by_hand))
}
