//! The PTB tokenizer as caption metrics use it: a text becomes lowercase tokens without punctuation, each text by itself.
//!
//! Here: the interface and the buffer of tokens. What a token is stands in `rules`, the scan in `scanner`, the text that a
//! token is given in `spelling`. Held to the reference by `tests/parity/pycocoevalcap`.

mod rules;
mod scanner;
mod spelling;

use std::ops::Range;

/// Splits a text into tokens. Many texts are tokenized faster through [`tokenize_into`], which allocates nothing once warm.
pub fn tokenize(text: &str) -> Vec<String> {
    thread_local! {
        static BUFFER: std::cell::RefCell<TokenBuffer> = std::cell::RefCell::default();
    }
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        tokenize_into(text, buffer);
        buffer.iter().map(str::to_owned).collect()
    })
}

/// Appends a text's tokens to a buffer and returns which ones they are.
pub fn tokenize_into(text: &str, buffer: &mut TokenBuffer) -> Range<usize> {
    let first = buffer.len();
    scanner::scan(text, buffer);
    first..buffer.len()
}

/// Tokens of any number of texts in one arena. Keep one a thread: it also holds the scanner's working memory.
#[derive(Default)]
pub struct TokenBuffer {
    /// The tokens' text, one after the other.
    text: String,
    /// Where each token ends in `text`; it starts where the one before it ends.
    ends: Vec<usize>,
    sources: Vec<Range<u32>>,
    scratch: scanner::Scratch,
}

impl TokenBuffer {
    pub fn new() -> TokenBuffer {
        TokenBuffer::default()
    }

    /// Forgets the tokens and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.sources.clear();
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The token at `index`, which must be below [`TokenBuffer::len`].
    pub fn token(&self, index: usize) -> &str {
        &self.text[self.span(index)]
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        (0..self.len()).map(|index| self.token(index))
    }

    /// Where the token at `index` stands in the text that it came from, in bytes.
    pub fn source(&self, index: usize) -> Range<usize> {
        let source = &self.sources[index];
        source.start as usize..source.end as usize
    }

    /// The arena: every token's text without separators. With [`TokenBuffer::span`] a caller can keep tokens as byte ranges.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the token at `index` stands in [`TokenBuffer::text`].
    pub fn span(&self, index: usize) -> Range<usize> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[index]
    }

    /// Ends the token whose text was just pushed; one that is punctuation, or empty, is taken back.
    fn finish(&mut self, source: Range<usize>) {
        let start = self.ends.last().copied().unwrap_or(0);
        if start == self.text.len() || spelling::is_dropped(&self.text[start..]) {
            self.text.truncate(start);
        } else {
            self.ends.push(self.text.len());
            self.sources.push(source.start as u32..source.end as u32);
        }
    }
}
