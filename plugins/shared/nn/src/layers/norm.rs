//! Normalisation over the last dimension.

use crate::Result;
use crate::device::f32_like;
use crate::weights::Loader;
use burn::tensor::{DType, FloatDType, Tensor, module};

/// Mean and variance to 0 and 1, then a learned scale and shift (Ba, Kiros and Hinton 2016).
pub struct LayerNorm {
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
}

impl LayerNorm {
    /// Reads `weight` and `bias`.
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(loader: &Loader, width: usize, epsilon: f64) -> Result<LayerNorm> {
        Ok(LayerNorm { weight: loader.tensor("weight", [width])?, bias: loader.tensor("bias", [width])?, epsilon })
    }

    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        #[cfg(feature = "cuda")]
        if let Some(y) = crate::gpu::layer_norm(&x, &self.weight, &self.bias, self.epsilon) {
            return y;
        }
        #[cfg(feature = "flex")]
        if let Some(y) = crate::cpu::norm(&x, &self.weight, Some(&self.bias), self.epsilon) {
            return y;
        }
        module::layer_norm(x, self.weight.clone(), Some(self.bias.clone()), self.epsilon)
    }

    /// From the input and the gradient of the output, the gradient of the input.
    pub fn backward<const D: usize>(&self, x: Tensor<D>, gradient: Tensor<D>) -> Tensor<D> {
        let dtype = x.dtype();
        #[cfg(feature = "cuda")]
        if let Some(back) = crate::gpu::norm_backward(&x, &gradient, &self.weight, self.epsilon, true) {
            return back;
        }
        #[cfg(feature = "flex")]
        let gradient = match crate::cpu::norm_backward(&x, gradient, &self.weight, self.epsilon, true) {
            Ok(back) => return back,
            Err(gradient) => gradient,
        };
        let (x, weight) = (f32_like(x), f32_like(self.weight.clone()).unsqueeze());
        let gradient = f32_like(gradient) * weight;
        let centred = x.clone() - x.mean_dim(D - 1);
        let inverse = (centred.clone().square().mean_dim(D - 1) + self.epsilon).sqrt().recip();
        let normal = centred * inverse.clone();
        let along = (gradient.clone() * normal.clone()).mean_dim(D - 1);
        let back = (gradient.clone() - gradient.mean_dim(D - 1) - normal * along) * inverse;
        if dtype == DType::F32 { back } else { back.cast(dtype) }
    }
}

/// The root of the mean square to 1, then a learned scale (Zhang and Sennrich 2019).
pub struct RmsNorm {
    weight: Tensor<1>,
    epsilon: f64,
}

impl RmsNorm {
    /// Reads `weight`.
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(loader: &Loader, width: usize, epsilon: f64) -> Result<RmsNorm> {
        Ok(RmsNorm { weight: loader.tensor("weight", [width])?, epsilon })
    }

    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        #[cfg(feature = "cuda")]
        if let Some(y) = crate::gpu::rms_norm(&x, &self.weight, self.epsilon) {
            return y;
        }
        #[cfg(feature = "flex")]
        if let Some(y) = crate::cpu::norm(&x, &self.weight, None, self.epsilon) {
            return y;
        }
        let dtype = x.dtype();
        // The squares of bf16 numbers lose too much: the mean is taken in f32.
        let x = if dtype == DType::F32 { x } else { x.cast(FloatDType::F32) };
        let mean_square = x.clone().square().mean_dim(D - 1);
        let y = x * (mean_square + self.epsilon).sqrt().recip();
        let y = if dtype == DType::F32 { y } else { y.cast(dtype) };
        y * self.weight.clone().unsqueeze()
    }

    /// From the input and the gradient of the output, the gradient of the input.
    pub fn backward<const D: usize>(&self, x: Tensor<D>, gradient: Tensor<D>) -> Tensor<D> {
        let dtype = x.dtype();
        #[cfg(feature = "cuda")]
        if let Some(back) = crate::gpu::norm_backward(&x, &gradient, &self.weight, self.epsilon, false) {
            return back;
        }
        #[cfg(feature = "flex")]
        let gradient = match crate::cpu::norm_backward(&x, gradient, &self.weight, self.epsilon, false) {
            Ok(back) => return back,
            Err(gradient) => gradient,
        };
        let (x, weight) = (f32_like(x), f32_like(self.weight.clone()).unsqueeze());
        let gradient = f32_like(gradient) * weight;
        let inverse = (x.clone().square().mean_dim(D - 1) + self.epsilon).sqrt().recip();
        let normal = x * inverse.clone();
        let along = (gradient.clone() * normal.clone()).mean_dim(D - 1);
        let back = (gradient - normal * along) * inverse;
        if dtype == DType::F32 { back } else { back.cast(dtype) }
    }
}
