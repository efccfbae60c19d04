//! A file in blocks of whole lines, some megabytes each.

use memchr::memrchr;
use std::fs::File;
use std::io::{Read, Result};

/// Bytes read for a block; it ends with the last whole line in them.
pub const BLOCK: usize = 4 << 20;

/// Reads blocks one after the other.
pub struct Blocks {
    file: File,
    /// The beginning of the next block's first line.
    begun: Vec<u8>,
}

impl Blocks {
    /// From where the file stands.
    pub fn new(file: File) -> Blocks {
        Blocks { file, begun: Vec::new() }
    }

    /// The next blocks, at most so many; none at the end.
    pub fn several(&mut self, count: usize) -> Result<Vec<Vec<u8>>> {
        let mut blocks = Vec::with_capacity(count);
        while blocks.len() < count {
            match self.next()? {
                Some(block) => blocks.push(block),
                None => break,
            }
        }
        Ok(blocks)
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut block = Vec::with_capacity(BLOCK + self.begun.len());
        block.append(&mut self.begun);
        loop {
            let before = block.len();
            let read = (&self.file).take(BLOCK as u64).read_to_end(&mut block)?;
            if read == 0 {
                return Ok(Some(block).filter(|block| !block.is_empty()));
            }
            if let Some(last) = memrchr(b'\n', &block[before..]) {
                self.begun = block.split_off(before + last + 1);
                return Ok(Some(block));
            }
        }
    }

    /// What no block had yet.
    pub fn into_rest(self) -> impl Read {
        std::io::Cursor::new(self.begun).chain(self.file)
    }
}
