//! LoRA strategies: which linear layers of a model are adapted, and how.

use super::Result;
use serde::{Deserialize, Serialize};

/// A linear layer that could be adapted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinearLayer {
    /// Module path as in the checkpoint: `language_model.model.decoder.layers.0.self_attn.q_proj`.
    pub path: String,
    pub inputs: usize,
    pub outputs: usize,
    /// `vision`, `qformer`, `projector` or `language`.
    pub tower: String,
    /// `query`, `key`, `value`, `output`, `mlp`, `projection` or `head`.
    pub role: String,
}

/// A layer to adapt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoraTarget {
    pub path: String,
    pub rank: usize,
    pub alpha: f64,
    /// The factor before B·A: alpha / rank, or alpha / √rank (rank-stabilised, Kalajdzievski 2023).
    pub scaling: f64,
    /// Probability of dropping an input of A in training.
    pub dropout: f64,
}

/// A rule that picks layers: a pure function of the model's layers and its own settings.
pub trait LoraStrategy: Send + Sync + 'static {
    fn targets(&self, layers: &[LinearLayer]) -> Result<Vec<LoraTarget>>;
}
