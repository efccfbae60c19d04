//! The linear layer, also several side by side as one product, with the adapters that may sit on it.

use super::lora::{Adapters, Site};
use super::{Activation, Embedding};
use crate::Result;
use crate::weights::Loader;
use burn::tensor::Tensor;

/// y = x·Wᵀ + b, with W `[outputs, inputs]`, and what adapters add to it.
pub struct Linear {
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    adapters: Adapters,
}

impl Linear {
    /// Reads `weight` and, if `bias`, `bias`.
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(loader: &Loader, inputs: usize, outputs: usize, bias: bool) -> Result<Linear> {
        let weight = loader.tensor("weight", [outputs, inputs])?;
        let bias = if bias { Some(loader.tensor("bias", [outputs])?) } else { None };
        Ok(Linear::noted(loader, &[(None, outputs)], inputs, weight, bias))
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
        let weight = loader.joined(&weights)?;
        let bias = if bias { Some(loader.joined(&biases)?) } else { None };
        let parts: Vec<_> = parts.iter().map(|(part, outputs)| (Some(*part), *outputs)).collect();
        Ok(Linear::noted(loader, &parts, inputs, weight, bias))
    }

    /// A language model's output head, `lm_head` below `loader`, of `[outputs, inputs]`: where the configuration ties it, the `tokens`'
    /// vectors, which are called `embeddings` in files. A head that files hold and that is another matrix wins over the configuration: transformers 5
    /// ties only what a file leaves out or holds twice, and writes of some models that they are tied in any case.
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn head(
        loader: &Loader,
        [outputs, inputs]: [usize; 2],
        tied: bool,
        tokens: &Embedding,
        embeddings: &str,
    ) -> Result<Linear> {
        let (place, name) = (loader.at("lm_head"), "lm_head.weight");
        if tied {
            loader.note_copy(name);
        }
        if tied && !loader.holds_apart(name, &format!("{embeddings}.weight")) {
            return Ok(Linear::tied(&place, tokens.table()));
        }
        Linear::load(&place, inputs, outputs, false)
    }

    /// A layer over a matrix that something else holds too, such as tied embeddings.
    fn tied(loader: &Loader, weight: Tensor<2>) -> Linear {
        let [outputs, inputs] = weight.dims();
        Linear::noted(loader, &[(None, outputs)], inputs, weight, None)
    }

    /// Tells the loader which layers these are, and applies the adapters that it brings for them.
    fn noted(
        loader: &Loader,
        parts: &[(Option<&str>, usize)],
        inputs: usize,
        mut weight: Tensor<2>,
        bias: Option<Tensor<1>>,
    ) -> Linear {
        let adapters = Adapters::default();
        let mut start = 0;
        for (part, outputs) in parts {
            let name = loader.module(*part);
            let place = start..start + outputs;
            start = place.end;
            if let Some(adapter) = loader.adapter(&name, place.clone()) {
                weight = adapter.merge(weight);
            }
            loader.sites().note(Site { name, inputs, part: place, adapters: adapters.clone() });
        }
        Linear { weight, bias, adapters }
    }

    /// `[…, inputs]` to `[…, outputs]`, with the adapters and without dropout.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        if self.adapters.is_empty() {
            return self.frozen(x);
        }
        let (flat, shape) = self.flat(x.clone());
        let outputs = shape[D - 1];
        let mut y: Tensor<2> = self.frozen(x).reshape([flat.dims()[0], outputs]);
        for adapter in self.adapters.all() {
            (y, _) = adapter.add_to(y, flat.clone());
        }
        y.reshape(shape)
    }

    /// An activation of [`Linear::forward`], in one pass where the device can.
    pub fn activated<const D: usize>(&self, x: Tensor<D>, activation: Activation) -> Tensor<D> {
        match self.at_once(&x, Some(activation), None) {
            Some(y) => y,
            None => activation.apply(self.forward(x)),
        }
    }

    /// [`Linear::forward`] added to a residual `[…, outputs]`, in one pass where the device can.
    pub fn added<const D: usize>(&self, x: Tensor<D>, residual: Tensor<D>) -> Tensor<D> {
        match self.at_once(&x, None, Some(&residual)) {
            Some(y) => y,
            None => residual + self.forward(x),
        }
    }

    /// The layer with what follows it in one pass; `None` where the device has none, or adapters take part.
    pub(crate) fn at_once<const D: usize>(
        &self,
        x: &Tensor<D>,
        activation: Option<Activation>,
        residual: Option<&Tensor<D>>,
    ) -> Option<Tensor<D>> {
        #[cfg(feature = "cuda")]
        if self.adapters.is_empty() {
            let (flat, shape) = self.flat(x.clone());
            let rows = flat.dims()[0];
            let residual = residual.map(|residual| residual.clone().reshape([rows, shape[D - 1]]));
            let y = crate::gpu::linear(&flat, &self.weight, self.bias.as_ref(), activation, residual.as_ref())?;
            return Some(y.reshape(shape));
        }
        let _ = (x, activation, residual);
        None
    }

    /// The frozen layer alone: `[…, inputs]` to `[…, outputs]`.
    pub(crate) fn frozen<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let one_position = D == 2 || x.dims()[D - 2] == 1;
        let (x, shape) = self.flat(x);
        #[cfg(feature = "flex")]
        if let Some(y) = crate::cpu::linear(&x, &self.weight, self.bias.as_ref(), one_position) {
            return y.reshape(shape);
        }
        #[cfg(not(feature = "flex"))]
        let _ = one_position;
        #[cfg(feature = "cuda")]
        if let Some(y) = crate::gpu::linear(&x, &self.weight, self.bias.as_ref(), None, None) {
            return y.reshape(shape);
        }
        let mut y = x.matmul(self.weight.clone().transpose());
        if let Some(bias) = &self.bias {
            y = y + bias.clone().unsqueeze();
        }
        y.reshape(shape)
    }

    /// The frozen layer without its bias, in the other direction: `[n, outputs]` to `[n, inputs]`. It carries a gradient back.
    pub(crate) fn transposed(&self, gradient: Tensor<2>) -> Tensor<2> {
        #[cfg(feature = "flex")]
        if let Some(back) = crate::cpu::linear_back(&gradient, &self.weight) {
            return back;
        }
        #[cfg(feature = "cuda")]
        if let Some(back) = crate::gpu::linear_back(&gradient, &self.weight) {
            return back;
        }
        gradient.matmul(self.weight.clone())
    }

    pub(crate) fn adapters(&self) -> &Adapters {
        &self.adapters
    }

    /// `[…, inputs]` as `[n, inputs]`, and the shape that the outputs are to have.
    pub(crate) fn flat<const D: usize>(&self, x: Tensor<D>) -> (Tensor<2>, [usize; D]) {
        let mut shape = x.dims();
        let inputs = shape[D - 1];
        let rows = shape[..D - 1].iter().product::<usize>();
        shape[D - 1] = self.weight.dims()[0];
        (x.reshape([rows, inputs]), shape)
    }
}
