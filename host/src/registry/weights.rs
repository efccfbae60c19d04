//! Where a model's weights are, whether they are present, and their digest.

use super::{ModelEntry, Registry};
use crate::error::{Error, Result};
use crate::run::{add_to_digest, hex};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// A model's weights, as the registry names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weights {
    /// A directory, present or not.
    Directory(PathBuf),
    /// A repository of the Hugging Face hub: its snapshot in the local cache, once it has been pulled.
    Hub { repository: String, snapshot: Option<PathBuf>, name: String },
}

impl Weights {
    /// Resolves a registry entry's `weights`.
    pub fn of(registry: &Registry, entry: &ModelEntry) -> Weights {
        Weights::named(registry, &entry.weights, entry.revision.as_deref())
    }

    /// The same of an entry of any kind.
    pub fn named(registry: &Registry, weights: &str, revision: Option<&str>) -> Weights {
        match weights.strip_prefix("hf:") {
            None => Weights::Directory(registry.dir().join(weights)),
            Some(repository) => Weights::Hub {
                repository: repository.to_owned(),
                snapshot: snapshot(repository, revision.unwrap_or("main")),
                // Any entry of these weights pulls them.
                name: (registry.models().iter())
                    .map(|(name, other)| (name, &other.weights, &other.revision))
                    .chain(registry.encoders().iter().map(|(name, other)| (name, &other.weights, &other.revision)))
                    .find(|(_, other, at)| *other == weights && at.as_deref() == revision)
                    .map_or_else(|| repository.to_owned(), |(name, ..)| name.clone()),
            },
        }
    }

    /// The directory, if the weights are there.
    pub fn present(&self) -> Option<&Path> {
        let path = match self {
            Weights::Directory(path) => path,
            Weights::Hub { snapshot, .. } => snapshot.as_ref()?,
        };
        // torchvision's models have no configuration.
        ["config.json", "model.safetensors"].iter().any(|file| path.join(file).is_file()).then_some(path)
    }

    /// How to get them.
    pub fn how_to_get(&self) -> String {
        match self {
            Weights::Directory(path) => format!("put a Hugging Face directory at {}", path.display()),
            Weights::Hub { name, .. } => format!("host models pull {name}"),
        }
    }
}

/// The folder of the hub's clients: `$HF_HOME`, else `~/.cache/huggingface`.
pub fn hub_home() -> Option<PathBuf> {
    match std::env::var_os("HF_HOME") {
        Some(home) => Some(PathBuf::from(home)),
        None => Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/huggingface")),
    }
}

/// Where the hub's clients keep a repository: `$HF_HOME/hub/models--OWNER--NAME/snapshots/COMMIT`.
fn snapshot(repository: &str, revision: &str) -> Option<PathBuf> {
    let folder = hub_home()?.join("hub").join(format!("models--{}", repository.replace('/', "--")));
    let commit = std::fs::read_to_string(folder.join("refs").join(revision)).map(|text| text.trim().to_owned());
    let snapshot = folder.join("snapshots").join(commit.unwrap_or_else(|_| revision.to_owned()));
    snapshot.is_dir().then_some(snapshot)
}

/// The bytes of a checkpoint's safetensors; 0 where there are none.
pub fn weights_bytes(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let tensors = entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "safetensors"));
    // The hub's cache holds links: the size is the target's.
    tensors.filter_map(|entry| std::fs::metadata(entry.path()).ok()).map(|file| file.len()).sum()
}

/// SHA-256 over the names and contents of the files that make a checkpoint or adapter (JSON, safetensors, tokenizer models), in
/// the order of their names.
pub fn weights_digest(directory: &Path) -> Result<String> {
    let entries = std::fs::read_dir(directory).map_err(|error| Error::io("read the weights in", directory, &error))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|end| ["json", "safetensors", "model", "txt"].iter().any(|known| end == *known))
        })
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    // The trials of a sweep have one model, whose weights take a minute to read.
    static KNOWN: Mutex<BTreeMap<Vec<FileState>, String>> = Mutex::new(BTreeMap::new());
    let state: Vec<FileState> = files.iter().map(|path| state_of(path)).collect::<Result<_>>()?;
    if let Some(known) = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(&state) {
        return Ok(known.clone());
    }
    let mut digest = Sha256::new();
    for path in files {
        digest.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        digest.update([0]);
        add_to_digest(&mut digest, &path)?;
    }
    let digest = hex(&digest.finalize());
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(state, digest.clone());
    Ok(digest)
}

/// A file's path, size and time: while none of them changes, this process need not read it again.
type FileState = (PathBuf, u64, Option<SystemTime>);

fn state_of(path: &Path) -> Result<FileState> {
    let metadata = std::fs::metadata(path).map_err(|error| Error::io("read", path, &error))?;
    Ok((path.to_owned(), metadata.len(), metadata.modified().ok()))
}
