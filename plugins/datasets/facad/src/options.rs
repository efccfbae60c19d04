//! What `registry.toml` can choose of the dataset, and which layout a folder has.

use plugin_api::{PluginError, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The packed files' splits with what their items' splits are called.
pub const SPLITS: [(&str, &str); 3] = [("TRAIN", "train"), ("VAL", "validation"), ("TEST", "test")];

/// The dataset's options; a wrong key is an error that names it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    pub views: Views,
    /// The folder of the downloaded images, below the root.
    pub images: String,
    /// The list's file; by default the only `meta*.json`.
    meta: Option<String>,
    layout: Option<LayoutName>,
}

/// Which images of a product become items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Views {
    /// The first that is there.
    #[default]
    First,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LayoutName {
    List,
    Packed,
}

/// A layout with the files found.
#[derive(Debug)]
pub enum Layout {
    List(PathBuf),
    /// Some of [`SPLITS`], in their order.
    Packed(Vec<(&'static str, &'static str)>),
}

impl Default for Options {
    fn default() -> Self {
        Options { views: Views::default(), images: "images".into(), meta: None, layout: None }
    }
}

impl Options {
    /// The layout chosen, or else the one whose files are there; packed files, which have splits, come first.
    pub fn layout(&self, root: &Path) -> Result<Layout> {
        let packed = |(split, _): &(&str, &str)| root.join(format!("{split}_IMAGES.hdf5")).is_file();
        let splits: Vec<_> = SPLITS.into_iter().filter(packed).collect();
        if !splits.is_empty() && self.layout != Some(LayoutName::List) && self.meta.is_none() {
            return Ok(Layout::Packed(splits));
        }
        if self.layout == Some(LayoutName::Packed) {
            return Err(missing(root, "TRAIN_IMAGES.hdf5, VAL_IMAGES.hdf5 or TEST_IMAGES.hdf5"));
        }
        if let Some(meta) = &self.meta {
            return Ok(Layout::List(root.join(meta)));
        }
        let entries = std::fs::read_dir(root).map_err(|error| {
            PluginError::data(format!("cannot list {}: {error}", root.display()))
                .help("set the dataset's `root` in registry.toml to FACAD's folder")
        })?;
        let mut lists: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.starts_with("meta") && name.ends_with(".json"))
            .collect();
        lists.sort_unstable();
        match lists.as_slice() {
            [only] => Ok(Layout::List(root.join(only))),
            [] => Err(missing(root, "meta*.json, TRAIN_IMAGES.hdf5, VAL_IMAGES.hdf5 or TEST_IMAGES.hdf5")),
            several => Err(PluginError::data(format!("{} has several lists: {}", root.display(), several.join(", ")))
                .help("name one of them by `meta` in the dataset's entry in registry.toml")),
        }
    }
}

fn missing(root: &Path, files: &str) -> PluginError {
    PluginError::data(format!("{} has no {files}", root.display())).help(
        "the dataset's `root` in registry.toml is to hold FACAD's list, meta_all_129927.json, with the images downloaded to images/, \
         or the packed files, such as TEST_IMAGES.hdf5 with TEST_CAPTIONS_RAW.json",
    )
}
