//! Attributes of a text as the study takes them: the lemmas of its nouns, adjectives and proper nouns; and the vocabulary of those that
//! a training split's references hold often enough.

use crate::analyse;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The vocabulary's file in a prepared dataset's folder.
pub const VOCABULARY_FILE: &str = "attributes.json";

/// The study's least number of occurrences.
pub const LEAST: u64 = 10;

/// The attributes of a text, in order, as often as they occur: in lower case, as the study's texts are, and with spaces for hyphens, every
/// token tagged `NOUN`, `ADJ` or `PROPN` gives its lemma.
pub fn attributes(text: &str) -> Vec<String> {
    let sentences = analyse(&text.to_lowercase().replace('-', " ")).sentences;
    let tokens = sentences.into_iter().flat_map(|sentence| sentence.tokens);
    tokens.filter(|token| matches!(token.upos, "NOUN" | "ADJ" | "PROPN")).map(|token| token.lemma).collect()
}

/// The attributes that count, with how often the training split's references hold them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    /// What the counts reach at least.
    pub least: u64,
    pub counts: BTreeMap<String, u64>,
}

/// Why a vocabulary cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VocabularyError {
    #[error("{path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error("{path} is no attribute vocabulary: {source}")]
    Format { path: String, source: serde_json::Error },
}

impl Vocabulary {
    /// Counts the attributes of references and keeps those that occur at least `least` times.
    pub fn count<'a>(references: impl IntoIterator<Item = &'a str>, least: u64) -> Vocabulary {
        let mut counts = BTreeMap::new();
        for lemma in references.into_iter().flat_map(attributes) {
            *counts.entry(lemma).or_insert(0) += 1;
        }
        Vocabulary { least, counts }.kept()
    }

    /// Without what occurs too seldom.
    pub fn kept(mut self) -> Vocabulary {
        self.counts.retain(|_, count| *count >= self.least);
        self
    }

    pub fn contains(&self, lemma: &str) -> bool {
        self.counts.contains_key(lemma)
    }

    /// Those of the lemmas that are in the vocabulary.
    pub fn known(&self, lemmas: impl IntoIterator<Item = String>) -> BTreeSet<String> {
        lemmas.into_iter().filter(|lemma| self.contains(lemma)).collect()
    }

    pub fn read(path: &Path) -> Result<Vocabulary, VocabularyError> {
        let file = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|source| VocabularyError::File { path: file.clone(), source })?;
        serde_json::from_str(&text).map_err(|source| VocabularyError::Format { path: file, source })
    }

    /// The file's text, lemmas in order.
    pub fn to_json(&self) -> String {
        // Strings and numbers alone: this cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_lemmas_of_nouns_and_adjectives_with_hyphens_apart() {
        assert_eq!(
            attributes("5-pocket jeans in blue denim with round buttons."),
            ["pocket", "jeans", "blue", "denim", "round", "button"]
        );
        let shouted = "A Red DRESS with a V-Neck, by Henley";
        assert_eq!(attributes(shouted), attributes(&shouted.to_lowercase()));
        assert!(attributes("").is_empty());
        assert!(attributes("- -- and of the").is_empty());
    }

    #[test]
    fn the_vocabulary_keeps_what_occurs_often_enough_and_reads_back() {
        let texts = ["A red dress with a red belt.", "A red dress."];
        let vocabulary = Vocabulary::count(texts, 2);
        assert_eq!(vocabulary.counts.keys().collect::<Vec<_>>(), ["dress", "red"]);
        assert_eq!(vocabulary.counts["red"], 3);
        assert_eq!(serde_json::from_str::<Vocabulary>(&vocabulary.to_json()).unwrap(), vocabulary);
    }
}
