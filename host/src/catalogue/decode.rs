//! Decoding images, once, for every plugin: RGB, 8 bits. EXIF orientation is not applied, as in the reference processors.

use image::{ImageReader, Limits};
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
    if reader.format().is_none() {
        return Err(format!("{place} is neither JPEG, PNG nor WebP"));
    }
    let decoded = reader.decode().map_err(|error| format!("{place} cannot be decoded: {error}"))?.into_rgb8();
    Ok(Decoded { width: decoded.width(), height: decoded.height(), rgb: decoded.into_raw() })
}
