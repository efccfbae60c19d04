//! Decoding images, once, for every plugin: RGB, 8 bits. EXIF orientation is not applied, as in the reference processors.

use image::{ImageFormat, ImageReader, Limits};
use plugin_api::{Image, ImageSource};
use std::io::Cursor;
use std::path::Path;

/// A decoded image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    pub width: u32,
    pub height: u32,
    /// `width * height * 3` bytes.
    pub rgb: Vec<u8>,
}

impl Decoded {
    pub fn as_image(&self) -> Image<'_> {
        Image { width: self.width, height: self.height, rgb: &self.rgb }
    }
}

/// More than a product photograph ever needs; a hostile header must not take all memory.
const MOST_BYTES: u64 = 1 << 30;

/// Reads and decodes an item's image.
///
/// # Errors
/// A sentence with the path and what is wrong with the file.
pub fn decode(source: ImageSource) -> Result<Decoded, String> {
    match source {
        ImageSource::File(path) => {
            let bytes = std::fs::read(&path).map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => format!("the image {} is missing", path.display()),
                _ => format!("the image {} cannot be read: {error}", path.display()),
            })?;
            encoded(&bytes, Some(&path))
        }
        ImageSource::Encoded(bytes) => encoded(&bytes, None),
        ImageSource::Rgb8 { width, height, pixels } => {
            let expected = u64::from(width) * u64::from(height) * 3;
            if pixels.len() as u64 != expected || expected == 0 {
                return Err(format!("the dataset gave {} bytes for an image of {width} × {height}", pixels.len()));
            }
            Ok(Decoded { width, height, rgb: pixels })
        }
    }
}

fn encoded(bytes: &[u8], path: Option<&Path>) -> Result<Decoded, String> {
    let place = path.map_or("the image".to_owned(), |path| format!("the image {}", path.display()));
    if bytes.is_empty() {
        return Err(format!("{place} is empty (0 bytes)"));
    }
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| format!("{place} cannot be read: {error}"))?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    match reader.format() {
        None => return Err(format!("{place} is neither JPEG, PNG nor WebP")),
        // The decoder would fill what is missing with grey.
        Some(ImageFormat::Jpeg) if is_cut_short(bytes) => {
            return Err(format!("{place} cannot be decoded: the file ends before the image does; copy it again"));
        }
        Some(_) => {}
    }
    let decoded = reader.decode().map_err(|error| format!("{place} cannot be decoded: {error}"))?.into_rgb8();
    Ok(Decoded { width: decoded.width(), height: decoded.height(), rgb: decoded.into_raw() })
}

/// Whether a JPEG file ends before its end marker (ISO 10918-1, annex B), as one does of which a part was copied. What is wrong in
/// another way, the decoder will tell.
fn is_cut_short(bytes: &[u8]) -> bool {
    const END: u8 = 0xD9;
    const SCAN: u8 = 0xDA;
    // Behind the start marker there are segments, each a marker and its length, and behind a scan's header its data.
    let mut at = 2;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.windows(2).position(is_marker)) {
        at += found;
        let marker = bytes[at + 1];
        if marker == END {
            return false;
        }
        let Some(length) = bytes.get(at + 2..at + 4) else { return true };
        at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
        if marker != SCAN && bytes.get(at) != Some(&0xFF) && at < bytes.len() {
            // No segment follows: this is no file that was only cut.
            return false;
        }
    }
    true
}

/// A marker that begins a segment or ends the image: within a scan's data, 0xFF is followed by 0, and restart markers stand alone.
fn is_marker(pair: &[u8]) -> bool {
    pair[0] == 0xFF && !matches!(pair[1], 0 | 1 | 0xD0..=0xD8 | 0xFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder};

    fn jpeg() -> Vec<u8> {
        let pixels: Vec<u8> = (0..90 * 70 * 3).map(|place| (place * 7 % 251) as u8).collect();
        let mut bytes = Vec::new();
        JpegEncoder::new(&mut bytes).write_image(&pixels, 90, 70, ExtendedColorType::Rgb8).unwrap();
        bytes
    }

    #[test]
    fn a_jpeg_cut_anywhere_is_an_error() {
        let whole = jpeg();
        assert!(encoded(&whole, None).is_ok());
        for length in 1..whole.len() {
            assert!(encoded(&whole[..length], None).is_err(), "{length} of {} bytes", whole.len());
        }
    }

    #[test]
    fn bytes_behind_the_end_and_a_thumbnail_with_an_end_of_its_own_are_as_they_were() {
        let whole = jpeg();
        assert!(encoded(&[&whole[..], b"\0\0more"].concat(), None).is_ok());
        // An application segment with a whole JPEG in it, as EXIF has.
        let thumbnail = jpeg();
        let length = (thumbnail.len() + 2) as u16;
        let segment = [&[0xFF, 0xE1][..], &length.to_be_bytes(), &thumbnail].concat();
        let with = [&whole[..2], &segment, &whole[2..]].concat();
        assert!(encoded(&with, None).is_ok());
        assert!(encoded(&with[..with.len() - whole.len() / 2], None).is_err());
    }
}
