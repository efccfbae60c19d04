//! From running text to sentences and words with their places: a linear model decides at each place between two characters whether
//! a word ends, and after closing punctuation whether a sentence does. White space always ends a word, an empty line a sentence.

pub(crate) mod features;

use features::{Chunk, join_features, split_features};
use std::ops::Range;

/// Rows of the hashed weights.
pub(crate) const BUCKETS: usize = 1 << 17;

/// A sentence is cut where it would have more words than this: trees cost the square of their words.
pub const LONGEST: usize = 160;

/// A word of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Bytes in the text.
    pub range: Range<usize>,
    /// True where the word continues the token before it: the `n't` of `don't`.
    pub continues: bool,
}

/// What may happen at a place between two characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Inside,
    /// A token ends.
    Token,
    /// A word ends within a token: `do|n't`.
    Word,
}

impl Place {
    pub(crate) const ALL: [Place; 3] = [Place::Inside, Place::Token, Place::Word];
}

/// The model: weights for the three places, and for a sentence's end.
#[derive(Debug, Clone, PartialEq)]
pub struct Boundaries {
    pub(crate) places: [Vec<i8>; 3],
    pub(crate) ends: Vec<i8>,
}

impl Boundaries {
    pub fn from_bytes(bytes: &[u8]) -> Option<Boundaries> {
        let bytes = miniz_oxide::inflate::decompress_to_vec(bytes).ok()?;
        let mut parts = bytes.chunks_exact(BUCKETS).map(|part| part.iter().map(|&byte| byte as i8).collect());
        Some(Boundaries { places: [parts.next()?, parts.next()?, parts.next()?], ends: parts.next()? })
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let all = self.places.iter().chain([&self.ends]).flatten();
        miniz_oxide::deflate::compress_to_vec(&all.map(|&weight| weight as u8).collect::<Vec<_>>(), 9)
    }

    /// The sentences of a text, each with its words in order. No sentence is empty.
    pub fn segment(&self, text: &str) -> Vec<Vec<Piece>> {
        let mut sentences = Vec::new();
        for paragraph in paragraphs(text) {
            let mut pieces: Vec<Piece> = Vec::new();
            // Where each chunk's pieces end, for the features of sentence ends.
            for chunk in chunks(text, paragraph.clone()) {
                self.cut(&chunk, &mut pieces);
            }
            let mut sentence: Vec<Piece> = Vec::new();
            let mut features = Vec::new();
            for at in 0..pieces.len() {
                sentence.push(pieces[at].clone());
                let next_continues = pieces.get(at + 1).is_some_and(|next| next.continues);
                let full = sentence.len() >= LONGEST && !next_continues;
                if full
                    || (at + 1 < pieces.len() && may_end(&text[pieces[at].range.clone()])) && {
                        features.clear();
                        join_features(text, &pieces, at, &mut features);
                        features.iter().map(|&id| i32::from(self.ends[id as usize])).sum::<i32>() > 0
                    }
                {
                    sentences.push(std::mem::take(&mut sentence));
                }
            }
            sentences.extend((!sentence.is_empty()).then_some(sentence));
        }
        sentences
    }

    fn cut(&self, chunk: &Chunk, pieces: &mut Vec<Piece>) {
        let mut from = 0;
        let mut continues = false;
        let mut features = Vec::new();
        for at in 1..chunk.characters.len() {
            let place = match chunk.fixed(at) {
                Some(place) => place,
                None => {
                    features.clear();
                    split_features(chunk, from, at, &mut features);
                    let score = |place: Place| -> i32 {
                        let weights = &self.places[place as usize];
                        features.iter().map(|&id| i32::from(weights[id as usize])).sum()
                    };
                    Place::ALL
                        .into_iter()
                        .max_by_key(|&place| (score(place), place == Place::Inside))
                        .unwrap_or(Place::Inside)
                }
            };
            if place != Place::Inside {
                pieces.push(Piece { range: chunk.range(from, at), continues });
                from = at;
                continues = place == Place::Word;
            }
        }
        pieces.push(Piece { range: chunk.range(from, chunk.characters.len()), continues });
    }
}

/// Whether a sentence can end after the word: it holds no letter and no digit, or is an abbreviation.
pub(crate) fn may_end(word: &str) -> bool {
    word.ends_with('.') || !word.chars().any(char::is_alphanumeric)
}

/// Stretches between empty lines.
pub(crate) fn paragraphs(text: &str) -> Vec<Range<usize>> {
    let mut paragraphs = Vec::new();
    let mut from = 0;
    let mut newlines = 0;
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if c == '\n' || c == '\u{2029}' {
            newlines += if c == '\n' { 1 } else { 2 };
        } else if !c.is_whitespace() {
            if newlines >= 2 && end > from {
                paragraphs.push(from..end);
                from = at;
            }
            newlines = 0;
            end = at + c.len_utf8();
        }
    }
    paragraphs.extend((end > from).then_some(from..end));
    paragraphs
}

/// The stretches without white space of a paragraph.
pub(crate) fn chunks(text: &str, paragraph: Range<usize>) -> Vec<Chunk> {
    let words: Vec<(usize, &str)> = text[paragraph.clone()]
        .split_whitespace()
        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
        .collect();
    let first = |at: Option<&(usize, &str)>| at.and_then(|(_, word)| word.chars().next());
    words.iter().enumerate().map(|(at, (offset, word))| Chunk::new(*offset, word, first(words.get(at + 1)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_lines_part_paragraphs_and_single_ones_do_not() {
        let text = "  One\ntwo. \n \n three\r\n\r\n";
        let found: Vec<&str> = paragraphs(text).into_iter().map(|range| text[range].trim()).collect();
        assert_eq!(found, ["One\ntwo.", "three"]);
        assert!(paragraphs(" \n\n ").is_empty());
        let chunks = chunks(text, 0..text.len());
        assert_eq!(chunks.len(), 3);
        assert_eq!(chunks[2].range(0, 5), 15..20);
    }
}
