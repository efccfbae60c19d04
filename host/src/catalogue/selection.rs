//! Scanning a dataset for the items of a split.

use super::{SPLITS, SplitRule};
use crate::error::{Error, Result};
use crate::loader::Dataset;
use plugin_api::{Item, ItemError};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::PathBuf;

/// Which items are wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SplitRequest {
    /// `train`, `validation`, `test` or `all`.
    pub split: String,
    /// The first so many.
    pub limit: Option<usize>,
    /// A folder of ids by split.
    pub files: Option<PathBuf>,
    /// Items without a description are wanted too.
    #[serde(default)]
    pub undescribed: bool,
}

/// The items found, in the dataset's order, and the records that are no items.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Selection {
    pub items: Vec<Item>,
    pub dropped: Vec<ItemError>,
}

/// Scans the whole dataset and keeps the items of the split.
pub fn select(dataset: &Dataset, request: &SplitRequest) -> Result<Selection> {
    let mut selection = Selection::default();
    let mut ids = HashSet::new();
    dataset.read(|record| {
        match record {
            Ok(item) if !request.undescribed && item.references.iter().all(|text| text.trim().is_empty()) => {
                selection.dropped.push(ItemError { id: item.id, message: "it has no description".to_owned() });
            }
            Ok(item) if !ids.insert(item.id.clone()) => {
                let message = "its id stands in the dataset twice; the first is used".to_owned();
                selection.dropped.push(ItemError { id: item.id, message });
            }
            Ok(item) => selection.items.push(item),
            Err(error) => selection.dropped.push(error),
        }
        true
    })?;
    // Who is where depends on the items with a description only, so that it is the same for all who ask.
    let described: Vec<Item> = (selection.items.iter())
        .filter(|item| item.references.iter().any(|text| !text.trim().is_empty()))
        .map(|item| Item { metadata: Default::default(), references: Vec::new(), ..item.clone() })
        .collect();
    let rule = SplitRule::of(&described, request.files.as_deref())?;
    if request.split != "all" {
        let wanted: Vec<bool> =
            selection.items.iter().map(|item| rule.split_of(item) == Some(request.split.as_str())).collect();
        let mut wanted = wanted.into_iter();
        selection.items.retain(|_| wanted.next().unwrap_or(false));
    }
    if let Some(limit) = request.limit {
        selection.items.truncate(limit);
    }
    if selection.items.is_empty() {
        let dropped = selection.dropped.len();
        let first = selection.dropped.first().map(|record| format!("; the first: {}: {}", record.id, record.message));
        return Err(Error::failed(format!(
            "the split `{}` has no items ({dropped} records could not be used{})",
            request.split,
            first.unwrap_or_default()
        ))
        .help(format!("splits are {}", SPLITS.join(", "))));
    }
    Ok(selection)
}
