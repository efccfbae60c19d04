//! Convolutions over images, with the batch normalisation behind them folded in: at inference both are one linear map.

use crate::Result;
use crate::weights::Loader;
use burn::tensor::{FloatDType, Tensor, module, ops::ConvOptions};

/// Each channel to a fixed scale and shift, those of the training's mean and variance (Ioffe and Szegedy 2015).
pub struct BatchNorm {
    scale: Tensor<1>,
    shift: Tensor<1>,
}

impl BatchNorm {
    /// Reads `weight`, `bias`, `running_mean` and `running_var`.
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(loader: &Loader, channels: usize, epsilon: f64) -> Result<BatchNorm> {
        let exact = |name: &str| -> Result<Tensor<1>> { Ok(loader.tensor(name, [channels])?.cast(FloatDType::F32)) };
        let scale = exact("weight")? / (exact("running_var")? + epsilon).sqrt();
        let shift = exact("bias")? - exact("running_mean")? * scale.clone();
        Ok(BatchNorm { scale, shift })
    }
}

/// What a convolution is made of.
#[derive(Debug, Clone, Copy)]
pub struct ConvolutionShape {
    pub inputs: usize,
    pub outputs: usize,
    /// Pixels; the kernel is square, and zeros around the image keep it in the middle.
    pub kernel: usize,
    pub stride: usize,
}

/// A convolution over `[rows, channels, height, width]`.
pub struct Convolution {
    weight: Tensor<4>,
    bias: Tensor<1>,
    kernel: usize,
    stride: usize,
}

impl Convolution {
    /// Reads `weight` `[outputs, inputs, kernel, kernel]` and folds the normalisation behind it in.
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(loader: &Loader, shape: ConvolutionShape, norm: BatchNorm) -> Result<Convolution> {
        let ConvolutionShape { inputs, outputs, kernel, stride } = shape;
        let weight = loader.tensor("weight", [outputs, inputs, kernel, kernel])?;
        let dtype = weight.dtype();
        // In f32, so that the product is rounded once.
        let folded = weight.cast(FloatDType::F32) * norm.scale.reshape([-1, 1, 1, 1]);
        Ok(Convolution { weight: folded.cast(dtype), bias: norm.shift.cast(dtype), kernel, stride })
    }

    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let options = ConvOptions::new([self.stride; 2], [self.kernel / 2; 2], [1; 2], 1);
        module::conv2d(x, self.weight.clone(), Some(self.bias.clone()), options)
    }
}

/// The greatest of each window, `[rows, channels, height, width]`; the border takes part as if it were nothing.
pub fn max_pool(x: Tensor<4>, window: usize, stride: usize) -> Tensor<4> {
    module::max_pool2d(x, [window; 2], [stride; 2], [window / 2; 2], [1; 2], false)
}

/// The mean over all pixels, `[rows, channels]`.
pub fn mean_pixels(x: Tensor<4>) -> Tensor<2> {
    let [rows, channels, height, width] = x.dims();
    x.reshape([rows, channels, height * width]).mean_dim(2).reshape([rows, channels])
}
