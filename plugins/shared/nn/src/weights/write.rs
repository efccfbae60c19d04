//! Writing safetensors files and the texts beside them.

use crate::{Error, Result};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize_to_file};
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

/// Writes matrices of f32, and makes sure that they are on the disk.
///
/// # Errors
/// The disk refuses.
pub fn write_safetensors(path: &Path, tensors: Vec<(String, [usize; 2], Vec<f32>)>) -> Result<()> {
    let bytes: Vec<(String, [usize; 2], Vec<u8>)> = tensors
        .into_iter()
        .map(|(name, shape, values)| (name, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    write_stored(path, bytes.iter().map(|(name, shape, bytes)| (name.clone(), Dtype::F32, &shape[..], &bytes[..])))
}

/// Writes tensors as they are stored: name, format, shape, little-endian bytes.
///
/// # Errors
/// The disk refuses, or a tensor's bytes are not those of its shape.
pub fn write_stored<'a>(
    path: &Path,
    tensors: impl Iterator<Item = (String, Dtype, &'a [usize], &'a [u8])>,
) -> Result<()> {
    let views = tensors
        .map(|(name, dtype, shape, bytes)| Ok((name, TensorView::new(dtype, shape.to_vec(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
    // What transformers writes, and some readers ask for.
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    let failed = |error: safetensors::SafeTensorError| Error::Write {
        path: path.to_path_buf(),
        source: match error {
            safetensors::SafeTensorError::IoError(source) => source,
            other => std::io::Error::other(other.to_string()),
        },
    };
    serialize_to_file(views.map_err(failed)?, Some(metadata), path).map_err(failed)?;
    let synced = std::fs::File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|source| Error::Write { path: path.to_path_buf(), source })
}

/// Writes a text, and makes sure that it is on the disk.
///
/// # Errors
/// The disk refuses.
pub fn write_text(path: &Path, text: &str) -> Result<()> {
    let written = std::fs::File::create(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|source| Error::Write { path: path.to_path_buf(), source })
}
