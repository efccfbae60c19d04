//! Activation functions by the names that configurations give them.

use burn::tensor::{Tensor, activation};
use serde::Deserialize;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// An element-wise function between two linear layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
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
        #[cfg(feature = "flex")]
        let x = match crate::cpu::activation(self, x) {
            Ok(y) => return y,
            Err(x) => x,
        };
        match self {
            Activation::Relu => activation::relu(x),
            Activation::Gelu => activation::gelu(x),
            Activation::GeluTanh => activation::gelu_approximate(x),
            Activation::QuickGelu => x.clone() * activation::sigmoid(x * QUICK),
            Activation::Silu => activation::silu(x),
        }
    }

    /// The first half of `[…, 2 · width]` through the activation, times the second half.
    pub fn gated(self, both: Tensor<3>) -> Tensor<3> {
        let [rows, length, width] = both.dims();
        let inner = width / 2;
        #[cfg(feature = "cuda")]
        if let Some(y) = crate::gpu::gated(&both.clone().reshape([rows * length, width]), self) {
            return y.reshape([rows, length, inner]);
        }
        let _ = (rows, length);
        self.apply(both.clone().narrow(2, 0, inner)) * both.narrow(2, inner, inner)
    }

    /// From the input and the gradient of the output, the gradient of the input.
    pub fn backward<const D: usize>(self, x: Tensor<D>, gradient: Tensor<D>) -> Tensor<D> {
        #[cfg(feature = "flex")]
        let gradient = match crate::cpu::activation_backward(self, &x, gradient) {
            Ok(back) => return back,
            Err(gradient) => gradient,
        };
        let slope = match self {
            Activation::Relu => return gradient.mask_fill(x.lower_equal_elem(0.0), 0.0),
            Activation::Gelu => {
                let density = (x.clone().square() * -0.5).exp() * (0.5 / PI).sqrt();
                let probability = (x.clone() * FRAC_1_SQRT_2).erf() * 0.5 + 0.5;
                probability + x * density
            }
            Activation::GeluTanh => {
                let root = (2.0 / PI).sqrt();
                let square = x.clone().square();
                let bent = ((square.clone() * TANH_CUBE + 1.0) * x.clone() * root).tanh();
                let steep = (square * (3.0 * TANH_CUBE) + 1.0) * root;
                let flat = bent.clone().square() * -1.0 + 1.0;
                (bent + 1.0) * 0.5 + x * 0.5 * flat * steep
            }
            Activation::QuickGelu => sloped(x, QUICK),
            Activation::Silu => sloped(x, 1.0),
        };
        gradient * slope
    }
}

/// CLIP's factor.
const QUICK: f64 = 1.702;
/// The tanh form's.
const TANH_CUBE: f64 = 0.044_715;

/// The slope of x·σ(f x): σ·(1 + f x·(1 − σ)).
fn sloped<const D: usize>(x: Tensor<D>, factor: f64) -> Tensor<D> {
    let x = x * factor;
    let opened = activation::sigmoid(x.clone());
    let shut = opened.clone() * -1.0 + 1.0;
    opened * (x * shut + 1.0)
}
