//! Encoders: from images or texts to vectors.

use super::{Device, EmbeddingSpace, Host, Image, Result, Settings};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What an encoder is loaded with.
#[derive(Clone)]
pub struct EncoderConfig {
    /// The directory of the weights.
    pub weights: PathBuf,
    /// A PEFT adapter directory to apply.
    pub adapter: Option<PathBuf>,
    pub device: Device,
    /// CPU threads that the plugin may keep busy; 0 leaves the choice to it.
    pub threads: usize,
    pub settings: Settings,
    pub host: Host,
}

/// What a loaded encoder says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EncoderDescription {
    /// Such as `CLIP`.
    pub architecture: String,
    /// Number of weights.
    pub parameters: u64,
    /// The device in use, `cpu` or `cuda:0`.
    pub device: String,
    /// The number format of the arithmetic, `f32` or `bf16`.
    pub precision: String,
    /// At least one.
    pub spaces: Vec<EmbeddingSpace>,
}

/// What is to be embedded.
#[derive(Debug, Clone, Copy)]
pub enum EncoderInputs<'a> {
    Images(&'a [Image<'a>]),
    Texts(&'a [&'a str]),
}

impl EncoderInputs<'_> {
    pub fn len(&self) -> usize {
        match self {
            EncoderInputs::Images(images) => images.len(),
            EncoderInputs::Texts(texts) => texts.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A batch that is ready for [`Encoder::embed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedInputs<B> {
    pub batch: B,
    /// Places in the batch of the texts that were longer than the model reads and were cut.
    pub truncated: Vec<usize>,
}

impl<B> PreparedInputs<B> {
    /// A batch of which nothing was cut.
    pub fn whole(batch: B) -> PreparedInputs<B> {
        PreparedInputs { batch, truncated: Vec::new() }
    }
}

/// A model that turns images or texts into vectors, in one or several named spaces.
///
/// `prepare` works on the CPU and is called from loader threads, several at a time; `embed` is called from one thread and has the
/// device to itself, so that the device never waits for the CPU.
pub trait Encoder: Send + Sync + 'static {
    /// What `prepare` makes and `embed` takes: pixel values, token ids.
    type Batch: Send + 'static;

    fn describe(&self) -> EncoderDescription;

    /// Resizes, normalises and tokenises. A kind of input that no space takes is an `unsupported` error.
    fn prepare(&self, inputs: EncoderInputs<'_>) -> Result<PreparedInputs<Self::Batch>>;

    /// Embeds a batch in the space of that name: `[inputs, width]`, row after row, where the width is the product of the space's shape.
    fn embed(&self, batch: Self::Batch, space: &str) -> Result<Vec<f32>>;
}
