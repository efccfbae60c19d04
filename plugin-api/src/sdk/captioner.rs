//! Captioners: from an image to a sentence.

use super::{Host, PluginError, Result, Settings};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// An image that the host has decoded: RGB, 8 bits a channel, rows from the top, no padding.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// `width * height * 3` bytes.
    pub rgb: &'a [u8],
}

/// One image to caption.
#[derive(Debug, Clone, Copy)]
pub struct CaptionInput<'a> {
    pub image: Image<'a>,
    /// Drawn from the run's seed and the item's id: sampling must depend on nothing else, so that neither batch size nor
    /// sharding changes a caption.
    pub seed: u64,
}

/// Where a captioner runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// CUDA where a driver answers and the plugin was built for it, else the CPU.
    Auto,
    Cpu,
    /// A CUDA device by its index.
    Cuda(usize),
}

/// Generation settings that override the checkpoint's `generation_config.json`; `None` leaves its value.
/// Names and meanings are those of transformers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Generation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_new_tokens: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_new_tokens: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_beams: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repetition_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_repeat_ngram_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub do_sample: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
}

/// What a captioner is loaded with.
#[derive(Clone)]
pub struct CaptionerConfig {
    /// A Hugging Face directory: `config.json`, `tokenizer.json`, safetensors, …
    pub weights: PathBuf,
    /// A PEFT adapter directory to apply.
    pub adapter: Option<PathBuf>,
    pub device: Device,
    /// CPU threads that the plugin may keep busy; 0 leaves the choice to it.
    pub threads: usize,
    /// Text that the language model continues or obeys; `None` is the model's usual prompt.
    pub prompt: Option<String>,
    pub generation: Generation,
    pub settings: Settings,
    pub host: Host,
}

/// A space of embeddings that a captioner or encoder offers by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddingSpace {
    pub name: String,
    /// Dimensions of one item's embedding, such as `[2048]` or `[32, 768]`.
    pub shape: Vec<usize>,
    /// What it takes.
    #[serde(default)]
    pub input: Modality,
}

impl EmbeddingSpace {
    /// Numbers in one item's embedding.
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }
}

/// What an embedding is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modality {
    #[default]
    Image,
    Text,
}

/// What a loaded captioner says of itself; it goes into the run's plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaptionerDescription {
    /// Such as `BLIP-2 with OPT`.
    pub architecture: String,
    /// Number of weights.
    pub parameters: u64,
    /// The device in use, `cpu` or `cuda:0`.
    pub device: String,
    /// The number format of the arithmetic, `f32` or `bf16`.
    pub precision: String,
    /// The settings in force after the checkpoint's own and the overrides are joined.
    pub generation: Generation,
    /// The prompt in force.
    pub prompt: Option<String>,
    /// What else the captioner can do: `train`, `embed`.
    #[serde(default)]
    pub capabilities: Vec<String>,
    #[serde(default)]
    pub embedding_spaces: Vec<EmbeddingSpace>,
}

/// Why a caption ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// The model said its end token.
    Eos,
    /// The limit on new tokens was reached.
    Length,
}

/// One caption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caption {
    /// The decoded text without special tokens, trimmed.
    #[serde(rename = "caption")]
    pub text: String,
    /// New ids only: without prompt or decoder start, with the end token if it was reached.
    pub token_ids: Vec<u32>,
    pub finish: Finish,
}

/// A model that describes images.
///
/// `prepare` works on the CPU and is called from loader threads, several at a time; `generate` is called from one thread and
/// has the device to itself, so that the device never waits for the CPU.
pub trait Captioner: Send + Sync + 'static {
    /// What `prepare` makes and `generate` takes: pixel values, token ids.
    type Batch: Send + 'static;

    fn describe(&self) -> CaptionerDescription;

    /// Resizes, normalises and tokenises.
    fn prepare(&self, inputs: &[CaptionInput<'_>]) -> Result<Self::Batch>;

    /// Captions a batch: one caption an input, in order.
    fn generate(&self, batch: Self::Batch) -> Result<Vec<Caption>>;
}

impl std::str::FromStr for Device {
    type Err = PluginError;

    /// `auto`, `cpu`, `cuda` or `cuda:N`.
    fn from_str(text: &str) -> Result<Device> {
        match text {
            "auto" => Ok(Device::Auto),
            "cpu" => Ok(Device::Cpu),
            "cuda" => Ok(Device::Cuda(0)),
            _ => text.strip_prefix("cuda:").and_then(|index| index.parse().ok()).map(Device::Cuda).ok_or_else(|| {
                PluginError::configuration(format!("`{text}` is no device")).help("use auto, cpu, cuda or cuda:N")
            }),
        }
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Device::Auto => f.write_str("auto"),
            Device::Cpu => f.write_str("cpu"),
            Device::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}
