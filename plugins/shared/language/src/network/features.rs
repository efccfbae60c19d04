//! What the network sees of a word: its row in the vocabulary, hashed features of its spelling, WordNet's view of it.

use crate::wordnet::{Pos, WordNet};
use std::collections::HashMap;

/// Rows of the table of hashed features.
pub const BUCKETS: usize = 1 << 15;

/// The row of unknown words in the table of words.
pub const UNKNOWN: u32 = 0;

/// Features of the words of one or more sentences, in order.
#[derive(Debug, Clone, Default)]
pub struct Features {
    /// A row of the table of words.
    pub words: Vec<u32>,
    /// A row of the table of induced vectors.
    pub vectors: Vec<Option<u32>>,
    /// Where each word's hashed features end in `hashed`.
    pub ends: Vec<u32>,
    /// Rows of the table of hashed features, word after word.
    pub hashed: Vec<u32>,
}

/// Words that have rows of their own.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    words: HashMap<String, u32>,
    vectors: HashMap<String, u32>,
}

impl Vocabulary {
    /// Words take rows from 1 (0 is [`UNKNOWN`]), vectors from 0.
    pub fn new(words: &[String], vectors: &[String]) -> Vocabulary {
        Vocabulary {
            words: words.iter().zip(1..).map(|(word, row)| (word.clone(), row)).collect(),
            vectors: vectors.iter().zip(0..).map(|(word, row)| (word.clone(), row)).collect(),
        }
    }

    /// Adds the features of one sentence.
    pub fn extract(&self, forms: &[&str], wordnet: &WordNet, features: &mut Features) {
        for (at, form) in forms.iter().enumerate() {
            let word = normalised(form);
            features.words.push(self.words.get(&word).copied().unwrap_or(UNKNOWN));
            features.vectors.push(self.vectors.get(&word).copied());
            spelling(form, &word, at == 0, &mut features.hashed);
            lexicon(&word, wordnet, &mut features.hashed);
            features.ends.push(features.hashed.len() as u32);
        }
    }

    pub fn knows(&self, form: &str) -> bool {
        self.words.contains_key(&normalised(form))
    }
}

impl Features {
    pub fn len(&self) -> usize {
        self.words.len()
    }

    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The hashed features of a word.
    pub fn hashed_of(&self, word: usize) -> &[u32] {
        let from = if word == 0 { 0 } else { self.ends[word - 1] };
        &self.hashed[from as usize..self.ends[word] as usize]
    }
}

/// A form as the tables know it: lower case, digits as `0`, typographic quotation marks as plain ones.
pub fn normalised(form: &str) -> String {
    form.chars()
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            '0'..='9' => '0',
            '’' | '‘' | '`' => '\'',
            '“' | '”' => '"',
            c => c,
        })
        .collect()
}

fn spelling(form: &str, word: &str, first: bool, hashed: &mut Vec<u32>) {
    let ends: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
    let count = ends.len() - 1;
    for &end in ends.iter().skip(1).take(4) {
        hashed.push(bucket(b'p', &word.as_bytes()[..end]));
    }
    for length in 1..=5.min(count) {
        hashed.push(bucket(b's', &word.as_bytes()[ends[count - length]..]));
    }
    // The shape (Xx-0), runs of one class shortened to two.
    let mut shape = Vec::new();
    for c in form.chars() {
        let class = match c {
            c if c.is_uppercase() => b'X',
            c if c.is_lowercase() => b'x',
            c if c.is_numeric() => b'0',
            c if c.is_alphabetic() => b'a',
            c if c.is_ascii() => c as u8,
            _ => b'?',
        };
        if !shape.ends_with(&[class, class]) && shape.len() < 12 {
            shape.push(class);
        }
    }
    hashed.push(bucket(b'h', &shape));
    let casing = match (form.chars().next().is_some_and(char::is_uppercase), form.chars().any(char::is_lowercase)) {
        (true, true) => b'T',
        (true, false) => b'U',
        (false, _) => b'l',
    };
    hashed.push(bucket(b'c', &[casing, u8::from(first)]));
    if word.contains('-') {
        hashed.push(bucket(b'-', b""));
    }
}

/// Parts of speech that WordNet lists the word under, itself or a base form, and the lexicographer file of the first sense.
fn lexicon(word: &str, wordnet: &WordNet, hashed: &mut Vec<u32>) {
    for pos in Pos::ALL {
        let tag = pos as u8;
        let itself = wordnet.synsets(word, pos);
        if let Some(&sense) = itself.first() {
            hashed.push(bucket(b'w', &[tag]));
            hashed.push(bucket(b'f', &[tag, wordnet.lexicographer_file(sense)]));
        } else if let Some(base) = wordnet.base_forms(word, pos).first() {
            hashed.push(bucket(b'i', &[tag, word.as_bytes().last().copied().unwrap_or(0)]));
            if let Some(&sense) = wordnet.synsets(base, pos).first() {
                hashed.push(bucket(b'f', &[tag, wordnet.lexicographer_file(sense)]));
            }
        }
    }
}

/// FNV-1a, part of the model's format.
fn bucket(kind: u8, bytes: &[u8]) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for &byte in [kind].iter().chain(bytes) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    ((hash ^ (hash >> 32)) % BUCKETS as u64) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_share_features_by_ending_and_shape() {
        let vocabulary = Vocabulary::new(&["dress".into()], &["dress".into()]);
        let mut features = Features::default();
        vocabulary.extract(&["Dress", "sleeved", "collared", "", "100"], &WordNet::default(), &mut features);
        assert_eq!(features.words, [1, 0, 0, 0, 0]);
        assert_eq!(features.vectors[0], Some(0));
        let shared = features.hashed_of(1).iter().filter(|id| features.hashed_of(2).contains(id)).count();
        assert_eq!(shared, 4, "two endings, the shape, the casing");
        assert_eq!(normalised("5-Pocket’s"), "0-pocket's");
    }
}
