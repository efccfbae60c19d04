//! AdamW (Loshchilov and Hutter 2019) over the adapters, step for step as torch's, with clipping as its `clip_grad_norm_`.

use super::adapters::Trained;
use super::tape::Gradients;
use crate::layers::Factors;
use burn::tensor::Tensor;
use plugin_api::AdamW;

/// What torch adds to the norm before it divides.
const CLIP_EPSILON: f64 = 1e-6;

/// Running means of a factor's gradient and of its square.
#[derive(Clone)]
pub struct Moments {
    pub mean: Tensor<2>,
    pub square: Tensor<2>,
}

/// The optimizer's state: for every adapter the moments of A and of B, once it has had a gradient.
pub struct Optimizer {
    settings: AdamW,
    pub steps: u64,
    pub moments: Vec<Option<(Moments, Moments)>>,
}

impl Optimizer {
    pub fn new(settings: AdamW, adapters: usize) -> Optimizer {
        Optimizer { settings, steps: 0, moments: vec![None; adapters] }
    }

    /// One step; takes the gradients. Returns their norm before clipping, and changes nothing if that is not finite.
    pub fn step(&mut self, trained: &Trained, gradients: &mut Gradients, learning_rate: f64) -> f64 {
        let taken: Vec<_> = gradients.iter_mut().map(Option::take).collect();
        let norm = norm(&taken);
        if !norm.is_finite() {
            return norm;
        }
        let shrink = self.settings.max_grad_norm.map_or(1.0, |most| (most / (norm + CLIP_EPSILON)).min(1.0));
        self.steps += 1;
        for ((entry, gradient), moments) in trained.entries.iter().zip(taken).zip(&mut self.moments) {
            let Some((down_gradient, up_gradient)) = gradient else { continue };
            let Factors { down, up } = entry.adapter.factors();
            let (down_moments, up_moments) = moments.take().unzip();
            let update = Update { settings: &self.settings, steps: self.steps, learning_rate, shrink };
            let (down, down_moments) = update.of(down, down_gradient, down_moments);
            let (up, up_moments) = update.of(up, up_gradient, up_moments);
            entry.adapter.set_factors(Factors { down, up });
            *moments = Some((down_moments, up_moments));
        }
        norm
    }
}

struct Update<'s> {
    settings: &'s AdamW,
    steps: u64,
    learning_rate: f64,
    shrink: f64,
}

impl Update<'_> {
    fn of(&self, value: Tensor<2>, gradient: Tensor<2>, moments: Option<Moments>) -> (Tensor<2>, Moments) {
        let AdamW { betas: (first, second), epsilon, weight_decay, .. } = *self.settings;
        let corrected = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        #[cfg(feature = "cuda")]
        {
            let step = crate::gpu::AdamWStep {
                shrink: self.shrink as f32,
                first: first as f32,
                second: second as f32,
                keep: (1.0 - self.learning_rate * weight_decay) as f32,
                rate: (self.learning_rate / corrected(first)) as f32,
                root: corrected(second).sqrt().recip() as f32,
                epsilon: epsilon as f32,
            };
            let before = moments.as_ref().map(|moments| (&moments.mean, &moments.square));
            if let Some([value, mean, square]) = crate::gpu::adamw(&value, &gradient, before, step) {
                return (value, Moments { mean, square });
            }
        }
        let gradient = if self.shrink == 1.0 { gradient } else { gradient * self.shrink };
        let (mean, square) = match moments {
            Some(Moments { mean, square }) => (mean * first, square * second),
            None => (gradient.zeros_like(), gradient.zeros_like()),
        };
        let mean = mean + gradient.clone() * (1.0 - first);
        let square = square + gradient.square() * (1.0 - second);
        let root = square.clone().sqrt() * corrected(second).sqrt().recip() + epsilon;
        let value = value * (1.0 - self.learning_rate * weight_decay);
        let value = value - mean.clone() * (self.learning_rate / corrected(first)) / root;
        (value, Moments { mean, square })
    }
}

/// The root of the sum of all squares.
fn norm(gradients: &Gradients) -> f64 {
    let all: Vec<&Tensor<2>> = gradients.iter().flatten().flat_map(|(down, up)| [down, up]).collect();
    if all.is_empty() {
        return 0.0;
    }
    let root = |sums: Tensor<1>| sums.into_data().iter::<f32>().map(f64::from).sum::<f64>().sqrt();
    #[cfg(feature = "cuda")]
    if let Some(sums) = crate::gpu::squares(&all) {
        return root(sums);
    }
    let sums: Vec<Tensor<1>> = all.into_iter().map(|gradient| gradient.clone().square().sum()).collect();
    // Read at once: a device is waited for one time.
    root(Tensor::cat(sums, 0))
}
