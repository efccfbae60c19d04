//! Models with adapters: those that the registry gives short names, and those that a command line adds.

use super::{AdapterEntry, AdapterForDataset, ModelEntry, Registry, unknown_name};
use crate::error::{Error, Result};
use indexmap::IndexMap;
use std::path::{Path, PathBuf};

impl Registry {
    /// Makes a model `NAME+SHORT` of every adapter, behind the model that it belongs to.
    pub(super) fn expand_adapters(&mut self) -> Result<()> {
        let mut models = IndexMap::new();
        for (name, entry) in std::mem::take(&mut self.file.models) {
            let adapters = entry.adapters.clone();
            if entry.adapter.is_some() && !adapters.is_empty() {
                return Err(Error::usage(format!(
                    "{}: it has both `adapter` and `adapters`",
                    self.place("models", &name)
                ))
                .help("`adapters` are for the model without one"));
            }
            let base = ModelEntry { adapters: IndexMap::new(), ..entry };
            models.insert(name.clone(), base.clone());
            for (short, adapter) in adapters {
                let (path, only) = match adapter {
                    AdapterEntry::Folder(path) => (path, None),
                    AdapterEntry::ForDataset(AdapterForDataset { path, dataset }) => (path, Some(dataset)),
                };
                if let Some(dataset) = only.as_ref().filter(|dataset| !self.file.datasets.contains_key(*dataset)) {
                    let unknown = unknown_name("dataset", dataset, self.file.datasets.keys());
                    return Err(unknown.context(self.place("models", &name)));
                }
                models.insert(format!("{name}+{short}"), ModelEntry { adapter: Some(path), only, ..base.clone() });
            }
        }
        self.file.models = models;
        Ok(())
    }

    /// Adds a model that is one of the registry with an adapter from elsewhere, and gives its name: `NAME+FOLDER`, where a
    /// folder `adapter` has the name of the training that it lies in.
    pub fn adapted(&mut self, name: &str, folder: &Path) -> Result<String> {
        let entry = self.model(name)?.clone();
        if entry.adapter.is_some() {
            return Err(Error::usage(format!("`{name}` has an adapter already"))
                .help("name the model without it; two adapters cannot be in use at once"));
        }
        let folder = std::path::absolute(folder).map_err(|error| Error::io("find", folder, &error))?;
        let named = if folder.ends_with("adapter") { folder.parent().unwrap_or(&folder) } else { &folder };
        let short = named.file_name().unwrap_or_default().to_string_lossy().replace(['+', '/', '\\'], "-");
        let adapted = format!("{name}+{short}");
        let adapter = Some(folder.display().to_string());
        self.file.models.insert(adapted.clone(), ModelEntry { adapter, ..entry });
        self.check_names()?;
        Ok(adapted)
    }

    /// A model's adapter, if it has one.
    ///
    /// # Errors
    /// There is no PEFT adapter at its place.
    pub fn adapter_of(&self, name: &str, entry: &ModelEntry) -> Result<Option<PathBuf>> {
        let Some(adapter) = &entry.adapter else { return Ok(None) };
        let folder = self.dir().join(adapter);
        match folder.join("adapter_config.json").is_file() {
            true => Ok(Some(folder)),
            false => Err(Error::usage(format!("the adapter of `{name}` is not at {}", folder.display()))
                .help("a PEFT adapter is a folder with adapter_config.json; `host train` makes one")),
        }
    }
}
