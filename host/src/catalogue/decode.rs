//! Decoding images, once, for every plugin: RGB, 8 bits, what is transparent on white. EXIF orientation is not applied. Both as in the reference
//! processors.

use image::{DynamicImage, ImageFormat, ImageReader, Limits, RgbImage};
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
    let decoded = on_white(reader.decode().map_err(|error| format!("{place} cannot be decoded: {error}"))?);
    Ok(Decoded { width: decoded.width(), height: decoded.height(), rgb: decoded.into_raw() })
}

/// The picture on a white ground, as transformers (from 5 on) and a shop's page show it. Below what is transparent lies any colour, mostly black.
fn on_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let rgba = image.into_rgba8();
    let (width, height) = rgba.dimensions();
    let pixels = rgba.pixels().flat_map(|pixel| {
        let [red, green, blue, alpha] = pixel.0;
        [red, green, blue].map(|value| over_white(value, alpha))
    });
    // One row behind the other, as they came.
    RgbImage::from_raw(width, height, pixels.collect()).unwrap_or_default()
}

/// alpha · value + (1 − alpha) · white, rounded as Pillow's `alpha_composite` does.
fn over_white(value: u8, alpha: u8) -> u8 {
    let sum = u32::from(value) * u32::from(alpha) + 255 * (255 - u32::from(alpha)) + 128;
    ((sum + (sum >> 8)) >> 8) as u8
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
    fn what_is_transparent_stands_on_white_as_pillow_puts_it_there() {
        use image::codecs::png::PngEncoder;
        // Value, alpha, and what Pillow 13 makes of them: `Image.alpha_composite` on (255, 255, 255, 255).
        let pixels = [
            (0, 0, 255),
            (0, 255, 0),
            (0, 128, 127),
            (100, 1, 254),
            (200, 77, 238),
            (37, 200, 84),
            (255, 3, 255),
            (13, 254, 14),
        ];
        let decoded = |bytes: Vec<u8>, color: ExtendedColorType| {
            let mut file = Vec::new();
            PngEncoder::new(&mut file).write_image(&bytes, 4, 2, color).unwrap();
            let decoded = encoded(&file, None).unwrap();
            assert_eq!((decoded.width, decoded.height), (4, 2));
            decoded.rgb
        };
        let expected: Vec<u8> = pixels.iter().flat_map(|(_, _, white)| [*white; 3]).collect();
        let rgba = pixels.iter().flat_map(|&(value, alpha, _)| [value, value, value, alpha]).collect();
        assert_eq!(decoded(rgba, ExtendedColorType::Rgba8), expected);
        let grey = pixels.iter().flat_map(|&(value, alpha, _)| [value, alpha]).collect();
        assert_eq!(decoded(grey, ExtendedColorType::La8), expected);
        let opaque: Vec<u8> = (0..24).collect();
        assert_eq!(decoded(opaque.clone(), ExtendedColorType::Rgb8), opaque);
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
