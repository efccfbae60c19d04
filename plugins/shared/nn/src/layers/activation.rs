//! Activation functions by the names that configurations give them.

use burn::tensor::{Tensor, activation};
use serde::Deserialize;

/// An element-wise function between two linear layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Activation {
    #[serde(rename = "relu")]
    Relu,
    /// x·Φ(x), with the error function.
    #[serde(rename = "gelu")]
    Gelu,
    /// The tanh approximation of GELU (Hendrycks and Gimpel 2016).
    #[serde(rename = "gelu_new", alias = "gelu_pytorch_tanh")]
    GeluTanh,
    /// x·σ(1.702 x), CLIP's.
    #[serde(rename = "quick_gelu")]
    QuickGelu,
    /// x·σ(x).
    #[serde(rename = "silu", alias = "swish")]
    Silu,
}

impl Activation {
    pub fn apply<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Activation::Relu => activation::relu(x),
            #[cfg(feature = "flex")]
            Activation::Gelu => crate::cpu::gelu(x).unwrap_or_else(activation::gelu),
            #[cfg(not(feature = "flex"))]
            Activation::Gelu => activation::gelu(x),
            Activation::GeluTanh => activation::gelu_approximate(x),
            Activation::QuickGelu => x.clone() * activation::sigmoid(x * 1.702),
            Activation::Silu => activation::silu(x),
        }
    }
}
