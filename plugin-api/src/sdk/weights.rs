//! What a model needs, told without loading it: its tensors against the files, and the memory that batches take.

use super::Generation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Which model is meant: by a directory, or as its authors published it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelSource {
    /// A Hugging Face directory.
    pub weights: Option<PathBuf>,
    /// `OWNER/NAME` on the hub; where there is no directory, the plugin may know this model's configuration.
    pub repository: Option<String>,
    pub prompt: Option<String>,
    pub generation: Generation,
}

/// What [`register_weights!`](crate::register_weights) functions tell of a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WeightsReport {
    /// Such as `BLIP-2 with OPT`.
    pub architecture: String,
    /// Number of weights.
    pub parameters: u64,
    /// Number of tensors that the configuration asks for.
    pub tensors: usize,
    /// What the files hold, by number format (`F32`, `BF16`).
    pub stored: BTreeMap<String, StoredTensors>,
    /// Whatever keeps the model from being loaded, a sentence each; empty: it can be loaded.
    pub problems: Vec<String>,
    /// For each kind of device that the plugin was built for.
    pub memory: Vec<MemoryNeed>,
}

/// Tensors of one number format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredTensors {
    pub tensors: usize,
    pub bytes: u64,
}

/// Memory of a device, in bytes. An estimate from shapes, a little more than what is taken.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryNeed {
    /// `cpu` or `cuda`.
    pub device: String,
    /// The number format there, `f32` or `bf16`.
    pub precision: String,
    /// The weights themselves, whatever the batch.
    pub weights: u64,
    /// Each image of a batch: caches and intermediate values.
    pub image: u64,
    /// What is taken besides, whatever the batch: images are seen in groups.
    pub group: u64,
    /// What is free there now, where the plugin can tell.
    pub free: Option<u64>,
}

impl MemoryNeed {
    /// Bytes that a batch of so many images needs, weights included.
    pub fn of_batch(&self, images: usize) -> u64 {
        let fixed = self.weights.saturating_add(if images == 0 { 0 } else { self.group });
        fixed.saturating_add(self.image.saturating_mul(images as u64))
    }

    /// The most images that fit into so many bytes; 0 where the weights alone do not.
    pub fn largest_batch(&self, bytes: u64) -> usize {
        let left = bytes.saturating_sub(self.weights.saturating_add(self.group));
        usize::try_from(left / self.image.max(1)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_needs_its_images_and_the_weights_once() {
        let need = MemoryNeed { weights: 100, image: 7, group: 10, ..MemoryNeed::default() };
        assert_eq!([need.of_batch(0), need.of_batch(3)], [100, 131]);
        assert_eq!([need.largest_batch(50), need.largest_batch(130), need.largest_batch(131)], [0, 2, 3]);
    }
}
