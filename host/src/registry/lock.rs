//! `registry.lock`: each library's digest and API version, as `host plugin add` or the build found them.

use super::Registry;
use crate::error::{Error, Result};
use crate::run::replace_file;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The lock file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    #[serde(default, rename = "plugin")]
    pub plugins: Vec<LockedPlugin>,
}

/// What is known of one library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedPlugin {
    /// The name in the registry.
    pub name: String,
    pub sha256: String,
    /// The plugin's own version.
    pub version: String,
    /// The version of plugin-api that it was built with.
    pub api: String,
    #[serde(default, rename = "component")]
    pub components: Vec<LockedComponent>,
}

/// A component of a plugin, so that names are resolved without opening a library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedComponent {
    pub kind: String,
    pub name: String,
    pub summary: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub model_types: Vec<String>,
    /// Where pip finds an asset; empty for others.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub python_package: String,
    /// The installed asset's file name in the folder of assets; empty for others.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
}

impl Lock {
    fn path(registry: &Registry) -> PathBuf {
        registry.path.with_extension("lock")
    }

    /// The lock beside the registry; an absent file is an empty lock.
    pub fn load(registry: &Registry) -> Result<Lock> {
        let path = Lock::path(registry);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Lock::default()),
            Err(error) => return Err(Error::io("read", &path, &error)),
        };
        toml::from_str(&text).map_err(|error| {
            Error::usage(format!("{} is damaged:\n{error}", path.display()))
                .help("delete it and run `host plugin add --all`")
        })
    }

    /// Writes the lock whole, plugins by name.
    pub fn save(&mut self, registry: &Registry) -> Result<()> {
        self.plugins.sort_by(|a, b| a.name.cmp(&b.name));
        let body = toml::to_string(self).map_err(|error| Error::failed(format!("cannot write the lock: {error}")))?;
        let text = format!("# Written by `host plugin add` and `cargo xtask build`; not for editing.\n\n{body}");
        replace_file(&Lock::path(registry), text.as_bytes())
    }

    /// The assets that a plugin registers and that are not in the folder of assets.
    pub fn missing_assets<'a>(
        &'a self,
        plugin: &str,
        folder: Option<&'a Path>,
    ) -> impl Iterator<Item = &'a LockedComponent> {
        let components = self.plugin(plugin).map_or(&[][..], |locked| &locked.components);
        components.iter().filter(move |component| {
            component.kind == "asset" && !folder.is_some_and(|folder| folder.join(&component.file).is_file())
        })
    }

    pub fn plugin(&self, name: &str) -> Option<&LockedPlugin> {
        self.plugins.iter().find(|plugin| plugin.name == name)
    }

    /// Puts a plugin in, or in the place of its earlier entry.
    pub fn set(&mut self, plugin: LockedPlugin) {
        self.plugins.retain(|other| other.name != plugin.name);
        self.plugins.push(plugin);
    }
}
