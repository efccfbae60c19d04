//! The linear layer, also several side by side as one product.

use crate::Result;
use crate::weights::Loader;
use burn::tensor::Tensor;

/// y = x·Wᵀ + b, with W `[outputs, inputs]`.
pub struct Linear {
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
}

impl Linear {
    /// Reads `weight` and, if `bias`, `bias`.
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(loader: &Loader, inputs: usize, outputs: usize, bias: bool) -> Result<Linear> {
        Ok(Linear {
            weight: loader.tensor("weight", [outputs, inputs])?,
            bias: if bias { Some(loader.tensor("bias", [outputs])?) } else { None },
        })
    }

    /// Several layers of the same inputs as one: the outputs stand side by side in the order of the parts.
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load_joined(loader: &Loader, inputs: usize, parts: &[(&str, usize)], bias: bool) -> Result<Linear> {
        let weights: Vec<_> =
            parts.iter().map(|(part, outputs)| (format!("{part}.weight"), [*outputs, inputs])).collect();
        let weights: Vec<_> = weights.iter().map(|(name, shape)| (Some(name.as_str()), *shape)).collect();
        let biases: Vec<_> = parts.iter().map(|(part, outputs)| (format!("{part}.bias"), [*outputs])).collect();
        let biases: Vec<_> = biases.iter().map(|(name, shape)| (Some(name.as_str()), *shape)).collect();
        Ok(Linear { weight: loader.joined(&weights)?, bias: if bias { Some(loader.joined(&biases)?) } else { None } })
    }

    /// A layer over a matrix that something else holds too, such as tied embeddings.
    pub fn tied(weight: Tensor<2>) -> Linear {
        Linear { weight, bias: None }
    }

    /// `[…, inputs]` to `[…, outputs]`.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let mut shape = x.dims();
        let inputs = shape[D - 1];
        let rows = shape[..D - 1].iter().product::<usize>();
        shape[D - 1] = self.weight.dims()[0];
        #[cfg(feature = "flex")]
        if D == 2 || shape[D - 2] == 1 {
            // One position a row: a step of decoding.
            let few = x.clone().reshape([rows, inputs]);
            if let Some(y) = crate::cpu::linear(&few, &self.weight, self.bias.as_ref()) {
                return y.reshape(shape);
            }
        }
        let mut y = x.reshape([rows, inputs]).matmul(self.weight.clone().transpose());
        if let Some(bias) = &self.bias {
            y = y + bias.clone().unsqueeze();
        }
        y.reshape(shape)
    }
}
