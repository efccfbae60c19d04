//! Is an ELF library as long as its own headers say? The system's loader maps what the headers name without looking, and a
//! file that was cut short (an interrupted copy) then ends the process by a bus error.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Refuses a 64-bit little-endian ELF file that is shorter than its program and section headers say. Files of other kinds pass: the
/// loader itself refuses what it does not know.
///
/// # Errors
/// How long the file is and should be.
pub fn check_complete(path: &Path) -> Result<(), String> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    let mut header = [0; 64];
    if file.read_exact(&mut header).is_err() || !header.starts_with(b"\x7fELF\x02\x01") {
        return Ok(());
    }
    let (segments, sections) = (number(&header[32..40]), number(&header[40..48]));
    let [segment_size, segment_count, section_size, section_count] =
        [54, 56, 58, 60].map(|at| number(&header[at..at + 2]));
    let needs = |wanted: u64| match wanted > length {
        true => Err(format!("it has {length} bytes and should have {wanted}: it was cut short")),
        false => Ok(()),
    };
    needs(segments.saturating_add(segment_size * segment_count))?;
    needs(sections.saturating_add(section_size * section_count))?;
    // A segment's header: type, flags, then offset, two addresses and size in the file, eight bytes each.
    let mut table = vec![0; (segment_size * segment_count) as usize];
    file.seek(SeekFrom::Start(segments))
        .and_then(|_| file.read_exact(&mut table))
        .map_err(|error| error.to_string())?;
    for segment in table.chunks_exact((segment_size as usize).max(1)).filter(|segment| segment.len() >= 40) {
        needs(number(&segment[8..16]).saturating_add(number(&segment[32..40])))?;
    }
    Ok(())
}

/// A little-endian number of at most eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_cut_anywhere_is_incomplete_and_whole_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(check_complete(&path), Ok(()));
        for cut in [64, 1000, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            assert!(check_complete(&path).unwrap_err().contains("cut short"), "{cut}");
        }
    }

    #[test]
    fn what_is_no_elf_file_is_left_to_the_loader() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        for text in [&b""[..], b"text", &[0; 100]] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(check_complete(&path), Ok(()));
        }
        // Headers that name impossible places are refused, not followed.
        std::fs::write(&path, [&b"\x7fELF\x02\x01"[..], &[0xff; 100]].concat()).unwrap();
        assert!(check_complete(&path).is_err());
    }
}
