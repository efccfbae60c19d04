//! The first layer of a vision tower: square patches through one linear map (a convolution whose stride is its size).

use crate::Result;
use crate::weights::Loader;
use burn::tensor::Tensor;

/// Numbers that one load of a GPU takes.
const VECTOR: usize = 8;

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
        let weight = weight.clone().reshape([weight.dims()[0], count]);
        Ok(PatchEmbedding {
            // 14 × 14 patches have 588 numbers, which no vector divides: a GPU's product would go number by number.
            weight: if loader.placement().is_cpu() { weight } else { filled_up(weight) },
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
        let patches = if patches.dims()[1] < self.weight.dims()[1] { filled_up(patches) } else { patches };
        #[cfg(feature = "cuda")]
        if let Some(out) = crate::gpu::linear(&patches, &self.weight, self.bias.as_ref(), None, None) {
            return out.reshape([rows, down * across, self.weight.dims()[0]]);
        }
        let mut out = patches.matmul(self.weight.clone().transpose());
        if let Some(bias) = &self.bias {
            out = out + bias.clone().unsqueeze();
        }
        out.reshape([rows, down * across, self.weight.dims()[0]])
    }
}

/// Zeros behind each row, up to whole vectors.
fn filled_up(x: Tensor<2>) -> Tensor<2> {
    let [rows, width] = x.dims();
    let missing = width.next_multiple_of(VECTOR) - width;
    if missing == 0 {
        return x;
    }
    let zeros = Tensor::zeros([rows, missing], (&x.device(), x.dtype()));
    Tensor::cat(vec![x, zeros], 1)
}
