//! Numbers for words and n-grams: a caption becomes a list of small integers, and counting is sorting them.
//!
//! An n-gram's number is found from its first n − 1 words' number and its last word, so that no n-gram's text is ever kept.
//! A [`Numbering`] may stand on a shared one that it only reads, and number what is new from where that ends.

use plugin_api::Text;
use rustc_hash::FxHashMap;

/// The longest n-gram that is counted.
pub const ORDERS: usize = 4;

/// Numbers of words and n-grams. Words and n-grams of all lengths share one sequence of numbers.
#[derive(Debug, Default)]
pub struct Numbering {
    words: FxHashMap<Box<str>, u32>,
    /// (number of the first n − 1 words, number of the last word) → number of the n-gram.
    longer: FxHashMap<(u32, u32), u32>,
    next: u32,
}

impl Numbering {
    /// How many numbers were given.
    pub fn len(&self) -> usize {
        self.next as usize
    }

    /// Forgets all numbers and starts at `first`.
    pub fn restart(&mut self, first: usize) {
        self.words.clear();
        self.longer.clear();
        self.next = first as u32;
    }

    fn word(&mut self, below: Option<&Numbering>, word: &str) -> u32 {
        if let Some(&number) = below.and_then(|below| below.words.get(word)) {
            return number;
        }
        if let Some(&number) = self.words.get(word) {
            return number;
        }
        self.words.insert(word.into(), self.next);
        self.take()
    }

    fn longer(&mut self, below: Option<&Numbering>, key: (u32, u32)) -> u32 {
        // What starts or ends with something new is new.
        let known = below.filter(|below| key.0.max(key.1) < below.next);
        if let Some(&number) = known.and_then(|below| below.longer.get(&key)) {
            return number;
        }
        match self.longer.get(&key) {
            Some(&number) => number,
            None => {
                self.longer.insert(key, self.next);
                self.take()
            }
        }
    }

    fn take(&mut self) -> u32 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// The words of a text. White space inside a token parts it, as BLEU and CIDEr want it (`1\u{a0}3/4` is two words).
    pub fn words(&mut self, below: Option<&Numbering>, text: &Text<'_>, out: &mut Vec<u32>) {
        out.clear();
        for token in text.tokens() {
            if token.is_ascii() {
                out.push(self.word(below, token));
            } else {
                out.extend(token.split_whitespace().map(|word| self.word(below, word)));
            }
        }
    }

    /// A text's tokens as they are.
    pub fn tokens(&mut self, text: &Text<'_>, out: &mut Vec<u32>) {
        out.clear();
        out.extend(text.tokens().map(|token| self.word(None, token)));
    }

    /// Counts the n-grams of a list of words.
    pub fn count(&mut self, below: Option<&Numbering>, words: &[u32], counts: &mut Counts) {
        let mut grams: [Vec<u32>; ORDERS] = std::mem::take(&mut counts.grams);
        grams.iter_mut().for_each(Vec::clear);
        for start in 0..words.len() {
            let mut number = words[start];
            grams[0].push(number);
            for (order, &word) in words[start + 1..].iter().take(ORDERS - 1).enumerate() {
                number = self.longer(below, (number, word));
                grams[order + 1].push(number);
            }
        }
        for (grams, counts) in grams.iter_mut().zip(&mut counts.orders) {
            grams.sort_unstable();
            counts.clear();
            counts.extend(grams.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32)));
        }
        counts.grams = grams;
        counts.length = words.len();
    }
}

/// How often each n-gram stands in a caption.
#[derive(Debug, Default)]
pub struct Counts {
    /// For n = 1…4, (number, how often), by rising number.
    pub orders: [Vec<(u32, u32)>; ORDERS],
    /// Words.
    pub length: usize,
    grams: [Vec<u32>; ORDERS],
}

/// Walks two lists of (number, count) together: for each entry of `left`, the count that `right` has of it.
pub fn joined<'a>(left: &'a [(u32, u32)], right: &'a [(u32, u32)]) -> impl Iterator<Item = (u32, u32, u32)> + 'a {
    let mut right = right.iter().peekable();
    left.iter().map(move |&(number, count)| {
        while right.next_if(|&&(other, _)| other < number).is_some() {}
        (number, count, right.next_if(|&&(other, _)| other == number).map_or(0, |&(_, count)| count))
    })
}
