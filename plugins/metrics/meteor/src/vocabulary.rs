//! Every distinct word that a run meets, with what the matchers ask of it, looked up once: stem, synsets, whether it is a
//! function word, its number in the paraphrase table.

use crate::synonyms;
use meteor_data::{Lexicon, Paraphrases, Phrase};
use rust_stemmers::{Algorithm, Stemmer};
use rustc_hash::{FxHashMap, FxHashSet};
use std::ops::Range;

/// A word's number in a [`Vocabulary`].
pub type WordId = u32;

/// What the matchers need to know of a word.
#[derive(Debug, Clone)]
pub struct Word {
    /// Equal for words of one stem.
    pub stem: u32,
    pub function_word: bool,
    pub phrase: Option<Phrase>,
    synsets: Range<u32>,
    /// A bit for each synset, by its low bits: words without a common bit have no common synset.
    signature: [u64; 4],
}

/// The words met so far.
pub struct Vocabulary {
    numbers: FxHashMap<Box<str>, WordId>,
    words: Vec<Word>,
    stems: FxHashMap<Box<str>, u32>,
    synsets: Vec<u32>,
    stemmer: Stemmer,
    function_words: FxHashSet<&'static str>,
}

impl Vocabulary {
    pub fn new(lexicon: &Lexicon) -> Vocabulary {
        Vocabulary {
            numbers: FxHashMap::default(),
            words: Vec::new(),
            stems: FxHashMap::default(),
            synsets: Vec::new(),
            stemmer: Stemmer::create(Algorithm::English),
            function_words: lexicon.function_words().collect(),
        }
    }

    pub fn number(&self, word: &str) -> Option<WordId> {
        self.numbers.get(word).copied()
    }

    /// A number that [`Vocabulary::number`] or [`Vocabulary::insert`] of this vocabulary gave.
    pub fn word(&self, number: WordId) -> &Word {
        &self.words[number as usize]
    }

    pub fn insert(&mut self, word: &str, lexicon: &Lexicon, paraphrases: Option<&Paraphrases>) -> WordId {
        if let Some(number) = self.number(word) {
            return number;
        }
        let stem = self.stemmer.stem(word);
        let next = self.stems.len() as u32;
        let stem = match self.stems.get(&*stem) {
            Some(number) => *number,
            None => *self.stems.entry(stem.into()).or_insert(next),
        };
        let start = self.synsets.len();
        self.synsets.extend(synonyms::synsets(lexicon, word));
        let mut signature = [0; 4];
        for synset in &self.synsets[start..] {
            signature[(synset >> 6 & 3) as usize] |= 1 << (synset & 63);
        }
        let number = self.words.len() as WordId;
        self.words.push(Word {
            stem,
            function_word: self.function_words.contains(word),
            phrase: paraphrases.and_then(|table| table.word(word)),
            synsets: start as u32..self.synsets.len() as u32,
            signature,
        });
        self.numbers.insert(word.into(), number);
        number
    }

    /// True where the two words have a synset in common.
    pub fn synonyms(&self, a: &Word, b: &Word) -> bool {
        if a.signature.iter().zip(&b.signature).all(|(a, b)| a & b == 0) {
            return false;
        }
        let list = |word: &Word| &self.synsets[word.synsets.start as usize..word.synsets.end as usize];
        let (a, mut b) = (list(a), list(b));
        for synset in a {
            while let [first, rest @ ..] = b
                && first < synset
            {
                b = rest;
            }
            if b.first() == Some(synset) {
                return true;
            }
        }
        false
    }
}
