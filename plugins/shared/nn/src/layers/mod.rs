//! The layers that every model here is made of, each once. Weights stay as checkpoints have them: `[outputs, inputs]`.

mod activation;
mod attention;
mod cache;
mod convolution;
mod dropout;
mod embedding;
mod linear;
mod lora;
mod norm;
mod relative;

pub use activation::Activation;
pub use attention::{
    attend, attend_backward, causal_bias, joined_heads, joined_parts, length_bias, padding_bias, split_heads,
};
pub use cache::{Attending, KvCache};
pub use convolution::{BatchNorm, Convolution, ConvolutionShape, max_pool, mean_pixels};
pub use dropout::dropped;
pub use embedding::Embedding;
pub use linear::Linear;
pub use lora::{Adapters, Factors, LoraLinear, Site, Sites};
pub use norm::{LayerNorm, RmsNorm};
pub use relative::RelativePositions;
