//! What a worker needs to open a dataset: the vendor's files, or their prepared form where there is one.

use super::json_settings;
use crate::error::{Error, Result};
use crate::loader::Library;
use crate::prepare::{Prepared, files::MANIFEST};
use crate::registry::{Lock, Registry};
use crate::worker::ComponentSpec;
use plugin_api::abi::messages::DatasetMessage;
use std::path::{Path, PathBuf};

/// What a worker needs to open a registered dataset.
pub fn dataset_spec(registry: &Registry, lock: &Lock, name: &str) -> Result<ComponentSpec<DatasetMessage>> {
    let entry = registry.dataset(name)?;
    let root = registry.dir().join(&entry.root);
    if !root.is_dir() {
        return Err(Error::usage(format!(
            "{}: the folder of dataset `{name}` is not at {}",
            registry.place("datasets", name),
            root.display()
        ))
        .help("put the vendor's files there or correct `root`; `host demo` makes a sample catalogue"));
    }
    Ok(ComponentSpec {
        library: Library::locked(registry, lock, &entry.plugin)?,
        component: entry.component.clone(),
        entry: name.to_owned(),
        message: DatasetMessage { root, settings: json_settings(&entry.settings)? },
    })
}

/// The folder where a dataset's prepared form is or would be: the registry's `prepared`, else `prepared/NAME` beside it.
pub fn prepared_folder(registry: &Registry, name: &str) -> Result<PathBuf> {
    let folder = registry.dataset(name)?.prepared.as_ref().map(PathBuf::from);
    Ok(registry.dir().join(folder.unwrap_or_else(|| Path::new("prepared").join(name))))
}

/// The dataset's prepared form. One that the registry names must be there.
pub fn prepared(registry: &Registry, name: &str) -> Result<Option<Prepared>> {
    let folder = prepared_folder(registry, name)?;
    let named = registry.dataset(name)?.prepared.is_some();
    if !named && !folder.join(MANIFEST).is_file() {
        return Ok(None);
    }
    let opened = Prepared::open(&folder).map_err(|error| error.context(registry.place("datasets", name)))?;
    match opened.manifest.dataset == name {
        true => Ok(Some(opened)),
        false => Err(Error::usage(format!(
            "{}: {} holds the dataset `{}`",
            registry.place("datasets", name),
            folder.display(),
            opened.manifest.dataset
        ))
        .help("correct `prepared`")),
    }
}

/// The folder of a dataset's split files: the registry's, else `splits` in its root.
pub fn dataset_entry_splits(registry: &Registry, name: &str, root: &Path) -> Result<Option<PathBuf>> {
    Ok(match &registry.dataset(name)?.splits {
        Some(folder) => Some(registry.dir().join(folder)),
        None => Some(root.join("splits")).filter(|folder| folder.is_dir()),
    })
}

/// What a worker needs to find a prepared dataset's images: the vendor's files, where they were prepared, as they were.
pub fn prepared_spec(
    registry: &Registry,
    lock: &Lock,
    name: &str,
    prepared: &Prepared,
) -> Result<ComponentSpec<DatasetMessage>> {
    let entry = registry.dataset(name)?;
    let root = prepared.manifest.root.clone();
    let packed = prepared.manifest.steps.contains_key("pack");
    if root.is_dir() {
        prepared.check_source(&root)?;
    } else if !packed {
        return Err(Error::usage(format!(
            "dataset `{name}` was prepared from {}, which is not there; its images are",
            root.display()
        ))
        .help(format!("bring the folder back, or prepare it where it is: host prepare {name} --source DIR")));
    }
    Ok(ComponentSpec {
        library: Library::locked(registry, lock, &entry.plugin)?,
        component: entry.component.clone(),
        entry: name.to_owned(),
        message: DatasetMessage { root, settings: json_settings(&entry.settings)? },
    })
}
