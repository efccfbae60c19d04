//! What a prepared dataset's folder holds of its categories: `categories.json` with names, counts and the held-out accuracy, and beside it the
//! classifier that it names.

use crate::{CategoryClassifier, LinearClassifier};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The file about the categories, in a prepared dataset's folder.
pub const CATEGORIES_FILE: &str = "categories.json";
/// The linear classifier's file.
pub const MODEL_FILE: &str = "category-classifier.bin";
/// The linear classifier's name in [`CategoriesFile::classifier`].
const LINEAR: &str = "linear-ngrams";

/// The contents of [`CATEGORIES_FILE`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoriesFile {
    /// The kind of classifier.
    pub classifier: String,
    /// Its file, beside this one.
    pub file: String,
    /// Training references.
    pub trained_on: usize,
    pub seed: u64,
    /// Absent where the dataset has neither test nor validation items.
    pub held_out: Option<HeldOut>,
    pub categories: Vec<CategoryCount>,
}

/// How often the classifier is right on true references that it was not trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    pub split: String,
    pub references: usize,
    pub correct: usize,
    pub accuracy: f64,
}

/// A category and its items in each split.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryCount {
    pub name: String,
    pub train: usize,
    pub validation: usize,
    pub test: usize,
}

impl CategoriesFile {
    /// For a linear classifier, whose bytes go to [`MODEL_FILE`].
    pub fn linear(categories: Vec<CategoryCount>, trained_on: usize, seed: u64, held_out: Option<HeldOut>) -> Self {
        CategoriesFile { classifier: LINEAR.into(), file: MODEL_FILE.into(), trained_on, seed, held_out, categories }
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        // Strings and numbers alone: this cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// Why a folder's classifier cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClassifierError {
    #[error("{path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error("{path} does not tell of categories: {source}")]
    Format { path: String, source: serde_json::Error },
    #[error("{path}: no classifier of the kind `{kind}` is known here")]
    Kind { path: String, kind: String },
    #[error("{path} cannot be used: {reason}")]
    Model { path: String, reason: String },
}

/// The classifier of a prepared dataset's folder, with what is told of it.
pub fn open(folder: &Path) -> Result<(CategoriesFile, Box<dyn CategoryClassifier>), ClassifierError> {
    let path = folder.join(CATEGORIES_FILE);
    let shown = path.display().to_string();
    let text = std::fs::read(&path).map_err(|source| ClassifierError::File { path: shown.clone(), source })?;
    let told: CategoriesFile =
        serde_json::from_slice(&text).map_err(|source| ClassifierError::Format { path: shown.clone(), source })?;
    // The file's name is data from the folder: it must not lead out of it.
    if told.classifier != LINEAR || told.file != MODEL_FILE {
        return Err(ClassifierError::Kind { path: shown, kind: told.classifier });
    }
    let path = folder.join(&told.file);
    let shown = path.display().to_string();
    let bytes = std::fs::read(&path).map_err(|source| ClassifierError::File { path: shown.clone(), source })?;
    let names = told.categories.iter().map(|category| category.name.clone()).collect();
    let model =
        LinearClassifier::from_bytes(&bytes, names).map_err(|reason| ClassifierError::Model { path: shown, reason })?;
    Ok((told, Box::new(model)))
}
