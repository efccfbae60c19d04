//! The categories with their sizes, and the classifier that `category-accuracy` asks: trained on the training references, judged on held-out ones.

use super::manifest::Prepared;
use crate::error::Result;
use crate::progress::Reporter;
use crate::run::{file_digest, replace_file};
use crate::stop;
use category_classifier::{
    CATEGORIES_FILE, CategoriesFile, CategoryClassifier, CategoryCount, Example, HeldOut, MODEL_FILE, train,
};
use std::collections::BTreeMap;

/// Counts, trains, judges and writes. A dataset without categories, or with none in its training split, has none of the files.
pub fn write(prepared: &Prepared, reporter: &Reporter) -> Result<BTreeMap<String, String>> {
    let mut counts: BTreeMap<String, CategoryCount> = BTreeMap::new();
    for item in prepared.items()? {
        let item = item?;
        let Some(category) = item.category else { continue };
        let count = counts.entry(category).or_default();
        match item.split.as_deref() {
            Some("train") => count.train += 1,
            Some("validation") => count.validation += 1,
            _ => count.test += 1,
        }
    }
    for stale in [CATEGORIES_FILE, MODEL_FILE] {
        let _ = std::fs::remove_file(prepared.folder.join(stale));
    }
    // A category without training items cannot be told: it stays countable, and its captions count as wrong.
    let places: BTreeMap<String, usize> =
        counts.keys().enumerate().map(|(place, name)| (name.clone(), place)).collect();
    if counts.is_empty() {
        return Ok(BTreeMap::new());
    }
    let counts: Vec<CategoryCount> = counts.into_iter().map(|(name, count)| CategoryCount { name, ..count }).collect();
    let mut examples = Vec::new();
    for item in prepared.items()? {
        let item = item?;
        if let ("train", Some(category)) = (item.split.as_deref().unwrap_or_default(), &item.category) {
            examples.extend(item.references.iter().map(|text| Example::new(text, places[category])));
        }
    }
    if examples.is_empty() {
        reporter
            .warn("no training item has a category, so there is no classifier, and category-accuracy cannot be scored");
        return Ok(BTreeMap::new());
    }
    stop::check()?;
    let names = counts.iter().map(|count| count.name.clone()).collect();
    let seed = prepared.manifest.seed;
    let classifier = train(names, &examples, seed);
    let trained_on = examples.len();
    drop(examples);
    let held_out_split = if counts.iter().any(|count| count.test > 0) { "test" } else { "validation" };
    let (mut references, mut correct) = (0, 0);
    for item in prepared.items()? {
        stop::check()?;
        let item = item?;
        if item.split.as_deref() == Some(held_out_split)
            && let Some(category) = &item.category
        {
            references += item.references.len();
            correct += item.references.iter().filter(|text| classifier.category_of(text) == category).count();
        }
    }
    let held_out = (references > 0).then(|| HeldOut {
        split: held_out_split.to_owned(),
        references,
        correct,
        accuracy: correct as f64 / references as f64,
    });
    let told = CategoriesFile::linear(counts, trained_on, seed, held_out);
    let mut files = BTreeMap::new();
    for (name, bytes) in [(MODEL_FILE, classifier.to_bytes()), (CATEGORIES_FILE, told.to_json().into_bytes())] {
        let path = prepared.folder.join(name);
        replace_file(&path, &bytes)?;
        files.insert(name.to_owned(), file_digest(&path)?);
    }
    Ok(files)
}
