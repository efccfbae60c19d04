//! The layers that every model here is made of, each once. Weights stay as checkpoints have them: `[outputs, inputs]`.

mod activation;
mod attention;
mod cache;
mod embedding;
mod linear;
mod norm;

pub use activation::Activation;
pub use attention::{attend, causal_bias, joined_heads, padding_bias, split_heads};
pub use cache::KvCache;
pub use embedding::Embedding;
pub use linear::Linear;
pub use norm::{LayerNorm, RmsNorm};
