//! A checkpoint's files against what a model expects, without reading a weight: everything that is wrong at once.

use super::{Checkpoint, Expected};
use crate::Error;
use plugin_api::StoredTensors;
use safetensors::Dtype;
use std::collections::BTreeMap;
use std::path::Path;

/// What the files hold, and what keeps them from being loaded.
#[derive(Debug, Default)]
pub struct Examined {
    /// By number format.
    pub stored: BTreeMap<String, StoredTensors>,
    pub problems: Vec<String>,
}

/// Opens a directory's weights and compares names, shapes and number formats.
pub fn examine(directory: &Path, expected: &Expected) -> Examined {
    let mut examined = Examined::default();
    let checkpoint = match Checkpoint::open(directory) {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            examined.problems.push(error.to_string());
            return examined;
        }
    };
    match expected.check(&checkpoint) {
        Ok(()) => {}
        Err(Error::Weights { problems, .. }) => {
            examined.problems.extend(problems.into_iter().map(|problem| problem.trim_start().to_string()));
        }
        Err(error) => examined.problems.push(error.to_string()),
    }
    let mut unread = Vec::new();
    for (name, tensor) in checkpoint.tensors() {
        let format = examined.stored.entry(format!("{:?}", tensor.dtype)).or_default();
        format.tensors += 1;
        format.bytes += checkpoint.bytes(tensor).len() as u64;
        if expected.tensors.contains_key(name) && !matches!(tensor.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
            let file = checkpoint.file_of(tensor).file_name().unwrap_or_default().to_string_lossy().into_owned();
            unread.push(format!(
                "{} in {file} is stored as {:?}; f32, f16 and bf16 can be read",
                tensor.name, tensor.dtype
            ));
        }
    }
    unread.sort();
    examined.problems.extend(unread);
    examined
}
