//! `trainer/1`: fine-tuning a captioner with adapters.

use super::{CaptionOut, Failure, HostCallbacks, ImageRef, NamedInterface};
use abi_stable::StableAbi;
use abi_stable::sabi_trait;
use abi_stable::std_types::{RBox, RResult, RSlice, RStr, RString, RVec};

/// A prepared batch: its number, and how many tokens its loss counts.
#[repr(C)]
#[derive(Debug, Clone, Copy, StableAbi)]
pub struct PreparedOut {
    pub batch: u64,
    pub tokens: u64,
}

/// The sum of the token losses of a batch (negative log-likelihoods, natural logarithm), and how many tokens that were.
#[repr(C)]
#[derive(Debug, Clone, Copy, StableAbi)]
pub struct LossOut {
    pub sum: f64,
    pub tokens: u64,
}

/// A captioner in training. Batches live on the plugin's side and are named by numbers, as in `captioner/1`. The methods are those
/// of `sdk::Trainer`, where they are described.
#[sabi_trait]
pub trait TrainerObject: Send + Sync {
    /// A `TrainerDescription` as JSON.
    fn describe(&self) -> RResult<RString, Failure>;
    /// A list of `LinearLayer` as JSON.
    fn layers(&self) -> RResult<RString, Failure>;
    /// An `Adaptation` as JSON in, the number of trainable parameters out.
    fn adapt(&self, adaptation: RStr<'_>) -> RResult<u64, Failure>;
    /// Images and the captions to learn, one each. Called from several threads.
    fn prepare(
        &self,
        images: RSlice<'_, ImageRef<'_>>,
        captions: RSlice<'_, RStr<'_>>,
    ) -> RResult<PreparedOut, Failure>;
    /// Drops a prepared batch that will not be used.
    fn discard(&self, batch: u64);
    /// Adds weight · ∂(sum of token losses) to the gradient, and drops the batch.
    fn accumulate(&self, batch: u64, weight: f64) -> RResult<LossOut, Failure>;
    /// One optimizer step at a learning rate; the gradient's norm before clipping.
    fn step(&self, learning_rate: f64) -> RResult<f64, Failure>;
    /// The loss without dropout and without gradients; drops the batch.
    fn evaluate(&self, batch: u64) -> RResult<LossOut, Failure>;
    /// Captions with the present adapter; drops the batch.
    fn generate(&self, batch: u64) -> RResult<RVec<CaptionOut>, Failure>;
    /// Writes a PEFT directory.
    fn save_adapter(&self, directory: RStr<'_>) -> RResult<(), Failure>;
    fn save_state(&self, directory: RStr<'_>) -> RResult<(), Failure>;
    #[sabi(last_prefix_field)]
    fn load_state(&self, directory: RStr<'_>) -> RResult<(), Failure>;
}

pub type TrainerBox = TrainerObject_TO<'static, RBox<()>>;

/// Makes trainers, and merges adapters into checkpoints.
#[repr(C)]
#[derive(StableAbi)]
pub struct TrainerInterface {
    /// Component name, a `TrainerMessage` as JSON, the host.
    pub create: extern "C" fn(RStr<'_>, RStr<'_>, HostCallbacks) -> RResult<TrainerBox, Failure>,
    /// Component name, a `MergeMessage` as JSON, the host. Returns a sentence about what was written.
    pub merge: extern "C" fn(RStr<'_>, RStr<'_>, HostCallbacks) -> RResult<RString, Failure>,
}

impl NamedInterface for TrainerInterface {
    const NAME: &'static str = "trainer/1";
}
