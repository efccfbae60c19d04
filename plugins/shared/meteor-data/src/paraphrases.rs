//! The compiled paraphrase table, read through a memory map: nothing is decoded when it opens, and only the pages that are
//! looked at become resident. The compiler beside it writes the same layout.

use crate::error::{DataError, Result};
use memmap2::Mmap;
use std::cmp::Ordering;
use std::fs::File;
use std::ops::Range;
use std::path::Path;

/// The file: this header, then the sections in this order, each starting at a multiple of 8 bytes. Little-endian.
///
/// - `words`: the words' bytes, sorted, one after the other. A word's number is its place among them.
/// - `word_starts`: `u32[words + 1]`, where each starts.
/// - `children`: `u32[phrases + 1]`. The phrases are the nodes of a trie over words in breadth-first order, so that phrase `p`
///   is extended by the phrases `children[p]..children[p + 1]`. The phrase of the single word `w` has the number `w`.
/// - `partners`: `u32[phrases + 1]`, where a phrase's list in `pairs` starts.
/// - `pairs`: `u32[pairs]`, ascending in each list: the partner's number times 4, plus 1 where the source has the pair with the
///   list's phrase first, plus 2 where it has it with the partner first. A pair stands with one of its two phrases only.
/// - `labels`: `u16[phrases]`, the last word of each phrase; ascending among siblings.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Header {
    pub magic: [u8; 8],
    pub words: u32,
    pub phrases: u32,
    pub pairs: u32,
    pub word_bytes: u32,
    /// Length of the whole file, so that a torn copy is noticed.
    pub file_bytes: u64,
    /// SHA-256 of the file that was compiled.
    pub source: [u8; 32],
}

pub(crate) const MAGIC: [u8; 8] = *b"LBMTPAR1";

impl Header {
    /// Byte ranges of words, word_starts, children, partners, pairs, labels, and the end of the file.
    pub fn sections(&self) -> ([Range<usize>; 6], usize) {
        let phrases = self.phrases as usize;
        let words = 4 * (self.words as usize + 1);
        let starts = 4 * (phrases + 1);
        let lengths = [self.word_bytes as usize, words, starts, starts, 4 * self.pairs as usize, 2 * phrases];
        let mut at = size_of::<Header>();
        let sections = lengths.map(|length| {
            let range = at..at + length;
            at = range.end.next_multiple_of(8);
            range
        });
        (sections, at)
    }
}

/// A phrase that the table knows, or the beginning of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Phrase(pub(crate) u32);

impl Phrase {
    pub fn number(self) -> u32 {
        self.0
    }
}

/// A phrase that forms a pair with another, and in which direction the source has the pair.
#[repr(transparent)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Partner(u32);

impl Partner {
    pub(crate) fn new(number: u32, listed_first: bool, partner_first: bool) -> Partner {
        Partner(number << 2 | u32::from(partner_first) << 1 | u32::from(listed_first))
    }

    /// The number of the partner's [`Phrase`].
    pub fn number(self) -> u32 {
        self.0 >> 2
    }

    /// True where the source has the phrase whose list this is first, this partner as its paraphrase.
    pub fn listed_first(self) -> bool {
        self.0 & 1 != 0
    }

    /// True where the source has this partner first.
    pub fn partner_first(self) -> bool {
        self.0 & 2 != 0
    }
}

/// METEOR's paraphrase pairs.
///
/// Sentences are walked word by word: [`Paraphrases::word`], then [`Paraphrases::extend`] as long as it answers. Of two
/// phrases either may hold the pair in its list ([`Paraphrases::partners`]), so look in both.
pub struct Paraphrases {
    map: Mmap,
    words: Range<usize>,
    word_starts: Range<usize>,
    children: Range<usize>,
    partners: Range<usize>,
    pairs: Range<usize>,
    labels: Range<usize>,
}

impl Paraphrases {
    /// Phrases have at most this many words.
    pub const LONGEST: usize = 7;

    /// Opens a compiled table. Time and memory do not depend on its size.
    ///
    /// # Errors
    /// When the file cannot be read, is torn, or has another version's layout.
    pub fn open(path: &Path) -> Result<Paraphrases> {
        let damaged = |reason| DataError::Damaged { path: path.to_path_buf(), reason };
        let file = File::open(path).map_err(DataError::file("open", path))?;
        // SAFETY: installed assets are replaced whole by renaming, never written in place, so the mapped file does not change.
        let map = unsafe { Mmap::map(&file) }.map_err(DataError::file("map", path))?;
        let header = map.get(..size_of::<Header>()).ok_or_else(|| damaged("too short"))?;
        let header: Header = bytemuck::pod_read_unaligned(header);
        if header.magic != MAGIC {
            return Err(damaged("wrong first bytes"));
        }
        let ([words, word_starts, children, partners, pairs, labels], end) = header.sections();
        if header.file_bytes != map.len() as u64 || end != map.len() || header.words > header.phrases {
            return Err(damaged("wrong length"));
        }
        let table = Paraphrases { map, words, word_starts, children, partners, pairs, labels };
        for section in [&table.word_starts, &table.children, &table.partners, &table.pairs] {
            if bytemuck::try_cast_slice::<u8, u32>(&table.map[section.clone()]).is_err() {
                return Err(damaged("alignment"));
            }
        }
        Ok(table)
    }

    fn numbers(&self, section: &Range<usize>) -> &[u32] {
        // `open` has tried this cast; an empty slice is never seen.
        bytemuck::try_cast_slice(&self.map[section.clone()]).unwrap_or_default()
    }

    fn labels(&self) -> &[u16] {
        bytemuck::try_cast_slice(&self.map[self.labels.clone()]).unwrap_or_default()
    }

    /// The phrase of one word.
    pub fn word(&self, word: &str) -> Option<Phrase> {
        let starts = self.numbers(&self.word_starts);
        let bytes = &self.map[self.words.clone()];
        let text = |number: usize| bytes.get(starts[number] as usize..starts[number + 1] as usize).unwrap_or_default();
        let (mut low, mut high) = (0, starts.len().checked_sub(1)?);
        while low < high {
            let middle = low.midpoint(high);
            match text(middle).cmp(word.as_bytes()) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Some(Phrase(middle as u32)),
                Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// The phrase with `next`, a phrase of one word, added at its end, where a phrase of the table begins so.
    pub fn extend(&self, phrase: Phrase, next: Phrase) -> Option<Phrase> {
        let label = u16::try_from(next.0).ok()?;
        let children = self.slice(&self.children, phrase)?;
        let found = self.labels().get(children.clone())?.binary_search(&label).ok()?;
        Some(Phrase((children.start + found) as u32))
    }

    /// The phrases whose pair with this one is kept here, ascending.
    pub fn partners(&self, phrase: Phrase) -> &[Partner] {
        let list = self.slice(&self.partners, phrase).and_then(|range| self.numbers(&self.pairs).get(range));
        bytemuck::cast_slice(list.unwrap_or_default())
    }

    /// How many pairs the table holds; a pair given in both directions counts once.
    pub fn len(&self) -> usize {
        self.pairs.len() / size_of::<u32>()
    }

    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    fn slice(&self, section: &Range<usize>, phrase: Phrase) -> Option<Range<usize>> {
        let starts = self.numbers(section);
        let start = *starts.get(phrase.0 as usize)? as usize;
        let end = *starts.get(phrase.0 as usize + 1)? as usize;
        Some(start..end)
    }
}
