//! The compiled lexicon, read in place from the bytes that the plugin carries: WordNet's synsets of single words, its list of
//! irregular forms, and METEOR's function words. Which of a word's synsets count is the matcher's business.

use fst::Map;
use std::ops::Range;

/// The bytes: this header as little-endian `u32`s after the magic, then the sections in this order.
///
/// - `words`: an FST from word to its number.
/// - `starts`: `u32[words + 1]`, where a word's synsets start in `synsets`.
/// - `synsets`: `u24[…]`, numbers of synsets, ascending for each word.
/// - `forms`: an FST from an irregular form to where its list starts in `bases`.
/// - `bases`: `u24[…]`, lists of word numbers ([`NO_WORD`] for a base without synsets), each closed by [`END_OF_LIST`].
/// - `function_words`: one a line.
pub(crate) const MAGIC: [u8; 8] = *b"LBMTLEX1";
pub(crate) const HEADER_BYTES: usize = 8 + 4 * 6;
pub(crate) const NO_WORD: u32 = 0xff_fffe;
pub(crate) const END_OF_LIST: u32 = 0xff_ffff;

/// Synonyms, irregular forms and function words of English.
pub struct Lexicon {
    words: Map<&'static [u8]>,
    starts: &'static [u8],
    synsets: &'static [u8],
    forms: Map<&'static [u8]>,
    bases: &'static [u8],
    function_words: &'static str,
}

/// A word that has synsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LexiconWord(u32);

impl Lexicon {
    /// Reads the compiled form; `None` where the bytes are no lexicon of this version.
    pub fn new(bytes: &'static [u8]) -> Option<Lexicon> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let mut lengths = [0; 6];
        for (position, length) in lengths.iter_mut().enumerate() {
            *length = u32::from_le_bytes(rest.get(4 * position..)?.first_chunk().copied()?) as usize;
        }
        let mut at = HEADER_BYTES;
        let sections = lengths.map(|length| {
            let range = at..at.saturating_add(length);
            at = range.end;
            bytes.get(range)
        });
        let [words, starts, synsets, forms, bases, function_words] = sections;
        Some(Lexicon {
            words: Map::new(words?).ok()?,
            starts: starts?,
            synsets: synsets?,
            forms: Map::new(forms?).ok()?,
            bases: bases?,
            function_words: std::str::from_utf8(function_words?).ok()?,
        })
    }

    /// The word as it stands, if it has synsets.
    pub fn word(&self, word: &str) -> Option<LexiconWord> {
        self.words.get(word).map(|number| LexiconWord(number as u32))
    }

    /// The synsets of a word, as numbers, ascending.
    pub fn synsets(&self, word: LexiconWord) -> impl Iterator<Item = u32> {
        let start = |number: u32| {
            let at = 4 * number as usize;
            self.starts
                .get(at..)
                .and_then(|rest| rest.first_chunk())
                .map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize)
        };
        let range: Range<usize> = start(word.0)..start(word.0 + 1);
        range.map(|position| number_at(self.synsets, position))
    }

    /// The base words of an irregular form; `None` where the form is not in the list. A base without synsets is left out.
    pub fn bases(&self, form: &str) -> Option<impl Iterator<Item = LexiconWord>> {
        let start = self.forms.get(form)? as usize;
        let list =
            (start..).map(|position| number_at(self.bases, position)).take_while(|number| *number != END_OF_LIST);
        Some(list.filter(|number| *number != NO_WORD).map(LexiconWord))
    }

    pub fn function_words(&self) -> impl Iterator<Item = &'static str> {
        self.function_words.lines()
    }
}

fn number_at(section: &[u8], position: usize) -> u32 {
    match section.get(3 * position..3 * position + 3) {
        Some([low, middle, high]) => u32::from_le_bytes([*low, *middle, *high, 0]),
        _ => END_OF_LIST,
    }
}
