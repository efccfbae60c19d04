//! `registry.toml`: which plugins, models, datasets and metrics there are. People write it; `registry.lock` (see `lock`) is
//! written by the host. Nothing here opens a library.

mod adapters;
mod entries;
mod lock;
mod names;
mod weights;

pub use entries::{
    AdapterEntry, AdapterForDataset, DatasetEntry, EncoderEntry, InteractionsEntry, MetricEntry, ModelEntry,
    PluginEntry, RecommenderEntry,
};
pub use lock::{Lock, LockedComponent, LockedPlugin};
pub use names::{near_miss, nearest_or_list, unknown_name};
pub use weights::{Weights, hub_home, weights_bytes, weights_digest};

use crate::energy::EnergyEntry;
use crate::error::{Error, Result};
use crate::run::replace_file;
use indexmap::IndexMap;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The manifest as read, with where it lies.
#[derive(Debug)]
pub struct Registry {
    /// The file itself.
    pub path: PathBuf,
    text: String,
    file: File,
    plugin_dir: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    plugins: IndexMap<String, PluginEntry>,
    models: IndexMap<String, ModelEntry>,
    encoders: IndexMap<String, EncoderEntry>,
    datasets: IndexMap<String, DatasetEntry>,
    metrics: IndexMap<String, MetricEntry>,
    energy: EnergyEntry,
    recommenders: IndexMap<String, RecommenderEntry>,
    submit: crate::submit::SubmitDefaults,
}

impl Registry {
    /// Reads the registry at `path`, or the one found upwards of the working directory or beside the program.
    pub fn load(path: Option<&Path>, plugin_dir: Option<&Path>) -> Result<Registry> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => find()?,
        };
        let text = std::fs::read_to_string(&path).map_err(|error| {
            Error::usage(Error::io("read the registry", &path, &error).message)
                .help("give its place with --registry FILE")
        })?;
        Registry::parse(path, text, plugin_dir)
    }

    fn parse(path: PathBuf, text: String, plugin_dir: Option<&Path>) -> Result<Registry> {
        let file: File = toml::from_str(&text).map_err(|error| {
            Error::usage(format!("{} is not a valid registry:\n{error}", path.display()))
                .help("docs/architecture.md shows what a registry holds")
        })?;
        let mut registry = Registry { path, text, file, plugin_dir: plugin_dir.map(Path::to_owned) };
        registry.expand_adapters()?;
        registry.check_names()?;
        registry.check_plugins_exist()?;
        registry.file.energy.check().map_err(|error| error.context(registry.path.display()))?;
        Ok(registry)
    }

    /// Writes more entries at the file's end, and gives the registry with them.
    ///
    /// # Errors
    /// The file would be no registry any more, and is left as it is; or it cannot be written.
    pub fn append(&self, entries: &str) -> Result<Registry> {
        let separator = if self.text.is_empty() || self.text.ends_with('\n') { "\n" } else { "\n\n" };
        let text = format!("{}{separator}{entries}", self.text);
        let registry = Registry::parse(self.path.clone(), text, self.plugin_dir.as_deref())?;
        replace_file(&self.path, registry.text.as_bytes())?;
        Ok(registry)
    }

    /// The folder that relative paths in the registry start from.
    pub fn dir(&self) -> &Path {
        match self.path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir,
            _ => Path::new("."),
        }
    }

    pub fn plugins(&self) -> &IndexMap<String, PluginEntry> {
        &self.file.plugins
    }

    pub fn models(&self) -> &IndexMap<String, ModelEntry> {
        &self.file.models
    }

    pub fn encoders(&self) -> &IndexMap<String, EncoderEntry> {
        &self.file.encoders
    }

    pub fn datasets(&self) -> &IndexMap<String, DatasetEntry> {
        &self.file.datasets
    }

    pub fn metrics(&self) -> &IndexMap<String, MetricEntry> {
        &self.file.metrics
    }

    /// The entries of a section that name a plugin's component: name, plugin, component.
    pub fn entries_of(&self, section: &str) -> Vec<(&str, &str, Option<&str>)> {
        macro_rules! listed {
            ($section:ident) => {
                (self.file.$section.iter())
                    .map(|(name, entry)| (name.as_str(), entry.plugin.as_str(), entry.component.as_deref()))
                    .collect()
            };
        }
        match section {
            "models" => listed!(models),
            "encoders" => listed!(encoders),
            "datasets" => listed!(datasets),
            "metrics" => listed!(metrics),
            "recommenders" => listed!(recommenders),
            _ => Vec::new(),
        }
    }

    pub fn energy(&self) -> &EnergyEntry {
        &self.file.energy
    }

    pub fn recommender(&self, name: &str) -> Result<&RecommenderEntry> {
        self.file.recommenders.get(name).ok_or_else(|| unknown_name("recommender", name, self.file.recommenders.keys()))
    }

    /// What `host submit` takes where no flag says otherwise.
    pub fn submit_defaults(&self) -> &crate::submit::SubmitDefaults {
        &self.file.submit
    }

    pub fn model(&self, name: &str) -> Result<&ModelEntry> {
        self.file.models.get(name).ok_or_else(|| unknown_name("model", name, self.file.models.keys()))
    }

    pub fn dataset(&self, name: &str) -> Result<&DatasetEntry> {
        self.file.datasets.get(name).ok_or_else(|| unknown_name("dataset", name, self.file.datasets.keys()))
    }

    /// The metric families for requested names: `all`, a family (`bleu`), or one of its values (`bleu-4`, found by the family's
    /// name before a dash). Each family once, in the order of the request, with the values asked for (empty: all of them).
    pub fn metric_families(&self, requested: &[String]) -> Result<Vec<(String, Vec<String>)>> {
        let mut families: IndexMap<String, Vec<String>> = IndexMap::new();
        for name in requested {
            if name == "all" {
                for family in self.file.metrics.keys() {
                    families.insert(family.clone(), Vec::new());
                }
                continue;
            }
            if self.file.metrics.contains_key(name) {
                families.insert(name.clone(), Vec::new());
                continue;
            }
            let family = self
                .file
                .metrics
                .keys()
                .filter(|family| name.strip_prefix(family.as_str()).is_some_and(|rest| rest.starts_with('-')));
            let Some(family) = family.max_by_key(|family| family.len()) else {
                return Err(unknown_name("metric", name, self.file.metrics.keys()));
            };
            match families.entry(family.clone()) {
                indexmap::map::Entry::Vacant(entry) => {
                    entry.insert(vec![name.clone()]);
                }
                indexmap::map::Entry::Occupied(mut entry) if !entry.get().is_empty() => {
                    entry.get_mut().push(name.clone())
                }
                indexmap::map::Entry::Occupied(_) => {}
            }
        }
        Ok(families.into_iter().collect())
    }

    /// The file of a plugin's library: a path as given, or `lib<name>.so` in `--plugin-dir` or beside the program.
    pub fn library_path(&self, plugin: &str) -> Result<PathBuf> {
        let entry =
            self.file.plugins.get(plugin).ok_or_else(|| unknown_name("plugin", plugin, self.file.plugins.keys()))?;
        if entry.library.contains(['/', '\\']) {
            let path = self.dir().join(&entry.library);
            return if path.is_file() {
                Ok(path)
            } else {
                Err(Error::usage(format!(
                    "{}: the library of plugin `{plugin}` is not at {}",
                    self.place("plugins", plugin),
                    path.display()
                ))
                .help("build it, or correct the path"))
            };
        }
        let file = format!("{}{}{}", std::env::consts::DLL_PREFIX, entry.library, std::env::consts::DLL_SUFFIX);
        let beside = std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
        let places: Vec<PathBuf> = self.plugin_dir.iter().cloned().chain(beside).collect();
        places.iter().map(|place| place.join(&file)).find(|path| path.is_file()).ok_or_else(|| {
            let tried = places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(" or ");
            Error::usage(format!(
                "{}: there is no {file} for plugin `{plugin}` in {tried}",
                self.place("plugins", plugin)
            ))
            .help("build the plugins with `cargo xtask build`, or name their folder with --plugin-dir DIR")
        })
    }

    /// `registry.toml:12`, for messages about an entry.
    pub fn place(&self, table: &str, name: &str) -> String {
        let plain = format!("[{table}.{name}]");
        let quoted = format!("[{table}.\"{name}\"]");
        let line = self.text.lines().position(|line| {
            let line = line.trim();
            line.starts_with(&plain) || line.starts_with(&quoted)
        });
        match line {
            // A model that the adapters of another made.
            None if name.contains('+') => self.place(table, name.rsplit_once('+').map_or("", |(base, _)| base)),
            Some(line) => format!("{}:{}", self.path.display(), line + 1),
            None => self.path.display().to_string(),
        }
    }

    /// Models, encoders, datasets and metrics give their names to files of a run.
    fn check_names(&self) -> Result<()> {
        let names = (self.file.models.keys().map(|name| ("models", name)))
            .chain(self.file.encoders.keys().map(|name| ("encoders", name)))
            .chain(self.file.datasets.keys().map(|name| ("datasets", name)))
            .chain(self.file.metrics.keys().map(|name| ("metrics", name)));
        for (table, name) in names {
            let fits = |letter: char| letter.is_alphanumeric() || "._-+@ ".contains(letter);
            if name.is_empty() || name == "all" || name.starts_with(['.', ' ']) || !name.chars().all(fits) {
                return Err(Error::usage(format!("{}: `{name}` is no name for an entry", self.place(table, name)))
                    .help("use letters, digits, dashes, dots and the like; `all` stands for every entry"));
            }
        }
        Ok(())
    }

    fn check_plugins_exist(&self) -> Result<()> {
        let uses = (self.file.models.iter().map(|(name, entry)| ("models", name, &entry.plugin)))
            .chain(self.file.encoders.iter().map(|(name, entry)| ("encoders", name, &entry.plugin)))
            .chain(self.file.datasets.iter().map(|(name, entry)| ("datasets", name, &entry.plugin)))
            .chain(self.file.metrics.iter().map(|(name, entry)| ("metrics", name, &entry.plugin)))
            .chain(self.file.recommenders.iter().map(|(name, entry)| ("recommenders", name, &entry.plugin)));
        for (table, name, plugin) in uses {
            if !self.file.plugins.contains_key(plugin) {
                return Err(unknown_name("plugin", plugin, self.file.plugins.keys()).context(self.place(table, name)));
            }
        }
        Ok(())
    }
}

/// The registry of the working directory or one above it, else of the program's folder or one above it.
fn find() -> Result<PathBuf> {
    let here = std::env::current_dir().unwrap_or_default();
    let program = std::env::current_exe().unwrap_or_default();
    here.ancestors()
        .chain(program.ancestors().skip(1))
        .map(|dir| dir.join("registry.toml"))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            Error::usage(format!("there is no registry.toml in {} or a folder above it", here.display()))
                .help("run in Lookbook's folder, or give its place with --registry FILE")
        })
}
