//! The attribute vocabulary: what the training split's references hold often enough. What an attribute is, `language::attributes` says.

use super::manifest::Prepared;
use crate::error::Result;
use crate::progress::Reporter;
use crate::run::{file_digest, replace_file};
use crate::stop;
use language::attributes::{VOCABULARY_FILE, Vocabulary, attributes};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// Texts between two words on progress.
const PART: usize = 2048;

/// Counts the vocabulary and writes it.
pub fn write(prepared: &Prepared, reporter: &Reporter) -> Result<BTreeMap<String, String>> {
    // Articles of one product share a description: each text is analysed once.
    let mut texts: HashMap<String, u64> = HashMap::new();
    for item in prepared.items()? {
        let item = item?;
        if item.split.as_deref() == Some("train") {
            for reference in item.references {
                *texts.entry(reference).or_insert(0) += 1;
            }
        }
    }
    let texts: Vec<(String, u64)> = texts.into_iter().collect();
    let bar = reporter.bar("attributes", 0, texts.len());
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for part in texts.chunks(PART) {
        stop::check()?;
        let counted = part.par_iter().with_max_len(32).fold(BTreeMap::new, |mut counts, (text, times)| {
            for lemma in attributes(text) {
                *counts.entry(lemma).or_insert(0) += times;
            }
            counts
        });
        for (lemma, times) in counted.collect::<Vec<BTreeMap<String, u64>>>().into_iter().flatten() {
            *counts.entry(lemma).or_insert(0) += times;
        }
        bar.advance(part.len());
    }
    let vocabulary = Vocabulary { least: prepared.manifest.options.attribute_minimum, counts }.kept();
    let path = prepared.folder.join(VOCABULARY_FILE);
    replace_file(&path, vocabulary.to_json().as_bytes())?;
    Ok(BTreeMap::from([(VOCABULARY_FILE.to_owned(), file_digest(&path)?)]))
}
