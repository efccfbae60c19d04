//! Trainers: fine-tuning a captioner with low-rank adapters (Hu et al. 2021). The plugin owns forward, backward, the optimizer's
//! state and the adapter's files; the host owns the loop: epochs, accumulation, schedule, validation, checkpoints, logs.

use super::{Caption, CaptionInput, Device, Generation, Host, LinearLayer, LoraTarget, Result, Settings};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What a trainer is loaded with; the fields are those of `CaptionerConfig`.
#[derive(Clone)]
pub struct TrainerConfig {
    /// A Hugging Face directory: the base model, which training never changes.
    pub weights: PathBuf,
    pub device: Device,
    /// CPU threads that the plugin may keep busy; 0 leaves the choice to it.
    pub threads: usize,
    /// The prompt, in training the same as in use; `None` is the model's usual prompt.
    pub prompt: Option<String>,
    /// For [`Trainer::generate`].
    pub generation: Generation,
    pub settings: Settings,
    pub host: Host,
}

/// What a loaded trainer says of itself; it goes into the run's plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainerDescription {
    /// Such as `BLIP-2 with OPT`.
    pub architecture: String,
    /// Number of weights of the base.
    pub parameters: u64,
    /// The device in use, `cpu` or `cuda:0`.
    pub device: String,
    /// The number format of the base and of the arithmetic, `f32` or `bf16`. Adapters, their gradients and moments are always f32.
    pub precision: String,
    /// The settings of [`Trainer::generate`] in force.
    pub generation: Generation,
    /// The prompt in force.
    pub prompt: Option<String>,
}

/// AdamW (Loshchilov and Hutter 2019) as in torch: decoupled decay, bias-corrected moments, epsilon added to the root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AdamW {
    pub betas: (f64, f64),
    pub epsilon: f64,
    pub weight_decay: f64,
    /// Gradients whose norm over all adapters exceeds it are scaled down to it, as torch's `clip_grad_norm_` does.
    pub max_grad_norm: Option<f64>,
}

impl Default for AdamW {
    /// torch's defaults, but the decay of 1e-6 that the study used, and no clipping.
    fn default() -> AdamW {
        AdamW { betas: (0.9, 0.999), epsilon: 1e-8, weight_decay: 1e-6, max_grad_norm: None }
    }
}

/// Which layers are adapted and how they are trained: all that [`Trainer::adapt`] needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adaptation {
    /// What a LoRA strategy chose of [`Trainer::layers`].
    pub targets: Vec<LoraTarget>,
    /// Of the adapters' first weights and of dropout.
    pub seed: u64,
    #[serde(default)]
    pub optimizer: AdamW,
    /// Keep only the inputs of the model's blocks for the backward pass and compute the rest again: less memory, more time, the
    /// same numbers.
    #[serde(default)]
    pub gradient_checkpointing: bool,
    /// `base_model_name_or_path` of the PEFT directories written; `None` is the weights' path.
    #[serde(default)]
    pub base: Option<String>,
}

/// One example: an image and the caption to learn for it.
#[derive(Debug, Clone, Copy)]
pub struct TrainingInput<'a> {
    pub input: CaptionInput<'a>,
    pub caption: &'a str,
}

/// A batch ready for the device.
pub struct Prepared<B> {
    pub batch: B,
    /// How many tokens its loss counts: those of the captions with their end tokens, without prompts and padding.
    pub tokens: u64,
}

/// The loss of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// Sum over the counted tokens of −ln p(token | image, prompt, tokens before).
    pub sum: f64,
    /// The number of those tokens; the same number as [`Prepared::tokens`].
    pub tokens: u64,
}

/// A captioner in training.
///
/// The host calls `layers`, asks a strategy for targets, calls `adapt` once (to resume: then `load_state`), and afterwards, for each optimizer
/// step, `accumulate` with each micro-batch and `step` once. `prepare` works on the CPU and is called from loader threads, several
/// at a time; all else is called from one thread, so state may stand behind an uncontended mutex.
///
/// **Normalisation.** The loss of an optimizer step is the mean over *all counted tokens of the step*, not the mean of the micro-batches' means:
/// what transformers' `Trainer` does since 4.46 (`num_items_in_batch`), so that accumulating 2 × 4 equals a batch of 8. `prepare`
/// tells each micro-batch's tokens before the step begins; the host passes `weight = 1 / (tokens of all the step's micro-batches)` to each
/// `accumulate`. The step's loss to report is the sum of the `sum`s times that weight.
pub trait Trainer: Send + Sync + 'static {
    /// What `prepare` makes: pixel values, token ids, labels.
    type Batch: Send + 'static;

    fn describe(&self) -> TrainerDescription;

    /// The linear layers that can be adapted, by their module paths in the reference implementation, which are the paths of PEFT's
    /// tensors: `language_model.model.decoder.layers.0.self_attn.q_proj`. A layer that the model never runs is left out.
    fn layers(&self) -> Result<Vec<LinearLayer>>;

    /// Puts adapters on the target layers: A Kaiming-uniform(√5), B zero. Once. Returns the number of trainable parameters.
    ///
    /// # Errors
    /// `Configuration`: no targets, a path that is no layer, a path twice, or a rank of 0 or greater than the layer allows.
    fn adapt(&self, adaptation: &Adaptation) -> Result<u64>;

    /// Resizes, normalises and tokenises.
    fn prepare(&self, inputs: &[TrainingInput<'_>]) -> Result<Prepared<Self::Batch>>;

    /// Forward and backward with dropout: adds `weight` · ∂(sum of token losses)/∂(adapters) to the gradient. A loss that is not finite is
    /// returned as it is, and then the gradient is left as it was.
    fn accumulate(&self, batch: Self::Batch, weight: f64) -> Result<Loss>;

    /// Clips, updates the adapters at this learning rate, and zeroes the gradient. Returns the norm of the gradient before clipping; if that
    /// is not finite, nothing is updated.
    fn step(&self, learning_rate: f64) -> Result<f64>;

    /// The loss without dropout; no gradient is computed.
    fn evaluate(&self, batch: Self::Batch) -> Result<Loss>;

    /// Captions with the adapters as they are now: one an input, in order. The batch's own captions are not looked at.
    fn generate(&self, batch: Self::Batch) -> Result<Vec<Caption>>;

    /// Writes `adapter_config.json` and `adapter_model.safetensors` as PEFT does into a folder that exists.
    fn save_adapter(&self, directory: &Path) -> Result<()>;

    /// Writes what continuing needs (adapters, moments, dropout's random state, steps made) into a folder that exists: safetensors, and
    /// `trainer_state.json`. To be called between steps, not between `accumulate` and `step`.
    fn save_state(&self, directory: &Path) -> Result<()>;

    /// Continues from [`Trainer::save_state`], after `adapt` with the same adaptation. On the CPU the steps that follow give the same bytes as without the
    /// interruption.
    ///
    /// # Errors
    /// `Data`: files are missing or damaged, or belong to another adaptation.
    fn load_state(&self, directory: &Path) -> Result<()>;
}

/// What is merged.
#[derive(Clone)]
pub struct MergeConfig {
    /// The base: a Hugging Face directory.
    pub weights: PathBuf,
    /// A PEFT directory.
    pub adapter: PathBuf,
    /// A folder that exists and is empty; the merged checkpoint is written into it.
    pub output: PathBuf,
    pub host: Host,
}
