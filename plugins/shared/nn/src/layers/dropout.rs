//! Dropout whose mask is a function of a seed, so that it is drawn again where it is needed and never kept.

use burn::tensor::{Distribution, Tensor};

/// Sets numbers of `x` to 0 with a probability and divides the others by what remains of one, as torch's dropout in training; without a
/// seed, `x` itself. The same seed and shape give the same mask: a gradient goes back through the same function.
pub fn dropped(x: Tensor<2>, seed: Option<u64>, probability: f64) -> Tensor<2> {
    let Some(seed) = seed.filter(|_| probability > 0.0) else { return x };
    #[cfg(feature = "flex")]
    let x = match crate::cpu::dropped(x, seed, probability) {
        Ok(dropped) => return dropped,
        Err(x) => x,
    };
    let (device, dtype) = (x.device(), x.dtype());
    device.seed(seed);
    let kept = Tensor::random(x.dims(), Distribution::Bernoulli(1.0 - probability), (&device, dtype));
    x * kept * (1.0 / (1.0 - probability))
}
