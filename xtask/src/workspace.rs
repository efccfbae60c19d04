//! What the workspace holds, from `cargo metadata`: its folders, its plugin crates, everyone's licence.

use crate::failure::{Failure, Result};
use crate::process::cargo;
use serde_json::Value;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace as cargo sees it.
#[derive(Debug)]
pub struct Workspace {
    pub root: PathBuf,
    /// Where artifacts go: `target`, or what `CARGO_TARGET_DIR` says.
    pub target: PathBuf,
    pub version: String,
    /// In the order of their folders.
    pub plugins: Vec<Plugin>,
    /// Every package of the lock file.
    packages: Vec<Package>,
}

/// A crate below `plugins/` that makes a shared library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
    pub package: String,
    /// The folder of its kind: `captioners`, `metrics`, `datasets`, `lora`.
    pub kind: String,
    /// From the root, with `/`.
    pub path: String,
    /// The library's short name, as `registry.toml` gives it.
    pub library: String,
    /// True for a model plugin: it has the cargo feature `cuda`.
    pub cuda: bool,
}

/// A package and its licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// An SPDX expression.
    pub licence: Option<String>,
    /// False for the workspace's own crates.
    pub foreign: bool,
    pub folder: PathBuf,
}

/// Which dependencies are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dependencies {
    /// Those that are linked into something, or used to build it.
    Shipped,
    /// Those of tests, too.
    All,
}

impl Workspace {
    /// Asks cargo.
    pub fn load() -> Result<Workspace> {
        // The alias runs xtask wherever the user stands in the workspace; cargo finds the root from there.
        let output = Command::new(cargo())
            .args(["metadata", "--format-version", "1", "--all-features"])
            .stderr(std::process::Stdio::inherit())
            .output()
            .map_err(|error| Failure::Other(format!("cannot run cargo: {error}")))?;
        if !output.status.success() {
            return Err(Failure::Other("cargo metadata failed".into()));
        }
        let metadata = serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::Other(format!("cargo metadata is not understood: {error}")))?;
        Workspace::from_metadata(&metadata)
            .ok_or_else(|| Failure::Other("cargo metadata lacks a field that it always had".into()))
    }

    fn from_metadata(metadata: &Value) -> Option<Workspace> {
        let root = PathBuf::from(metadata["workspace_root"].as_str()?);
        let members: Vec<&str> = metadata["workspace_members"].as_array()?.iter().filter_map(Value::as_str).collect();
        let mut plugins = Vec::new();
        let mut packages = Vec::new();
        let mut version = String::new();
        for package in metadata["packages"].as_array()? {
            let name = package["name"].as_str()?;
            let manifest = Path::new(package["manifest_path"].as_str()?);
            let own = members.contains(&package["id"].as_str()?);
            if own {
                plugins.extend(plugin(package, name, manifest.strip_prefix(&root).ok()?));
            }
            if name == "host" && own {
                version = package["version"].as_str()?.to_owned();
            }
            packages.push(Package {
                name: name.to_owned(),
                version: package["version"].as_str()?.to_owned(),
                licence: package["license"].as_str().map(str::to_owned),
                foreign: !own,
                folder: manifest.parent()?.to_owned(),
            });
        }
        plugins.sort_by(|a, b| a.path.cmp(&b.path));
        let target = PathBuf::from(metadata["target_directory"].as_str()?);
        Some(Workspace { root, target, version, plugins, packages })
    }

    /// The dependencies that are really built, on any platform and with any feature; the lock file holds more than those.
    pub fn dependencies(&self, which: Dependencies) -> Result<Vec<&Package>> {
        let edges = if which == Dependencies::All { "normal,build,dev" } else { "normal,build" };
        let output = Command::new(cargo())
            .args(["tree", "--workspace", "--all-features", "--target", "all", "--edges", edges])
            .args(["--prefix", "none", "--format", "{p}"])
            .current_dir(&self.root)
            .stderr(std::process::Stdio::inherit())
            .output()
            .map_err(|error| Failure::Other(format!("cannot run cargo: {error}")))?;
        if !output.status.success() {
            return Err(Failure::Other("cargo tree failed".into()));
        }
        let built = String::from_utf8_lossy(&output.stdout);
        let built: HashSet<(&str, &str)> = built.lines().filter_map(name_and_version).collect();
        let is_built = |package: &&Package| built.contains(&(package.name.as_str(), package.version.as_str()));
        Ok(self.packages.iter().filter(|package| package.foreign).filter(is_built).collect())
    }

    /// The plugin of that package.
    pub fn plugin(&self, package: &str) -> Result<&Plugin> {
        self.plugins.iter().find(|plugin| plugin.package == package).ok_or_else(|| {
            let known: Vec<&str> = self.plugins.iter().map(|plugin| plugin.package.as_str()).collect();
            let message = format!("there is no plugin crate `{package}`\n  help: there are {}", known.join(", "));
            Failure::Other(message)
        })
    }
}

/// `serde v1.0.0 (proc-macro) (*)`, as cargo tree writes it.
fn name_and_version(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ');
    Some((words.next()?, words.next()?.strip_prefix('v')?))
}

/// A member as a plugin, if it is one.
fn plugin(package: &Value, name: &str, manifest: &Path) -> Option<Plugin> {
    let folder: Vec<&str> = manifest.parent()?.iter().filter_map(|part| part.to_str()).collect();
    let ["plugins", kind, ..] = folder[..] else { return None };
    let library = package["targets"].as_array()?.iter().find(|target| {
        target["crate_types"].as_array().is_some_and(|types| types.iter().any(|crate_type| crate_type == "cdylib"))
    })?;
    Some(Plugin {
        package: name.to_owned(),
        kind: kind.to_owned(),
        path: folder.join("/"),
        library: library["name"].as_str()?.replace('-', "_"),
        cuda: package["features"].get("cuda").is_some(),
    })
}

/// `libblip2.so`, `libblip2.dylib` or `blip2.dll`.
pub fn library_file(library: &str) -> String {
    format!("{}{library}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

/// `host`, or `host.exe`.
pub fn host_file() -> String {
    format!("host{}", std::env::consts::EXE_SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn member(name: &str, folder: &str, crate_type: &str, features: Value) -> Value {
        json!({
            "id": name, "name": name, "version": "0.1.0", "license": "MIT",
            "manifest_path": format!("/w/{folder}/Cargo.toml"),
            "targets": [{ "name": name, "crate_types": [crate_type] }],
            "features": features,
        })
    }

    #[test]
    fn plugins_are_the_members_below_plugins_that_make_a_shared_library() {
        let metadata = json!({
            "workspace_root": "/w",
            "target_directory": "/w/target",
            "workspace_members": ["host", "ngram", "lora-standard", "blip2", "nn", "trial"],
            "packages": [
                member("host", "host", "bin", json!({})),
                member("ngram", "plugins/metrics/ngram", "cdylib", json!({})),
                member("lora-standard", "plugins/lora/standard", "cdylib", json!({})),
                member("blip2", "plugins/captioners/blip2", "cdylib", json!({ "cuda": [] })),
                member("nn", "plugins/shared/nn", "lib", json!({ "cuda": [] })),
                member("trial", "tests/plugins/trial", "cdylib", json!({})),
                member("serde", "elsewhere", "lib", json!({})),
            ],
        });
        let workspace = Workspace::from_metadata(&metadata).unwrap();
        let found: Vec<(&str, &str, &str, bool)> = workspace
            .plugins
            .iter()
            .map(|plugin| (plugin.package.as_str(), plugin.kind.as_str(), plugin.library.as_str(), plugin.cuda))
            .collect();
        assert_eq!(
            found,
            [
                ("blip2", "captioners", "blip2", true),
                ("lora-standard", "lora", "lora_standard", false),
                ("ngram", "metrics", "ngram", false),
            ]
        );
        let foreign: Vec<&str> =
            workspace.packages.iter().filter(|package| package.foreign).map(|package| package.name.as_str()).collect();
        assert_eq!(foreign, ["serde"]);
    }

    #[test]
    fn a_line_of_cargo_tree_names_a_package() {
        assert_eq!(name_and_version("serde_derive v1.0.228 (proc-macro) (*)"), Some(("serde_derive", "1.0.228")));
        assert_eq!(name_and_version(""), None);
    }
}
