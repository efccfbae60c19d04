//! The vendors' file layouts: each module writes one vendor's files and knows nothing of the others.

pub mod facad;
pub mod fashiongen;
pub mod hm;
pub mod interactions;
pub mod large;
pub mod transactions;

use crate::Error;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use std::path::Path;

/// Writes a file whole, making its folders.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::write(folder))?;
    }
    std::fs::write(path, bytes).map_err(Error::write(path))
}

/// Writes a JPEG of a quality in 1..=100.
pub(crate) fn write_jpeg(path: &Path, picture: &RgbImage, quality: u8) -> Result<(), Error> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode_image(picture)
        .map_err(|source| Error::Image { path: path.into(), source })?;
    write(path, &bytes)
}
