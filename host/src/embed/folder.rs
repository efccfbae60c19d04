//! What lies in a folder of features, finished and unfinished.
//!
//! ```text
//! features.npy ids.txt    the matrix [items, width], and an id a line; or ID.npy for each item
//! failed.jsonl            items without features, and why
//! embed.json              what the features are and were made of
//! unfinished/             until it is done: the items, the journal of batches, the matrix so far
//! ```

use super::captions::CaptionSource;
use super::npy;
use crate::error::{Error, Result};
use crate::run::{Journal, create_folder, differences, replace_file, sync_folder};
use crate::worker::EmbedResult;
use plugin_api::{EmbeddingSpace, Item};
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

pub const FEATURES: &str = "features.npy";
pub const IDS: &str = "ids.txt";
pub const MANIFEST: &str = "embed.json";
const FORMAT: u32 = 1;

/// How rows are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// One matrix, with the ids in a file beside it
    Matrix,
    /// A file an item, by its id
    Files,
}

/// All that decides the features. A rerun must have the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub model: String,
    pub plugin: String,
    pub plugin_version: String,
    pub plugin_sha256: String,
    /// As in the registry.
    pub weights: String,
    pub weights_sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub settings: toml::Table,
    /// The device asked for.
    pub device: String,
    pub dataset: String,
    /// As in the registry.
    #[serde(default)]
    pub dataset_root: String,
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub dataset_settings: toml::Table,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepared_sha256: Option<String>,
    pub split: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Whose captions stand in for missing descriptions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captions: Option<CaptionSource>,
    pub layout: Layout,
}

/// What became of the items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub items: usize,
    pub embedded: usize,
    pub failed: usize,
    /// Texts that were longer than the model reads.
    pub truncated: usize,
    /// Captions in the places of missing descriptions, where captions were given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<usize>,
}

/// `embed.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    #[serde(flatten)]
    pub plan: Plan,
    pub space: EmbeddingSpace,
    /// Numbers a row: the product of the space's shape.
    pub width: usize,
    pub architecture: String,
    /// The device that it ran on, and its number format.
    pub ran_on: String,
    pub precision: String,
    pub complete: bool,
    #[serde(flatten)]
    pub counts: Counts,
}

impl Manifest {
    pub fn new(plan: Plan, space: EmbeddingSpace, description: &plugin_api::EncoderDescription) -> Manifest {
        Manifest {
            format: FORMAT,
            plan,
            width: space.width(),
            space,
            architecture: description.architecture.clone(),
            ran_on: description.device.clone(),
            precision: description.precision.clone(),
            complete: false,
            counts: Counts::default(),
        }
    }
}

/// An item without features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedItem {
    pub id: String,
    pub error: String,
}

/// A folder of features.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(path: &Path) -> Folder {
        Folder(path.to_owned())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    fn unfinished(&self) -> PathBuf {
        self.0.join("unfinished")
    }

    pub fn items_file(&self) -> PathBuf {
        self.unfinished().join("items.jsonl")
    }

    /// Records of the dataset that are no items.
    pub fn dropped_file(&self) -> PathBuf {
        self.0.join("dropped.jsonl")
    }

    /// The rows so far, behind the room for a header.
    pub fn rows_file(&self) -> PathBuf {
        self.unfinished().join(FEATURES)
    }

    pub fn failed_file(&self) -> PathBuf {
        self.0.join("failed.jsonl")
    }

    fn manifest_file(&self) -> PathBuf {
        self.0.join(MANIFEST)
    }

    /// What stands in `embed.json`, if there is one.
    pub fn manifest(&self) -> Result<Option<Manifest>> {
        let path = self.manifest_file();
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| {
                Error::usage(format!("{} is damaged: {error}", path.display()))
                    .help("delete the folder, or choose another with --out DIR")
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path, &error)),
        }
    }

    pub fn write_manifest(&self, manifest: &Manifest) -> Result<()> {
        let text = serde_json::to_string_pretty(manifest)
            .map_err(|error| Error::failed(format!("cannot write embed.json: {error}")))?;
        replace_file(&self.manifest_file(), (text + "\n").as_bytes())
    }

    /// An earlier command's plan must be this one's.
    pub fn refuse_other(&self, earlier: &Plan, now: &Plan) -> Result<()> {
        let table = |plan: &Plan| toml::Value::try_from(plan).unwrap_or(toml::Value::Boolean(false));
        let differences = differences(&table(earlier), &table(now));
        if differences.is_empty() {
            return Ok(());
        }
        let shown: Vec<String> = differences.iter().map(|line| format!("    {line}")).collect();
        Err(Error::usage(format!("{} holds other features:\n{}", self.0.display(), shown.join("\n")))
            .help("choose another folder with --out DIR, or give the earlier options"))
    }

    /// Is it done, and is what it says there?
    pub fn is_whole(&self, manifest: &Manifest) -> bool {
        let matrix = manifest.plan.layout == Layout::Files || self.0.join(FEATURES).is_file();
        manifest.complete && matrix && self.0.join(IDS).is_file()
    }

    /// Ids are lines of a file, and names of files where each item has its own.
    pub fn check_ids(&self, items: &[Item], layout: Layout) -> Result<()> {
        let unfit = |id: &str| match layout {
            Layout::Matrix => id.contains(['\n', '\r']),
            Layout::Files => id.is_empty() || id.starts_with('.') || id.contains(['\n', '\r', '/', '\\', '\0']),
        };
        match items.iter().find(|item| unfit(&item.id)) {
            None => Ok(()),
            Some(item) => Err(Error::usage(format!("the id {:?} cannot be the name of a file or a line", item.id))
                .help("with --layout matrix ids may hold anything but line breaks")),
        }
    }

    /// The batches that are done. A torn last line is dropped.
    pub fn journal(&self) -> Result<(Journal<Vec<EmbedResult>>, Vec<EmbedResult>)> {
        create_folder(&self.unfinished())?;
        let (journal, batches) = Journal::open(&self.unfinished().join("journal.jsonl"))?;
        Ok((journal, batches.into_iter().flatten().collect()))
    }

    /// Puts everything in its place. Every step may be repeated after a crash.
    pub fn finish(&self, mut manifest: Manifest, items: &[Item], results: &[EmbedResult]) -> Result<Manifest> {
        let (mut ids, mut failed) = (String::new(), String::new());
        for (item, result) in items.iter().zip(results) {
            match &result.error {
                None => ids += &format!("{}\n", item.id),
                Some(error) => {
                    let line = FailedItem { id: item.id.clone(), error: error.clone() };
                    failed += &(serde_json::to_string(&line).unwrap_or_default() + "\n");
                }
            }
            manifest.counts.failed += usize::from(result.error.is_some());
            manifest.counts.truncated += usize::from(result.truncated);
        }
        manifest.counts.items = items.len();
        manifest.counts.embedded = items.len() - manifest.counts.failed;
        if manifest.counts.failed > 0 {
            replace_file(&self.failed_file(), failed.as_bytes())?;
        }
        if manifest.plan.layout == Layout::Matrix {
            self.finish_matrix(manifest.counts.embedded, manifest.width)?;
        }
        replace_file(&self.0.join(IDS), ids.as_bytes())?;
        manifest.complete = true;
        self.write_manifest(&manifest)?;
        self.clear_unfinished();
        Ok(manifest)
    }

    /// Removes what only an unfinished folder needs. It harms nobody if it cannot be removed.
    pub fn clear_unfinished(&self) {
        let _ = std::fs::remove_dir_all(self.unfinished());
    }

    /// Removes what a command left that never came to write its plan.
    pub fn clear_begun(&self) {
        self.clear_unfinished();
        let _ = std::fs::remove_file(self.dropped_file());
    }

    fn finish_matrix(&self, rows: usize, width: usize) -> Result<()> {
        let (from, to) = (self.rows_file(), self.0.join(FEATURES));
        if !from.is_file() && to.is_file() {
            return Ok(());
        }
        let header = npy::header(&[rows, width])?;
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&from)?;
            file.set_len(npy::HEADER + (rows * width * 4) as u64)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&header)?;
            file.sync_all()?;
            std::fs::rename(&from, &to)
        };
        write().map_err(|error| Error::io("write", &to, &error))?;
        sync_folder(&self.0);
        Ok(())
    }
}
