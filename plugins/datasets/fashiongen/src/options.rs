//! What `registry.toml` can choose of the dataset.

use serde::Deserialize;

const TRAIN: &str = "fashiongen_256_256_train.h5";
const VALIDATION: &str = "fashiongen_256_256_validation.h5";

/// The dataset's options; a wrong key is an error that names it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    pub views: Views,
    files: Files,
    /// What items of the validation file are called. The literature reports on them, so they are the test.
    validation_split: String,
}

/// Which images of a product become items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Views {
    /// The first in the file; the item's id is the product's.
    #[default]
    First,
    /// Every one; `-1`, `-2`, … follows the product's id, in the file's order.
    All,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Files {
    #[default]
    Both,
    Train,
    Validation,
}

impl Default for Options {
    fn default() -> Self {
        Options { views: Views::default(), files: Files::default(), validation_split: "test".into() }
    }
}

impl Options {
    /// File and split of the parts to read, in their order.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let train = (!matches!(self.files, Files::Validation)).then_some((TRAIN, "train"));
        let validation = (!matches!(self.files, Files::Train)).then_some((VALIDATION, self.validation_split.as_str()));
        train.into_iter().chain(validation)
    }
}
