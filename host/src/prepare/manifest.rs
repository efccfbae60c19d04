//! `dataset.toml`: what a prepared dataset was made of, and how; and a prepared dataset's folder as others read it.

use super::files::{ITEMS, MANIFEST, PACK_INDEX};
use super::options::PrepareOptions;
use super::pack::PackIndex;
use super::source::{SourceFile, changes};
use crate::error::{Error, Result};
use crate::run::{file_digest, replace_file};
use plugin_api::Item;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// The form of the folder; it changes when an older host could not read a newer folder.
pub const FORMAT: u32 = 1;

/// The contents of `dataset.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// The name in the registry.
    pub dataset: String,
    pub plugin: String,
    pub plugin_sha256: String,
    pub host_version: String,
    pub seed: u64,
    /// The vendor's folder.
    pub root: PathBuf,
    /// The folder of the split files, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub splits: Option<PathBuf>,
    /// The plugin's own options.
    #[serde(default)]
    pub settings: toml::Table,
    pub options: PrepareOptions,
    pub counts: Counts,
    #[serde(rename = "source")]
    pub sources: Vec<SourceFile>,
    /// By the step's name.
    #[serde(default, rename = "step")]
    pub steps: BTreeMap<String, MadeStep>,
}

/// Items at each step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// What the vendor's files hold.
    pub records: usize,
    pub with_description: usize,
    pub with_image: usize,
    /// Readable and not a duplicate, too.
    pub usable: usize,
    /// Of a category to keep, too.
    pub of_category: usize,
    /// In a split, too: the prepared dataset.
    pub kept: usize,
    pub categories: usize,
    pub splits: SplitCounts,
}

/// Items in each split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitCounts {
    pub train: usize,
    pub validation: usize,
    pub test: usize,
}

/// What a step was made from, and its files with their digests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeStep {
    pub from: String,
    pub files: BTreeMap<String, String>,
}

impl MadeStep {
    /// Are the files there and as they were written?
    pub fn is_whole(&self, folder: &Path) -> bool {
        self.files.iter().all(|(name, sha256)| {
            let path = folder.join(name);
            path.is_file() && file_digest(&path).is_ok_and(|found| found == *sha256)
        })
    }
}

impl Manifest {
    /// The folder's manifest; none if there is none yet.
    pub fn read(folder: &Path) -> Result<Option<Manifest>> {
        let path = folder.join(MANIFEST);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path, &error)),
        };
        let damaged = |reason: String| {
            Error::usage(format!("{} is not a prepared dataset: {reason}", path.display()))
                .help("delete the folder and run `host prepare` again")
        };
        let manifest: Manifest = toml::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        match manifest.format {
            FORMAT => Ok(Some(manifest)),
            other => Err(damaged(format!("its format is {other}, and this host reads {FORMAT}"))),
        }
    }

    pub fn write(&self, folder: &Path) -> Result<()> {
        let body = toml::to_string(self).map_err(|error| Error::failed(format!("cannot write {MANIFEST}: {error}")))?;
        let text = format!("# Written by `host prepare`; not for editing.\n\n{body}");
        replace_file(&folder.join(MANIFEST), text.as_bytes())
    }
}

/// A prepared dataset.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub folder: PathBuf,
    pub manifest: Manifest,
}

impl Prepared {
    /// Opens a folder that `host prepare` has made.
    pub fn open(folder: &Path) -> Result<Prepared> {
        let manifest = Manifest::read(folder)?.ok_or_else(|| {
            Error::usage(format!("there is no prepared dataset at {}", folder.display()))
                .help("run `host prepare DATASET`, or correct `prepared` in the registry")
        })?;
        Ok(Prepared { folder: folder.to_owned(), manifest })
    }

    /// Makes sure that the vendor's files are those that were prepared.
    pub fn check_source(&self, root: &Path) -> Result<()> {
        let manifest = &self.manifest;
        refuse_changes(&manifest.dataset, &changes(root, manifest.splits.as_deref(), &manifest.sources)?)
    }

    /// What the whole folder is: the digest of its items.
    pub fn items_sha256(&self) -> &str {
        let made = self.manifest.steps.values().find_map(|step| step.files.get(ITEMS));
        made.map_or("", String::as_str)
    }

    /// The items, one after the other, in the vendor's order.
    pub fn items(&self) -> Result<impl Iterator<Item = Result<Item>> + use<>> {
        let path = self.folder.join(ITEMS);
        let file = File::open(&path).map_err(|error| Error::io("read", &path, &error))?;
        let lines = BufReader::with_capacity(1 << 16, file).lines().enumerate();
        Ok(lines.map(move |(number, line)| {
            let line = line.map_err(|error| Error::io("read", &path, &error))?;
            serde_json::from_str(&line).map_err(|error| {
                Error::failed(format!("{}:{}: not an item: {error}", path.display(), number + 1))
                    .help("the file was changed after it was prepared; run `host prepare` again")
            })
        }))
    }

    /// Where the images are, if they were packed.
    pub fn pack(&self) -> Result<Option<PackIndex>> {
        match self.folder.join(PACK_INDEX).is_file() {
            true => PackIndex::read(&self.folder).map(Some),
            false => Ok(None),
        }
    }
}

/// The error of a source that has changed.
pub fn refuse_changes(dataset: &str, changed: &[String]) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let mut shown: Vec<String> = changed.iter().take(10).map(|line| format!("    {line}")).collect();
    if changed.len() > shown.len() {
        shown.push(format!("    … and {} more", changed.len() - shown.len()));
    }
    Err(Error::usage(format!("the files of `{dataset}` have changed since it was prepared:\n{}", shown.join("\n")))
        .help(format!("to prepare it anew: host prepare {dataset} --force")))
}
