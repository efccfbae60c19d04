//! Opening plugin libraries: the digest, the file's form, the ABI layout, then components by name. What is wrong is said
//! precisely; nothing is ever unloaded.

mod complete;
mod components;
mod conformance;
mod encoder;
mod notices;
mod recommender;
mod training;

pub use components::{BatchScores, Captioner, Dataset, Metric};
pub use conformance::{CheckNews, Family, Finding, check};
pub use encoder::{Encoder, PreparedInputs};
pub use notices::{Notice, listen};
pub use recommender::Recommender;
pub use training::{LoraStrategy, PreparedBatch, Trainer};

use self::complete::check_complete;
use crate::error::{Error, Result};
use crate::registry::{Lock, LockedComponent, LockedPlugin, Registry};
use crate::run::file_digest;
use abi_stable::library::{LibraryError, RootModule, lib_header_from_path};
use abi_stable::std_types::RStr;
use plugin_api::abi::{NamedInterface, PluginRootRef};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Which library to open, and what it must be: all that a worker needs to know of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Library {
    /// The plugin's name in the registry.
    pub plugin: String,
    pub path: PathBuf,
    /// The digest of `registry.lock`; none only while a plugin is being added.
    pub sha256: Option<String>,
}

impl Library {
    /// The library of a registered plugin, with the digest that the lock demands.
    pub fn locked(registry: &Registry, lock: &Lock, plugin: &str) -> Result<Library> {
        let path = registry.library_path(plugin)?;
        let locked = lock.plugin(plugin).ok_or_else(|| {
            Error::usage(format!("plugin `{plugin}` is registered and its library was never added to registry.lock"))
                .help(format!("host plugin add {plugin}"))
        })?;
        Ok(Library { plugin: plugin.to_owned(), path, sha256: Some(locked.sha256.clone()) })
    }

    /// The file's digest, which must be the lock's.
    ///
    /// # Errors
    /// The file is absent or unreadable, or its digest is another.
    pub fn checked_digest(&self) -> Result<String> {
        let sha256 = file_digest(&self.path)?;
        match &self.sha256 {
            Some(expected) if *expected != sha256 => Err(Error::usage(format!(
                "plugin `{}` ({}): the library has changed: registry.lock has {}…, the file {}…",
                self.plugin,
                self.path.display(),
                &expected[..expected.len().min(12)],
                &sha256[..12]
            ))
            .help(format!("if you meant to change it: host plugin add {}", self.plugin))),
            _ => Ok(sha256),
        }
    }

    /// Opens the library.
    ///
    /// # Errors
    /// The file is absent or unreadable, its digest is not the lock's, it is no plugin, or it was built against another
    /// plugin-api.
    pub fn open(&self) -> Result<Plugin> {
        let refuse =
            |reason: String| Error::usage(format!("plugin `{}` ({}): {reason}", self.plugin, self.path.display()));
        let sha256 = self.checked_digest()?;
        check_complete(&self.path).map_err(|reason| {
            refuse(format!("the file is not a library that can be opened: {reason}"))
                .help("is it complete, and built for this machine?")
        })?;
        open_as_plain_library(&self.path).map_err(|reason| {
            refuse(format!("the file is not a library that can be opened: {reason}"))
                .help("is it complete, and built for this machine?")
        })?;
        let header = lib_header_from_path(&self.path).map_err(|error| match error {
            LibraryError::GetSymbolError { .. } => refuse("it is a library, but no Lookbook plugin".to_owned())
                .help("its crate needs `plugin_api::export_plugin!();` (see docs/plugin-author.md)"),
            LibraryError::OpenError { err, .. } => refuse(format!("it cannot be opened: {err}")),
            error => not_of_this_api(&refuse, None, &error),
        })?;
        let version = header.version_strings().version.as_str();
        let root = header
            .init_root_module::<PluginRootRef>()
            .map_err(|error| not_of_this_api(&refuse, Some(version), &error))?;
        Ok(Plugin { library: Library { sha256: Some(sha256), ..self.clone() }, root })
    }
}

/// An open plugin.
pub struct Plugin {
    library: Library,
    root: PluginRootRef,
}

impl Plugin {
    /// What `registry.lock` says of it.
    pub fn locked(&self) -> LockedPlugin {
        let package = (self.root.package())();
        LockedPlugin {
            name: self.library.plugin.clone(),
            sha256: self.library.sha256.clone().unwrap_or_default(),
            version: package.version.into_string(),
            api: package.api_version.into_string(),
            components: (self.root.components())()
                .into_iter()
                .map(|component| {
                    let detail: Detail = serde_json::from_str(&component.detail).unwrap_or_default();
                    LockedComponent {
                        kind: component.kind.into_string(),
                        name: component.name.into_string(),
                        summary: component.summary.into_string(),
                        model_types: detail.model_types,
                        python_package: detail.python_package,
                        file: detail.file,
                    }
                })
                .collect(),
        }
    }

    /// The table of functions of that interface.
    fn interface<T: NamedInterface>(&self) -> Result<&'static T> {
        let plugin = &self.library.plugin;
        let interface = (self.root.interface())(RStr::from_str(T::NAME)).into_option().ok_or_else(|| {
            Error::usage(format!("plugin `{plugin}` does not offer the interface {}", T::NAME))
                .help("it was built with an older plugin-api; rebuild it")
        })?;
        interface.cast().map_err(|differences| {
            Error::usage(format!(
                "plugin `{plugin}` was built with another form of the interface {}\n{}",
                T::NAME,
                difference(&differences)
            ))
            .help("rebuild it against this host's plugin-api")
        })
    }
}

#[derive(Default, Deserialize)]
struct Detail {
    #[serde(default)]
    model_types: Vec<String>,
    #[serde(default)]
    python_package: String,
    #[serde(default)]
    file: String,
}

/// Opens with the loader's own words for what is wrong. All symbols are bound now, none is shared, and the library stays: code of
/// an unloaded library could still be called by a thread or a destructor.
fn open_as_plain_library(path: &Path) -> std::result::Result<(), String> {
    #[cfg(unix)]
    {
        use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
        #[cfg(target_os = "linux")]
        const STAYS: i32 = libc::RTLD_NODELETE;
        #[cfg(not(target_os = "linux"))]
        const STAYS: i32 = 0;
        // SAFETY: opening runs the library's initialisers. Its digest is the one that the user accepted with `host plugin add`.
        let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL | STAYS) };
        library.map(std::mem::forget).map_err(|error| error.to_string())
    }
    #[cfg(not(unix))]
    {
        // SAFETY: as above.
        let library = unsafe { libloading::Library::new(path) };
        library.map(std::mem::forget).map_err(|error| error.to_string())
    }
}

/// Why a plugin that was built against another plugin-api is refused: by the two versions where those do not go together, else by what
/// differs.
fn not_of_this_api(refuse: &dyn Fn(String) -> Error, version: Option<&str>, error: &LibraryError) -> Error {
    if let LibraryError::RootModule { .. } = error {
        return refuse(difference(&error.to_string()));
    }
    let ours = PluginRootRef::VERSION_STRINGS.version.as_str();
    let refused = match version.filter(|version| abi_version(version) != abi_version(ours)) {
        Some(theirs) => {
            refuse(format!("it was built against another plugin-api: its version is {theirs}, and this host's {ours}"))
        }
        None => refuse(format!("it was built against another plugin-api\n{}", difference(&error.to_string()))),
    };
    refused.help("rebuild it against this host's plugin-api")
}

/// What of a version must be equal: the major part, and below 1 the minor one too.
fn abi_version(version: &str) -> (&str, &str) {
    let (major, rest) = version.split_once('.').unwrap_or((version, ""));
    (major, if major == "0" { rest.split('.').next().unwrap_or_default() } else { "" })
}

/// abi_stable's reports run to hundreds of lines, the two types in full before the first difference: what a person can use begins there.
fn difference(report: &str) -> String {
    let lines: Vec<&str> = report.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()).collect();
    let first = lines.iter().position(|line| line.starts_with("Error:") || line.starts_with("Extra:")).unwrap_or(0);
    format!("  {}", lines[first..].iter().take(12).copied().collect::<Vec<_>>().join("\n  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_begins_with_its_first_difference() {
        let types = (0..40).map(|line| format!("    field {line}\n")).collect::<String>();
        let report =
            format!("Compared <this>:\n{types}\n1 error(s).\n\nError:incompatible type size\nExpected:\n    8\n");
        assert_eq!(difference(&report), "  Error:incompatible type size\n  Expected:\n      8");
        assert_eq!(difference("no such line"), "  no such line");
    }

    #[test]
    fn versions_go_together_by_their_first_part_that_is_not_zero() {
        assert_eq!(abi_version("0.1.0"), abi_version("0.1.7"));
        assert_ne!(abi_version("0.1.0"), abi_version("0.2.0"));
        assert_ne!(abi_version("0.1.0"), abi_version("1.1.0"));
        assert_eq!(abi_version("1.1.0"), abi_version("1.2.0"));
    }
}
