//! The compact file: deflated; lemmas in order, each as the length it shares with the last and what follows; numbers as varints.

use super::{Pos, WordNet, WordNetError};
use std::collections::{BTreeMap, HashMap};

const MAGIC: &[u8] = b"LBWN1";

impl WordNet {
    /// Reads the compact file.
    pub fn from_bytes(bytes: &[u8]) -> Result<WordNet, WordNetError> {
        let bytes = miniz_oxide::inflate::decompress_to_vec(bytes).map_err(|_| WordNetError::Damaged)?;
        let mut reader = Reader { bytes: bytes.strip_prefix(MAGIC).ok_or(WordNetError::Damaged)?, last: Vec::new() };
        let synsets = reader.number()?;
        let files = reader.take(synsets)?.to_vec();
        let count = reader.number()?;
        let mut lemmas = HashMap::with_capacity(count.min(1 << 20));
        for _ in 0..count {
            let lemma = reader.text()?;
            let mut entry: [Box<[u32]>; 4] = Default::default();
            for senses in &mut entry {
                let count = reader.number()?;
                *senses = (0..count).map(|_| reader.number().map(|number| number as u32)).collect::<Result<_, _>>()?;
            }
            lemmas.insert(lemma, entry);
        }
        let mut exceptions: [HashMap<_, _>; 4] = Default::default();
        for of_pos in &mut exceptions {
            reader.last.clear();
            for _ in 0..reader.number()? {
                let form = reader.text()?;
                let count = reader.number()?;
                let bases = (0..count).map(|_| reader.plain_text()).collect::<Result<_, _>>()?;
                of_pos.insert(form, bases);
            }
        }
        Ok(WordNet { files, lemmas, exceptions })
    }

    /// Writes the compact file; the same content gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer { bytes: MAGIC.to_vec(), last: Vec::new() };
        writer.number(self.files.len());
        writer.bytes.extend(&self.files);
        writer.number(self.lemmas.len());
        for (lemma, entry) in self.lemmas.iter().collect::<BTreeMap<_, _>>() {
            writer.text(lemma);
            for senses in entry {
                writer.number(senses.len());
                senses.iter().for_each(|&synset| writer.number(synset as usize));
            }
        }
        for pos in Pos::ALL {
            let of_pos: BTreeMap<_, _> = self.exceptions[pos as usize].iter().collect();
            writer.last.clear();
            writer.number(of_pos.len());
            for (form, bases) in of_pos {
                writer.text(form);
                writer.number(bases.len());
                for base in bases {
                    writer.number(base.len());
                    writer.bytes.extend(base.as_bytes());
                }
            }
        }
        miniz_oxide::deflate::compress_to_vec(&writer.bytes, 9)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    last: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], WordNetError> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(WordNetError::Damaged)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<usize, WordNetError> {
        let mut number = 0usize;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)?[0];
            number |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(WordNetError::Damaged)
    }

    fn text(&mut self) -> Result<Box<str>, WordNetError> {
        let shared = self.number()?;
        let count = self.number()?;
        let rest = self.take(count)?;
        if shared > self.last.len() {
            return Err(WordNetError::Damaged);
        }
        self.last.truncate(shared);
        self.last.extend(rest);
        Ok(std::str::from_utf8(&self.last).map_err(|_| WordNetError::Damaged)?.into())
    }

    fn plain_text(&mut self) -> Result<Box<str>, WordNetError> {
        let count = self.number()?;
        Ok(std::str::from_utf8(self.take(count)?).map_err(|_| WordNetError::Damaged)?.into())
    }
}

struct Writer {
    bytes: Vec<u8>,
    last: Vec<u8>,
}

impl Writer {
    fn number(&mut self, mut number: usize) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn text(&mut self, text: &str) {
        let text = text.as_bytes();
        let shared = text.iter().zip(&self.last).take_while(|(a, b)| a == b).count();
        self.number(shared);
        self.number(text.len() - shared);
        self.bytes.extend(&text[shared..]);
        self.last = text.to_vec();
    }
}
