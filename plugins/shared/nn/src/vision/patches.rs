//! The first layer of a vision tower: square patches through one linear map (a convolution whose stride is its size).

use crate::Result;
use crate::weights::Loader;
use burn::tensor::Tensor;

/// `[rows, 3, height, width]` to `[rows, patches, width]`, patches row by row from the top left.
pub struct PatchEmbedding {
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    size: usize,
}

impl PatchEmbedding {
    /// Reads the convolution's `weight` `[width, 3, size, size]` and, if `bias`, `bias`.
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(loader: &Loader, width: usize, size: usize, bias: bool) -> Result<PatchEmbedding> {
        let weight = loader.tensor("weight", [width, 3, size, size])?;
        let count = weight.shape().num_elements() / weight.dims()[0];
        Ok(PatchEmbedding {
            weight: weight.clone().reshape([weight.dims()[0], count]),
            bias: if bias { Some(loader.tensor("bias", [width])?) } else { None },
            size,
        })
    }

    pub fn forward(&self, pixels: Tensor<4>) -> Tensor<3> {
        let [rows, channels, height, width] = pixels.dims();
        let (down, across) = (height / self.size, width / self.size);
        let patches = pixels
            .reshape([rows, channels, down, self.size, across, self.size])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([rows * down * across, channels * self.size * self.size]);
        let mut out = patches.matmul(self.weight.clone().transpose());
        if let Some(bias) = &self.bias {
            out = out + bias.clone().unsqueeze();
        }
        out.reshape([rows, down * across, self.weight.dims()[0]])
    }
}
