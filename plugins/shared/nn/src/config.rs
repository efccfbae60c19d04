//! Reading configuration files, and the checks that all models share.

use crate::{Error, Result};
use serde::de::DeserializeOwned;
use std::path::Path;

/// Reads a JSON file.
///
/// # Errors
/// It cannot be read, or is not what `T` needs; the message names the file, and the line where the JSON is damaged.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read(path).map_err(|source| Error::read(path, source))?;
    serde_json::from_slice(&text).map_err(|error| Error::malformed(path, error.to_string()))
}

/// Why a width cannot be divided among heads, if it cannot.
pub fn heads_problem(part: &str, width: usize, heads: usize) -> Option<String> {
    (heads == 0 || width == 0 || !width.is_multiple_of(heads))
        .then(|| format!("{part}: a width of {width} cannot be divided among {heads} heads"))
}
