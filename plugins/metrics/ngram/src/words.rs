//! Words as numbers: the texts of one item, or of a corpus, become runs of small integers. What is counted over them is `windows`'
//! and the metrics' business.

use hashbrown::HashTable;
use plugin_api::{PluginError, Result, Text};
use rustc_hash::FxHasher;
use std::hash::Hasher;

/// The number that stands for no word: past a text's end, or a word that does not matter.
pub const NO_WORD: u32 = 0;
/// The largest number of a word: four of them and a tag make one `u128` in `windows`.
pub const LAST_WORD: u32 = (1 << 24) - 1;

/// A word, with its first and its last bytes read as integers: up to [`Word::COVERED`] bytes they and the length are the word, so that
/// comparing and hashing take a few instructions and no call.
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    text: &'a str,
    ends: [u64; 2],
}

impl<'a> Word<'a> {
    const COVERED: usize = 16;

    pub fn of(text: &'a str) -> Word<'a> {
        let bytes = text.as_bytes();
        // Each `ends` covers its bytes, in part twice; bytes of the word fill them wholly.
        let ends = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            (Some(first), Some(last)) => [u64::from_le_bytes(*first), u64::from_le_bytes(*last)],
            _ => {
                let four = match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>(), bytes) {
                    (Some(first), Some(last), _) => [u32::from_le_bytes(*first), u32::from_le_bytes(*last)],
                    (_, _, []) => [0; 2],
                    (_, _, short) => {
                        let [first, middle, last] = [short[0], short[short.len() / 2], short[short.len() - 1]];
                        [u32::from_le_bytes([first, middle, last, first]); 2]
                    }
                };
                [u64::from(four[0]) | u64::from(four[1]) << 32; 2]
            }
        };
        Word { text, ends }
    }

    /// True if every byte is one of ASCII's from `!` on, among which is no white space.
    fn is_plain(self) -> bool {
        const EVERY: u64 = u64::from_le_bytes([1; 8]);
        // The top bit of a byte of `b - 0x21 | b` is set below 0x21, which borrows, and beyond 0x7f. A borrow spoils only the bytes above,
        // and something is found already.
        let odd = |eight: u64| (eight.wrapping_sub(EVERY * 0x21) | eight) & (EVERY * 0x80) != 0;
        match self.text.len() {
            0 => false,
            1..=Word::COVERED => !odd(self.ends[0]) && !odd(self.ends[1]),
            _ => self.text.bytes().all(|byte| (b'!'..0x80).contains(&byte)),
        }
    }

    fn hash(self) -> u64 {
        let mut hasher = FxHasher::default();
        hasher.write_u64(self.ends[0]);
        hasher.write_u64(self.ends[1]);
        if self.text.len() > Word::COVERED {
            hasher.write(self.text.as_bytes());
        } else {
            hasher.write_usize(self.text.len());
        }
        hasher.finish()
    }
}

/// Numbers words from 1 in the order of their first appearance. The words lie behind each other in one string.
#[derive(Debug, Default)]
pub struct Words {
    text: String,
    table: HashTable<Known>,
}

/// A numbered word: where it lies in the text, in bytes.
#[derive(Debug, Clone, Copy)]
struct Known {
    ends: [u64; 2],
    start: u32,
    end: u32,
    number: u32,
}

impl Known {
    fn word(self, text: &str) -> Word<'_> {
        Word { text: &text[self.start as usize..self.end as usize], ends: self.ends }
    }

    fn is(&self, word: Word<'_>, text: &str) -> bool {
        self.ends == word.ends
            && (self.end - self.start) as usize == word.text.len()
            && (word.text.len() <= Word::COVERED || self.word(text).text == word.text)
    }
}

impl Words {
    /// Forgets all words. A table that one endless caption has blown up is given back: clearing it would cost every later item.
    pub fn clear(&mut self) {
        self.text.clear();
        if self.table.capacity() > 4096 {
            self.table = HashTable::new();
        } else {
            self.table.clear();
        }
    }

    /// How many words are numbered, which is the largest number given.
    pub fn count(&self) -> u32 {
        self.table.len() as u32
    }

    /// The word's number, or [`NO_WORD`].
    pub fn find(&self, word: Word<'_>) -> u32 {
        self.table.find(word.hash(), |known| known.is(word, &self.text)).map_or(NO_WORD, |known| known.number)
    }

    /// The word's number; the next free one if the word is new.
    ///
    /// # Errors
    /// More than [`LAST_WORD`] different words, or more than 4 GiB of them.
    pub fn number(&mut self, word: Word<'_>) -> Result<u32> {
        let hash = word.hash();
        if let Some(known) = self.table.find(hash, |known| known.is(word, &self.text)) {
            return Ok(known.number);
        }
        let number = self.count() + 1;
        let end = u32::try_from(self.text.len() + word.text.len());
        let (true, Ok(end)) = (number <= LAST_WORD, end) else { return Err(too_many()) };
        let known = Known { ends: word.ends, start: end - word.text.len() as u32, end, number };
        self.text.push_str(word.text);
        self.table.insert_unique(hash, known, |known| known.word(&self.text).hash());
        Ok(number)
    }
}

/// The error for a corpus beyond what the packed n-grams can tell apart.
pub fn too_many() -> PluginError {
    PluginError::data(format!("there are more than {LAST_WORD} different words, or more than 4 GiB of them"))
        .help("score the corpus in parts")
}

/// Puts the numbers of a text's words in place of what `numbers` held. Words end at any white space: a token with a no-break space in it
/// (`1 3/4`) is two words to BLEU and CIDEr.
///
/// # Errors
/// The first one of `number`.
pub fn read(text: Text<'_>, numbers: &mut Vec<u32>, mut number: impl FnMut(Word<'_>) -> Result<u32>) -> Result<()> {
    numbers.clear();
    for token in text.tokens() {
        let word = Word::of(token);
        if word.is_plain() {
            numbers.push(number(word)?);
        } else {
            for part in token.split_whitespace() {
                numbers.push(number(Word::of(part))?);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_words_have_one_number_and_numbers_start_at_one() {
        let mut words = Words::default();
        let numbers: Vec<u32> =
            ["a", "red", "a", "", "é", "red"].iter().map(|word| words.number(Word::of(word)).unwrap()).collect();
        assert_eq!(numbers, [1, 2, 1, 3, 4, 2]);
        let find = |word| words.find(Word::of(word));
        assert_eq!((find("é"), find("blue"), words.count()), (4, NO_WORD, 4));
    }

    #[test]
    fn words_of_all_lengths_that_differ_in_one_byte_are_different() {
        let mut words = Words::default();
        let mut expected = 0;
        for length in 1..40 {
            let same = "a".repeat(length);
            expected += 1;
            assert_eq!(words.number(Word::of(&same)).unwrap(), expected);
            for place in 0..length {
                let mut other = same.clone();
                other.replace_range(place..=place, "b");
                expected += 1;
                assert_eq!(words.number(Word::of(&other)).unwrap(), expected, "{other}");
                assert_eq!(words.find(Word::of(&other)), expected);
            }
        }
    }

    #[test]
    fn words_that_were_cleared_are_forgotten() {
        let mut words = Words::default();
        let spelled: Vec<String> = (0..20_000).map(|word| format!("a-longer-word-{word}")).collect();
        for (place, word) in spelled.iter().enumerate() {
            assert_eq!(words.number(Word::of(word)).unwrap() as usize, place + 1);
        }
        assert!(spelled.iter().enumerate().all(|(place, word)| words.find(Word::of(word)) as usize == place + 1));
        words.clear();
        assert_eq!((words.find(Word::of(&spelled[9])), words.count()), (NO_WORD, 0));
        assert_eq!(words.number(Word::of(&spelled[9])).unwrap(), 1);
    }

    #[test]
    fn a_word_with_white_space_in_any_place_is_not_plain() {
        for length in 1..40 {
            let plain = "~!a".repeat(14)[..length].to_owned();
            assert!(Word::of(&plain).is_plain(), "{plain}");
            for place in 0..length {
                for space in [" ", "\n", "\u{a0}", "\u{2003}", "\u{85}", "\0"] {
                    let mut spaced = plain.clone();
                    spaced.replace_range(place..=place, space);
                    assert!(!Word::of(&spaced).is_plain(), "{spaced:?}");
                }
            }
        }
        assert!(!Word::of("").is_plain());
    }
}
