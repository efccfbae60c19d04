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

/// Numbers words from 1 in the order of their first appearance. The words lie behind each other in one string.
#[derive(Debug, Default)]
pub struct Words {
    text: String,
    table: HashTable<Place>,
}

/// Where a word lies in the text, in bytes.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u32,
    end: u32,
    number: u32,
}

impl Place {
    fn of(self, text: &str) -> &[u8] {
        &text.as_bytes()[self.start as usize..self.end as usize]
    }
}

fn hash(word: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(word);
    hasher.finish()
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
    pub fn find(&self, word: &str) -> u32 {
        let place = self.table.find(hash(word.as_bytes()), |place| place.of(&self.text) == word.as_bytes());
        place.map_or(NO_WORD, |place| place.number)
    }

    /// The word's number; the next free one if the word is new.
    ///
    /// # Errors
    /// More than [`LAST_WORD`] different words, or more than 4 GiB of them.
    pub fn number(&mut self, word: &str) -> Result<u32> {
        let hashed = hash(word.as_bytes());
        if let Some(place) = self.table.find(hashed, |place| place.of(&self.text) == word.as_bytes()) {
            return Ok(place.number);
        }
        let number = self.count() + 1;
        let end = u32::try_from(self.text.len() + word.len());
        let (true, Ok(end)) = (number <= LAST_WORD, end) else { return Err(too_many()) };
        let place = Place { start: end - word.len() as u32, end, number };
        self.text.push_str(word);
        self.table.insert_unique(hashed, place, |place| hash(place.of(&self.text)));
        Ok(number)
    }
}

/// The error for a corpus beyond what the packed n-grams can tell apart.
pub fn too_many() -> PluginError {
    PluginError::data(format!("there are more than {LAST_WORD} different words")).help("score the corpus in parts")
}

/// Calls with every word of a text where words end at any white space: a token with a no-break space in it (`1 3/4`) is two words to
/// BLEU and CIDEr.
///
/// # Errors
/// The first one of `take`.
pub fn each_word(text: Text<'_>, mut take: impl FnMut(&str) -> Result<()>) -> Result<()> {
    for token in text.tokens() {
        if token.bytes().all(|byte| byte.is_ascii_graphic()) && !token.is_empty() {
            take(token)?;
        } else {
            token.split_whitespace().try_for_each(&mut take)?;
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
            ["a", "red", "a", "", "é", "red"].iter().map(|word| words.number(word).unwrap()).collect();
        assert_eq!(numbers, [1, 2, 1, 3, 4, 2]);
        assert_eq!((words.find("é"), words.find("blue"), words.count()), (4, NO_WORD, 4));
    }

    #[test]
    fn words_that_were_cleared_are_forgotten() {
        let mut words = Words::default();
        for word in 0..20_000 {
            assert_eq!(words.number(&format!("w{word}")).unwrap(), word + 1);
        }
        assert_eq!(words.find("w19999"), 20_000);
        words.clear();
        assert_eq!((words.find("w19999"), words.count()), (NO_WORD, 0));
        assert_eq!(words.number("w19999").unwrap(), 1);
    }
}
