//! How fast a model is on a device, beside what the device could do at best.

use super::{Device, ModelSource};
use serde::{Deserialize, Serialize};

/// What to measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchRequest {
    pub source: ModelSource,
    /// Weights that mean nothing, at full size and without files.
    pub random_weights: bool,
    pub device: Device,
    /// CPU threads; 0 leaves the choice to the plugin.
    pub threads: usize,
    pub batch_sizes: Vec<usize>,
    /// Every caption gets exactly so many.
    pub new_tokens: usize,
    /// Repetitions after a warm-up; the best counts.
    pub runs: usize,
    /// Also the scores of a few made-up images, for another device's to be held beside them.
    #[serde(default)]
    pub scores: bool,
}

/// What was measured. Times are in seconds, the best of the runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BenchReport {
    pub architecture: String,
    pub parameters: u64,
    pub device: String,
    pub precision: String,
    pub load_seconds: f64,
    /// The most memory held while loading, in bytes, where it can be told.
    pub load_peak_memory: Option<u64>,
    /// Bytes of all weights on the device.
    pub weight_bytes: u64,
    /// Bytes of weights that a decoding step reads.
    pub step_bytes: u64,
    /// Arithmetic of the vision side for one image, a multiplication and an addition counted as two.
    pub vision_flop: f64,
    /// Positions of the prompt, image included.
    pub prompt_tokens: usize,
    /// The device's ceilings: bytes a second read from memory, and FLOP a second of a large matrix product in `precision`.
    pub bandwidth: f64,
    pub matrix_rate: f64,
    pub batches: Vec<BatchBench>,
    /// Where they were asked for: the same made-up images and tokens on every device.
    pub scores: Option<BenchScores>,
}

/// What the model makes of a few made-up images, before any token is chosen: `[images, vocabulary]`, image after image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BenchScores {
    pub images: usize,
    /// Of the first new token: the vision side and the reading of the prompt.
    pub first: Vec<f32>,
    /// Of a later one, behind [`BenchScores::SAID`] tokens that are the same whatever was scored before: decoding steps as well.
    pub later: Vec<f32>,
}

impl BenchScores {
    /// Tokens between the two.
    pub const SAID: usize = 8;
}

/// One batch size.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchBench {
    pub batch_size: usize,
    pub new_tokens: usize,
    /// Pixels to the vectors that the language model reads.
    pub vision_seconds: f64,
    /// Pixels to the first token, for the whole batch.
    pub first_token_seconds: f64,
    /// One decoding step of the whole batch.
    pub step_seconds: f64,
    /// Pixels to all tokens.
    pub total_seconds: f64,
    /// The most memory used so far on the device, in bytes, where it can be told.
    pub peak_memory: Option<u64>,
}

impl BatchBench {
    pub fn images_per_second(&self) -> f64 {
        self.batch_size as f64 / self.total_seconds
    }

    pub fn tokens_per_second(&self) -> f64 {
        (self.batch_size * self.new_tokens) as f64 / self.total_seconds
    }
}

impl BenchReport {
    /// The least time of a decoding step: its weights, read at the measured bandwidth.
    pub fn step_floor(&self) -> f64 {
        self.step_bytes as f64 / self.bandwidth
    }

    /// The least time of a batch's vision side: its arithmetic, at the measured rate of matrix products.
    pub fn vision_floor(&self, batch_size: usize) -> f64 {
        self.vision_flop * batch_size as f64 / self.matrix_rate
    }
}
