//! WordNet 3.0 in memory: synsets of a lemma, lexicographer files, base forms of inflected words.
//! The compact file is made by `compile`; relations between synsets are not kept, since nothing asks for them.

pub mod compile;
mod format;

use std::collections::HashMap;
use std::sync::OnceLock;

/// A part of speech that WordNet knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pos {
    Noun,
    Verb,
    Adjective,
    Adverb,
}

impl Pos {
    pub const ALL: [Pos; 4] = [Pos::Noun, Pos::Verb, Pos::Adjective, Pos::Adverb];

    /// WordNet's detachment rules (morphy): an ending, and what replaces it.
    fn detachments(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Pos::Noun => &[
                ("s", ""),
                ("ses", "s"),
                ("xes", "x"),
                ("zes", "z"),
                ("ches", "ch"),
                ("shes", "sh"),
                ("men", "man"),
                ("ies", "y"),
            ],
            Pos::Verb => {
                &[("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")]
            }
            Pos::Adjective => &[("er", ""), ("est", ""), ("er", "e"), ("est", "e")],
            Pos::Adverb => &[],
        }
    }
}

/// Irregular forms of one part of speech, each with its base forms.
type Exceptions = HashMap<Box<str>, Box<[Box<str>]>>;

/// Lemmas, synsets and exceptions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WordNet {
    /// The lexicographer file of each synset, 0…44 (`noun.artifact` is 6).
    files: Vec<u8>,
    /// Synsets of each lemma (lower case, spaces as `_`), for each part of speech, most frequent first.
    lemmas: HashMap<Box<str>, [Box<[u32]>; 4]>,
    /// Irregular forms and their base forms.
    exceptions: [Exceptions; 4],
}

/// Why a WordNet cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WordNetError {
    #[error("{path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error("{path}, line {line}: not in WordNet's database format")]
    Line { path: String, line: usize },
    #[error("the compact WordNet is damaged")]
    Damaged,
}

/// The WordNet that is part of the library.
pub fn wordnet() -> &'static WordNet {
    static WORDNET: OnceLock<WordNet> = OnceLock::new();
    WORDNET.get_or_init(|| {
        // A test reads the embedded file; a damaged one leaves the lexicon empty rather than ending the process.
        WordNet::from_bytes(include_bytes!("../../data/wordnet.bin")).unwrap_or_default()
    })
}

impl WordNet {
    /// The synsets of a lemma, most frequent sense first. No morphology: see [`WordNet::base_forms`].
    pub fn synsets(&self, lemma: &str, pos: Pos) -> &[u32] {
        self.lemmas.get(lemma).map_or(&[], |entry| &entry[pos as usize])
    }

    /// The lexicographer file of a synset, 0…44.
    pub fn lexicographer_file(&self, synset: u32) -> u8 {
        self.files.get(synset as usize).copied().unwrap_or(0)
    }

    /// Number of synsets; their numbers run from 0.
    pub fn synset_count(&self) -> usize {
        self.files.len()
    }

    pub fn lemma_count(&self) -> usize {
        self.lemmas.len()
    }

    pub fn contains(&self, lemma: &str, pos: Pos) -> bool {
        !self.synsets(lemma, pos).is_empty()
    }

    /// The irregular base forms of a word: `scarves` gives `scarf`.
    pub fn exceptions(&self, word: &str, pos: Pos) -> impl Iterator<Item = &str> {
        self.exceptions[pos as usize].get(word).into_iter().flatten().map(|base| &**base)
    }

    /// The lemmas that a lower-case word can be a form of, itself first: exceptions, then WordNet's rules of detachment.
    pub fn base_forms(&self, word: &str, pos: Pos) -> Vec<String> {
        let mut found = Vec::new();
        if self.contains(word, pos) {
            found.push(word.to_owned());
        }
        let irregular = self.exceptions(word, pos).map(str::to_owned);
        let regular = pos.detachments().iter().filter_map(|(ending, replacement)| {
            let stem = word.strip_suffix(ending).filter(|stem| !stem.is_empty())?;
            // Nouns in -ss and -ful keep their ending.
            (pos != Pos::Noun || !(word.ends_with("ss") || word.ends_with("ful")))
                .then(|| format!("{stem}{replacement}"))
        });
        for base in irregular.chain(regular) {
            if self.contains(&base, pos) && !found.contains(&base) {
                found.push(base);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_wordnet_has_wordnets_counts() {
        // Counts as in the manual page wnstats(7WN): 155,287 words over parts of speech, 117,659 synsets.
        let wordnet = wordnet();
        assert_eq!(wordnet.synset_count(), 117_659);
        let words: usize = Pos::ALL
            .iter()
            .map(|&pos| wordnet.lemmas.keys().filter(|lemma| wordnet.contains(lemma, pos)).count())
            .sum();
        assert_eq!(words, 155_287);
    }

    #[test]
    fn inflected_words_find_their_base_forms() {
        let wordnet = wordnet();
        assert_eq!(wordnet.base_forms("scarves", Pos::Noun), ["scarf"]);
        assert_eq!(wordnet.base_forms("dresses", Pos::Noun), ["dress"]);
        assert_eq!(wordnet.base_forms("dress", Pos::Noun), ["dress"]);
        assert_eq!(wordnet.base_forms("wore", Pos::Verb), ["wear"]);
        assert_eq!(wordnet.base_forms("longer", Pos::Adjective), ["long"]);
        assert!(wordnet.base_forms("qwertyish", Pos::Noun).is_empty());
    }

    #[test]
    fn synonyms_share_a_synset_and_antonyms_do_not() {
        let wordnet = wordnet();
        let share = |a: &str, b: &str, pos| {
            wordnet.synsets(a, pos).iter().any(|synset| wordnet.synsets(b, pos).contains(synset))
        };
        assert!(share("sofa", "couch", Pos::Noun));
        assert!(share("pullover", "slipover", Pos::Noun));
        assert!(!share("black", "white", Pos::Adjective));
    }
}
