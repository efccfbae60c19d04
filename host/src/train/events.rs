//! TensorBoard's event files: TFRecords of `Event` messages with scalars, which is all that is written here. The crates that write them
//! are unmaintained (tboard, tensorboard-rs) or of unstated licence (tfrecord), and the format is two frames and five fields.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// An event file that grows. TensorBoard reads all files of a folder, and where a later one begins at an earlier step it lets go of
/// what the earlier file has beyond that.
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// A new file in the folder, named by the time as TensorBoard wants it. `seconds` is the time since 1970.
    pub fn create(folder: &Path, seconds: f64) -> Result<EventFile> {
        let mut stamp = seconds as u64;
        loop {
            let path = folder.join(format!("events.out.tfevents.{stamp:010}.lookbook"));
            match File::create_new(&path) {
                Ok(file) => {
                    let mut events = EventFile { path, file };
                    // Event.file_version = 3
                    let mut body = double(1, seconds);
                    body.extend(bytes(3, b"brain.Event:2"));
                    events.record(&body)?;
                    return Ok(events);
                }
                // Begun within the same second.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => stamp += 1,
                Err(error) => return Err(Error::io("write", &path, &error)),
            }
        }
    }

    /// Scalars of a step.
    pub fn scalars(&mut self, seconds: f64, step: usize, values: &[(&str, f64)]) -> Result<()> {
        self.record(&event(seconds, step, values))
    }

    fn record(&mut self, body: &[u8]) -> Result<()> {
        self.file.write_all(&frame(body)).map_err(|error| Error::io("write", &self.path, &error))
    }
}

/// Event { wall_time = 1, step = 2, summary = 5 { value = 1 { tag = 1, simple_value = 2 } … } }
fn event(seconds: f64, step: usize, values: &[(&str, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (tag, value) in values {
        let mut entry = bytes(1, tag.as_bytes());
        entry.push(2 << 3 | 5);
        entry.extend((*value as f32).to_le_bytes());
        summary.extend(bytes(1, &entry));
    }
    let mut body = double(1, seconds);
    body.push(2 << 3);
    varint(&mut body, step as u64);
    body.extend(bytes(5, &summary));
    body
}

/// A TFRecord: length, its masked checksum, the bytes, their masked checksum; all little-endian.
fn frame(body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), body, &masked(body)].concat()
}

fn masked(bytes: &[u8]) -> [u8; 4] {
    (crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)).to_le_bytes()
}

/// CRC-32 with Castagnoli's polynomial, reflected. Bit by bit: records are a hundred bytes.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 })
    })
}

fn double(field: u8, value: f64) -> Vec<u8> {
    [&[field << 3 | 1][..], &value.to_le_bytes()].concat()
}

fn bytes(field: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    varint(&mut out, value.len() as u64);
    out.extend(value);
    out
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        // RFC 3720, B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    /// What tensorboard's own writer makes of the same values: `tests/parity/training/events.py`.
    #[test]
    fn a_file_is_to_the_byte_what_tensorboard_writes() {
        let expected = include_bytes!("../../../tests/parity/training/events.out.tfevents");
        let folder = tempfile::tempdir().unwrap();
        let mut events = EventFile::create(folder.path(), 1_700_000_000.25).unwrap();
        events.scalars(1_700_000_001.5, 1, &[("loss", 2.5), ("learning-rate", 1e-4)]).unwrap();
        events.scalars(1_700_000_002.0, 300, &[("validation-loss", 0.125)]).unwrap();
        assert_eq!(std::fs::read(&events.path).unwrap(), expected);
        let second = EventFile::create(folder.path(), 1_700_000_000.5).unwrap();
        assert_ne!(second.path, events.path);
    }
}
