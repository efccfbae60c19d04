//! Lines of large files: where each lies, and reading one of them alone. Files are read in blocks and parsed on all cores; nothing
//! keeps a file in memory, and nothing maps one: a mapped file that is cut short ends the process.

use rayon::prelude::*;
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::path::Path;
use std::time::SystemTime;

/// Where a line lies in its file, in bytes; without its newline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    pub offset: u64,
    pub length: u32,
}

/// Bytes that are read at once.
const BLOCK: usize = 4 << 20;

/// A longer line is no record of ours.
const LONGEST_LINE: usize = 64 << 20;

/// Parses every whole line from `from` on, several at a time, and hands the results over in order. Gives the offset behind the last
/// whole line: a half-written one is left for the next time.
pub fn scan<T: Send>(
    file: &File,
    from: u64,
    parse: impl Fn(&[u8]) -> T + Sync,
    mut take: impl FnMut(Span, T),
) -> Result<u64> {
    let mut offset = from;
    let mut block = vec![0; BLOCK];
    loop {
        let read = read_some(file, &mut block, offset)?;
        let Some(end) = memchr::memrchr(b'\n', &block[..read]) else {
            if read < block.len() {
                return Ok(offset);
            }
            if block.len() >= LONGEST_LINE {
                return Err(Error::new(ErrorKind::InvalidData, format!("a line is longer than {LONGEST_LINE} bytes")));
            }
            block.resize(block.len() * 2, 0);
            continue;
        };
        let mut lines = Vec::new();
        let mut begin = 0;
        for newline in memchr::memchr_iter(b'\n', &block[..=end]) {
            lines.push(begin..newline);
            begin = newline + 1;
        }
        let parsed: Vec<T> = lines.par_iter().with_min_len(64).map(|line| parse(&block[line.clone()])).collect();
        for (line, value) in lines.iter().zip(parsed) {
            let span = Span { offset: offset + line.start as u64, length: line.len() as u32 };
            take(span, value);
        }
        offset += end as u64 + 1;
        if read < block.len() {
            return Ok(offset);
        }
    }
}

/// Reads one line.
///
/// # Errors
/// The file ends before it.
pub fn read(file: &File, span: Span) -> Result<Vec<u8>> {
    let mut line = vec![0; span.length as usize];
    match read_some(file, &mut line, span.offset)? {
        read if read == line.len() => Ok(line),
        _ => Err(Error::new(ErrorKind::UnexpectedEof, "the file is shorter than it was")),
    }
}

/// Fills the buffer as far as the file goes.
fn read_some(file: &File, buffer: &mut [u8], offset: u64) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(file, &mut buffer[filled..], offset + filled as u64);
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(file, &mut buffer[filled..], offset + filled as u64);
        match read {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// What tells whether a file is the one that was read: its identity, length and time of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    pub inode: u64,
    pub length: u64,
    changed: Option<SystemTime>,
}

impl Signature {
    /// None if there is no such file.
    pub fn of(path: &Path) -> Option<Signature> {
        let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Signature { inode, length: metadata.len(), changed: metadata.modified().ok() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn whole_lines_are_found_in_blocks_and_a_torn_one_is_left() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let long = "x".repeat(BLOCK + 10);
        let lines = ["first", "", &long, "last"];
        file.write_all(format!("{}\ntorn", lines.join("\n")).as_bytes()).unwrap();
        let mut found = Vec::new();
        let end = scan(file.as_file(), 0, <[u8]>::len, |span, length| found.push((span, length))).unwrap();
        assert_eq!(found.iter().map(|(_, length)| *length).collect::<Vec<_>>(), lines.map(str::len));
        for ((span, _), line) in found.iter().zip(lines) {
            assert_eq!(read(file.as_file(), *span).unwrap(), line.as_bytes());
        }
        file.write_all(b" and whole\n").unwrap();
        let mut rest = Vec::new();
        scan(file.as_file(), end, <[u8]>::to_vec, |_, line| rest.push(line)).unwrap();
        assert_eq!(rest, [b"torn and whole".to_vec()]);
    }

    #[test]
    fn a_line_that_is_gone_is_an_error() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"one\ntwo\n").unwrap();
        file.as_file().set_len(5).unwrap();
        assert!(read(file.as_file(), Span { offset: 4, length: 3 }).is_err());
    }
}
