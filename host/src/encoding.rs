//! How a text file that others wrote begins: with UTF-8, perhaps behind a byte order mark. Anything else is refused here, once for all
//! readers, which go on from there.

use crate::error::{Error, Result};

/// Bytes of the byte order mark in front of a text, which spreadsheets write; 0 where there is none. `first` are the file's first bytes, four
/// if it has so many.
///
/// # Errors
/// The file is compressed, or no UTF-8; not yet with its name.
pub fn mark(first: &[u8]) -> Result<usize> {
    match first {
        [0xEF, 0xBB, 0xBF, ..] => Ok(3),
        [0x1F, 0x8B, ..] => Err(Error::usage("the file is compressed by gzip")
            .help("unpack it, as `gunzip --keep` does, and name the file that comes out")),
        // Of UTF-16 the mark; or, without one, a letter's empty half.
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Err(in_utf_16()),
        first if first.iter().take(4).any(|&byte| byte == 0) => Err(in_utf_16()),
        _ => Ok(0),
    }
}

fn in_utf_16() -> Error {
    Error::usage("the file is in UTF-16, and not in UTF-8")
        .help("save it as UTF-8, as `iconv --from-code UTF-16 --to-code UTF-8` does")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_utf_8_is_read() {
        assert_eq!(mark(b"").unwrap(), 0);
        assert_eq!(mark(b"u\ti\n").unwrap(), 0);
        assert_eq!(mark(b"abcd\0").unwrap(), 0);
        assert_eq!(mark("\u{feff}u".as_bytes()).unwrap(), 3);
        for (first, wrong, help) in [
            (&b"\x1f\x8b\x08\x00rest"[..], "compressed", "gunzip"),
            (b"\xff\xfeu\0", "UTF-16", "iconv"),
            (b"\xfe\xff\0u", "UTF-16", "iconv"),
            (b"u\0\t\0", "UTF-16", "iconv"),
            (b"\0u", "UTF-16", "iconv"),
        ] {
            let error = mark(first).unwrap_err();
            assert!(error.message.contains(wrong) && error.help.unwrap().contains(help), "{first:?}");
        }
    }
}
