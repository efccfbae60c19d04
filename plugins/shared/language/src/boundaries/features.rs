//! What the boundary model sees around a place in the text. The hash and the features are part of the model's format.

use super::{BUCKETS, Piece, Place};
use std::ops::Range;

/// A stretch without white space.
pub(crate) struct Chunk {
    pub characters: Vec<char>,
    /// The same in lower case, digits as `0`, quotation marks plain.
    plain: Vec<char>,
    /// Bytes in the text where each character begins, and where the last ends.
    offsets: Vec<usize>,
    /// The first character after the white space that follows; `None` at a paragraph's end.
    next: Option<char>,
    /// Where a fused word such as `cannot` divides.
    fused: Option<usize>,
    /// A letter, a hyphen and letters (`T-shirt`, `V-neck`), with what may follow: stays whole.
    lettered: usize,
}

/// Words written as one, and how many characters the first has.
const FUSED: [(&str, usize); 10] = [
    ("cannot", 3),
    ("gonna", 3),
    ("wanna", 3),
    ("gotta", 3),
    ("gimme", 3),
    ("lemme", 3),
    ("dont", 2),
    ("didnt", 3),
    ("doesnt", 4),
    ("isnt", 2),
];

impl Chunk {
    pub fn new(offset: usize, word: &str, next: Option<char>) -> Chunk {
        let characters: Vec<char> = word.chars().collect();
        let plain: Vec<char> = characters.iter().map(|&c| plain(c)).collect();
        let offsets = word.char_indices().map(|(at, _)| offset + at).chain([offset + word.len()]).collect();
        let letters: String = plain.iter().take_while(|c| c.is_alphabetic()).collect();
        let fused = FUSED.iter().find(|(word, _)| *word == letters).map(|(_, at)| *at);
        let lettered = match plain.as_slice() {
            [a, '-', b, rest @ ..] if a.is_ascii_alphabetic() && b.is_alphabetic() => {
                3 + rest.iter().take_while(|c| c.is_alphabetic()).count()
            }
            _ => 0,
        };
        Chunk { characters, plain, offsets, next, fused, lettered }
    }

    /// The bytes of characters `from..to`.
    pub fn range(&self, from: usize, to: usize) -> Range<usize> {
        self.offsets[from]..self.offsets[to]
    }

    /// What needs no model: between letters, between digits.
    pub fn fixed(&self, at: usize) -> Option<Place> {
        if at < self.lettered {
            return Some(Place::Inside);
        }
        if self.fused == Some(at) {
            return Some(Place::Word);
        }
        let (a, b) = (self.plain[at - 1], self.plain[at]);
        if a == '0' && b == '0' {
            return Some(Place::Inside);
        }
        if a.is_alphabetic() && b.is_alphabetic() {
            // Only the n of n't may part from letters.
            let negated = matches!(&self.plain[at..], ['n', '\'', 't', rest @ ..] if !rest.first().is_some_and(|c| c.is_alphabetic()));
            return if negated { None } else { Some(Place::Inside) };
        }
        None
    }
}

pub(crate) fn plain(c: char) -> char {
    match c {
        '0'..='9' => '0',
        '’' | '‘' | '`' | '´' => '\'',
        '“' | '”' => '"',
        c => c.to_lowercase().next().unwrap_or(c),
    }
}

fn class(c: Option<char>) -> u8 {
    match c {
        None => b'$',
        Some(c) if c.is_uppercase() => b'X',
        Some(c) if c.is_alphabetic() => b'x',
        Some(c) if c.is_numeric() => b'0',
        Some(c) if c.is_ascii() => c as u8,
        Some('’' | '‘' | '´') => b'\'',
        Some('“' | '”') => b'"',
        Some(_) => b'?',
    }
}

struct Hasher<'a> {
    out: &'a mut Vec<u32>,
    kind: u8,
}

impl Hasher<'_> {
    fn add(&mut self, characters: impl IntoIterator<Item = char>) {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        for value in [u32::from(self.kind)].into_iter().chain(characters.into_iter().map(u32::from)) {
            hash = (hash ^ u64::from(value)).wrapping_mul(0x0100_0000_01b3);
        }
        self.out.push(((hash ^ (hash >> 29)) % BUCKETS as u64) as u32);
        self.kind += 1;
    }
}

/// Features of the place before character `at` of a chunk, where the current word begins at `from`.
pub(crate) fn split_features(chunk: &Chunk, from: usize, at: usize, out: &mut Vec<u32>) {
    let plain = &chunk.plain;
    let look = |offset: isize| at.checked_add_signed(offset).and_then(|place| plain.get(place)).copied();
    let kind = |offset: isize| {
        char::from(class(at.checked_add_signed(offset).and_then(|place| chunk.characters.get(place)).copied()))
    };
    let around = |range: Range<isize>| range.map(|offset| look(offset).unwrap_or('\u{0}')).collect::<Vec<char>>();
    let classes = |range: Range<isize>| range.map(kind).collect::<Vec<char>>();
    let left = |most: usize| plain[from.max(at.saturating_sub(most))..at].to_vec();
    let right = |most: usize| plain[at..plain.len().min(at + most)].to_vec();
    let has = |test: fn(&char) -> bool, range: &[char]| if range.iter().any(test) { '1' } else { '0' };
    let mut hash = Hasher { out, kind: 0 };
    hash.add([]);
    hash.add(around(-1..1));
    hash.add(around(-2..1));
    hash.add(around(-1..2));
    hash.add(around(-2..2));
    hash.add(around(-3..1));
    hash.add(around(-1..3));
    hash.add(classes(-1..1));
    hash.add(classes(-2..2));
    hash.add(classes(-3..3));
    hash.add(left(10));
    hash.add(right(10));
    hash.add(left(10).into_iter().chain(look(0)));
    hash.add(right(10).into_iter().chain(look(-1)));
    hash.add(plain.iter().copied().take(14));
    let last = if at + 1 == plain.len() { '1' } else { '0' };
    let next = char::from(class(chunk.next));
    hash.add(look(0).into_iter().chain([last, next]));
    hash.add(left(6).into_iter().chain([last, next]));
    let digits = |range: &[char]| has(|c| *c == '0', range);
    let letters = |range: &[char]| has(|c| c.is_alphabetic(), range);
    let (before, after) = (&plain[..at], &plain[at..]);
    hash.add([
        look(-1).unwrap_or('$'),
        look(0).unwrap_or('$'),
        digits(before),
        letters(before),
        digits(after),
        letters(after),
    ]);
    let special =
        plain.contains(&'@') || plain.starts_with(&['h', 't', 't', 'p']) || plain.starts_with(&['w', 'w', 'w', '.']);
    hash.add([if special { '1' } else { '0' }, kind(-1), kind(0)]);
    let hyphens = plain.iter().filter(|&&c| c == '-').count().min(3) as u8;
    hash.add([char::from(b'0' + hyphens), kind(-1), kind(0), if from == 0 { '1' } else { '0' }]);
    hash.add([char::from(b'0' + (at - from).min(5) as u8), kind(-1), kind(0), kind(1)]);
}

/// Features of a sentence's end after word `at`.
pub(crate) fn join_features(text: &str, pieces: &[Piece], at: usize, out: &mut Vec<u32>) {
    let word = |offset: isize| {
        at.checked_add_signed(offset).and_then(|at| pieces.get(at)).map_or("", |piece| &text[piece.range.clone()])
    };
    let lower = |offset: isize| word(offset).chars().map(plain).take(12).collect::<Vec<char>>();
    let shape = |offset: isize| {
        let mut shape: Vec<char> = Vec::new();
        for c in word(offset).chars() {
            let c = char::from(class(Some(c)));
            if shape.last() != Some(&c) && shape.len() < 5 {
                shape.push(c);
            }
        }
        shape
    };
    let gap = match pieces.get(at + 1) {
        Some(next) => &text[pieces[at].range.end..next.range.start],
        None => "",
    };
    let gap = if gap.contains('\n') {
        'n'
    } else if gap.is_empty() {
        '0'
    } else {
        's'
    };
    let join = |parts: &[Vec<char>]| parts.join(&'|');
    let mut hash = Hasher { out, kind: 64 };
    hash.add([]);
    hash.add([gap]);
    hash.add(lower(0));
    hash.add(lower(0).into_iter().chain([gap]).chain(shape(1)));
    hash.add(join(&[lower(-1), lower(0)]));
    hash.add(join(&[shape(-1), lower(0), shape(1), vec![gap]]));
    hash.add(join(&[lower(0), lower(1)]));
    hash.add(lower(1));
    hash.add(lower(-1));
    hash.add(join(&[lower(0), shape(1), shape(2), vec![gap]]));
    hash.add(join(&[lower(0), lower(1), lower(2)]));
    hash.add(join(&[shape(-1), lower(0), lower(1)]));
    hash.add(join(&[shape(-2), shape(-1), lower(0), shape(1)]));
}
