//! Datasets: a vendor's own files, read as items.

use super::{Host, PluginError, Result, Settings};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// What a dataset is opened with.
#[derive(Clone)]
pub struct DatasetConfig {
    /// The vendor's folder.
    pub root: PathBuf,
    pub settings: Settings,
    pub host: Host,
}

/// One item of a catalogue, as its vendor has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Unique in the dataset.
    pub id: String,
    /// Items of one product share its description and never stand on two sides of a split.
    pub product: String,
    /// The vendor's own split (`train`, `validation`, `test`), where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// True descriptions; several where the vendor has several.
    pub references: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The vendor's other columns, for people to read: colour, brand, department.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// What [`Dataset::image`] finds the image by: a path below the root, a row of a file.
    pub image: String,
}

/// A record that is no item, and why. The catalogue goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemError {
    /// The id, or where that cannot be read, the place: `articles.csv:17`.
    pub id: String,
    /// What is wrong, with file and row.
    pub message: String,
}

/// Where an item's pixels are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSource {
    /// A JPEG, PNG or WebP file; the host reads and decodes it.
    File(PathBuf),
    /// The bytes of such a file.
    Encoded(Vec<u8>),
    /// Pixels as they are: `width * height * 3` bytes, RGB, rows from the top.
    Rgb8 { width: u32, height: u32, pixels: Vec<u8> },
}

/// A catalogue of products with images and descriptions.
pub trait Dataset: Send + Sync + 'static {
    /// Streams every record, in the files' order, and stops when the sink breaks. A record that cannot be used is passed as
    /// an [`ItemError`]; an `Err` means the dataset as a whole cannot be read.
    fn read(&self, sink: &mut dyn FnMut(Result<Item, ItemError>) -> ControlFlow<()>) -> Result<()>;

    /// The image of an item, by [`Item::image`]. Called from several threads.
    fn image(&self, locator: &str) -> Result<ImageSource, PluginError>;
}
