//! The smallest prepared dataset that a metric can read: what `host plugin check` gives to metrics.

use crate::error::Result;
use crate::run::replace_file;
use category_classifier::{CATEGORIES_FILE, CategoriesFile, CategoryCount, Example, MODEL_FILE, train};
use language::attributes::{VOCABULARY_FILE, Vocabulary};
use std::path::Path;

/// Writes a vocabulary and a classifier of two categories into a folder.
pub fn write_specimen(folder: &Path) -> Result<()> {
    let texts = [("a long red dress", 0), ("a dress in cotton", 0), ("blue jeans", 1), ("jeans in washed denim", 1)];
    let names = ["Dress", "Jeans"].map(str::to_owned);
    let examples: Vec<Example> = texts.iter().map(|(text, category)| Example::new(text, *category)).collect();
    let classifier = train(names.to_vec(), &examples, 0);
    let counts = names.map(|name| CategoryCount { name, train: 2, ..CategoryCount::default() });
    let told = CategoriesFile::linear(counts.to_vec(), texts.len(), 0, None);
    let counts = ["dress", "red", "jeans", "shirt", "sleeve"].map(|lemma| (lemma.to_owned(), 2)).into();
    replace_file(&folder.join(MODEL_FILE), &classifier.to_bytes())?;
    replace_file(&folder.join(CATEGORIES_FILE), told.to_json().as_bytes())?;
    replace_file(&folder.join(VOCABULARY_FILE), Vocabulary { least: 1, counts }.to_json().as_bytes())
}
