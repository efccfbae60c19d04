//! Low-rank adapters on frozen linear layers (Hu et al. 2021): y = x·Wᵀ + b + s·(drop(x)·Aᵀ)·Bᵀ. The dense W + s·B·A is made only where an
//! adapter is merged for good. Which layers are adapted is a strategy's affair; how adapters are trained is `training`'s.

use crate::device::f32_like;
use burn::tensor::{DType, Tensor};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The adapter of one linear layer, or of one of the layers that stand side by side in one product.
pub struct LoraLinear {
    /// Its number among the adapters of a model.
    pub number: usize,
    /// The outputs of the product that belong to this layer.
    pub part: Range<usize>,
    /// The factor before B·A.
    pub scaling: f64,
    /// Probability of dropping an input of A in training.
    pub dropout: f64,
    factors: RwLock<Factors>,
}

/// The two factors, always in f32.
#[derive(Clone)]
pub struct Factors {
    /// A, `[rank, inputs]`.
    pub down: Tensor<2>,
    /// B, `[outputs, rank]`.
    pub up: Tensor<2>,
}

impl LoraLinear {
    pub fn new(number: usize, part: Range<usize>, scaling: f64, dropout: f64, factors: Factors) -> LoraLinear {
        LoraLinear { number, part, scaling, dropout, factors: RwLock::new(factors) }
    }

    pub fn factors(&self) -> Factors {
        self.factors.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_factors(&self, factors: Factors) {
        *self.factors.write().unwrap_or_else(PoisonError::into_inner) = factors;
    }

    /// Adds s·(x·Aᵀ)·Bᵀ to its part of the outputs `y` `[n, all outputs]` of `x` `[n, inputs]`; gives x·Aᵀ `[n, rank]` too.
    pub fn add_to(&self, y: Tensor<2>, x: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let Factors { down, up } = self.factors();
        #[cfg(feature = "flex")]
        let y = match crate::cpu::adapt(y, &x, &down, &up, &self.part, self.scaling) {
            Ok(done) => return done,
            Err(y) => y,
        };
        let dtype = x.dtype();
        let inner = x.matmul(as_dtype(down, dtype).transpose());
        let delta = (inner.clone() * self.scaling).matmul(as_dtype(up, dtype).transpose());
        let [rows, outputs] = y.dims();
        if self.part.len() == outputs {
            return (y + delta, inner);
        }
        let place = [0..rows, self.part.clone()];
        let sum = y.clone().slice(place.clone()) + delta;
        (y.slice_assign(place, sum), inner)
    }

    /// From the gradient of all outputs `[n, all outputs]`, `x` and the x·Aᵀ of [`LoraLinear::add_to`]: the gradients of A and of B (both in
    /// f32), and of x·Aᵀ.
    pub fn backward(&self, gradient: Tensor<2>, x: Tensor<2>, inner: Tensor<2>) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
        let up = self.factors().up;
        #[cfg(feature = "flex")]
        if let Some([down, up, inner]) = crate::cpu::adapt_back(&gradient, &x, &inner, &up, &self.part, self.scaling) {
            return (down, up, inner);
        }
        let dtype = x.dtype();
        let [rows, outputs] = gradient.dims();
        let gradient = if self.part.len() == outputs { gradient } else { gradient.slice([0..rows, self.part.clone()]) };
        let gradient = gradient * self.scaling;
        let up_gradient = gradient.clone().transpose().matmul(inner);
        let inner_gradient = gradient.matmul(as_dtype(up, dtype));
        let down_gradient = inner_gradient.clone().transpose().matmul(x);
        (f32_like(down_gradient), f32_like(up_gradient), inner_gradient)
    }

    /// The gradient of `x` from that of x·Aᵀ.
    pub fn input_gradient(&self, inner_gradient: Tensor<2>) -> Tensor<2> {
        let down = self.factors().down;
        #[cfg(feature = "flex")]
        if let Some(back) = crate::cpu::linear_back(&inner_gradient, &down) {
            return back;
        }
        let dtype = inner_gradient.dtype();
        inner_gradient.matmul(as_dtype(down, dtype))
    }

    /// W with the adapter in it: `weight` is the whole product's `[outputs, inputs]`. Rounded once, from f32.
    pub fn merge(&self, weight: Tensor<2>) -> Tensor<2> {
        self.shifted(weight, 1.0)
    }

    /// Takes the adapter out again. In floating point this gives W back but for the rounding of [`LoraLinear::merge`]; who needs W's very
    /// bytes keeps W.
    pub fn unmerge(&self, weight: Tensor<2>) -> Tensor<2> {
        self.shifted(weight, -1.0)
    }

    fn shifted(&self, weight: Tensor<2>, sign: f64) -> Tensor<2> {
        let dtype = weight.dtype();
        let [_, inputs] = weight.dims();
        let Factors { down, up } = self.factors();
        let delta = up.matmul(down) * (self.scaling * sign);
        let place = [self.part.clone(), 0..inputs];
        let part = f32_like(weight.clone().slice(place.clone())) + delta;
        weight.slice_assign(place, as_dtype(part, dtype))
    }
}

fn as_dtype<const D: usize>(x: Tensor<D>, dtype: DType) -> Tensor<D> {
    if x.dtype() == dtype { x } else { x.cast(dtype) }
}

/// The adapters of one product, shared between the layer and whoever trains them. Empty on a model that is not adapted.
#[derive(Clone, Default)]
pub struct Adapters(Arc<RwLock<Vec<Arc<LoraLinear>>>>);

impl Adapters {
    pub fn attach(&self, adapter: Arc<LoraLinear>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(adapter);
    }

    pub fn all(&self) -> Vec<Arc<LoraLinear>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// A linear layer of a model that can be adapted.
#[derive(Clone)]
pub struct Site {
    /// Canonical module name: that of its weight without `.weight`.
    pub name: String,
    pub inputs: usize,
    /// The outputs of the product that belong to it.
    pub part: Range<usize>,
    pub adapters: Adapters,
}

/// The linear layers of a model, noted while it is loaded.
#[derive(Clone, Default)]
pub struct Sites(Arc<Mutex<Vec<Site>>>);

impl Sites {
    pub fn note(&self, site: Site) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(site);
    }

    /// All of them, in an order that does not depend on the threads that loaded them: by name, numbers by value.
    pub fn all(&self) -> Vec<Site> {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        sites.sort_by_cached_key(|site| natural(&site.name));
        sites
    }

    /// Whether an adapter sits outside the language model, where images are seen.
    pub(crate) fn adapt_the_image(&self) -> bool {
        let sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sites.iter().any(|site| !(site.name.starts_with("language_model.") || site.adapters.is_empty()))
    }
}

fn natural(name: &str) -> Vec<(Option<u64>, String)> {
    name.split('.').map(|part| (part.parse().ok(), part.to_string())).collect()
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::Placement;
    use burn::tensor::TensorData;

    fn matrix(rows: usize, columns: usize, seed: u64) -> Tensor<2> {
        let mut random = crate::random::Random::new(seed);
        let values: Vec<f32> = (0..rows * columns).map(|_| random.uniform() as f32 - 0.5).collect();
        Tensor::from_data(TensorData::new(values, [rows, columns]), &Placement::cpu().unwrap().device)
    }

    fn numbers(x: Tensor<2>) -> Vec<f32> {
        x.into_data().iter::<f32>().collect()
    }

    fn farthest(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn merged_and_separate_give_the_same_outputs_and_unmerging_gives_the_base_back() {
        let (weight, x) = (matrix(12, 6, 1), matrix(5, 6, 2));
        let factors = Factors { down: matrix(2, 6, 3), up: matrix(4, 2, 4) };
        // The middle layer of three side by side.
        let adapter = LoraLinear::new(0, 4..8, 1.5, 0.0, factors);
        let base = numbers(x.clone().matmul(weight.clone().transpose()));
        let merged = adapter.merge(weight.clone());
        let together = numbers(x.clone().matmul(merged.clone().transpose()));
        let (separate, _) = adapter.add_to(Tensor::zeros([5, 12], &x.device()), x);
        let separate = numbers(separate);
        for row in 0..5 {
            for output in 0..12 {
                let place = row * 12 + output;
                assert!((base[place] + separate[place] - together[place]).abs() < 1e-5);
                assert!((4..8).contains(&output) || separate[place] == 0.0, "a neighbour was changed");
                assert!((4..8).contains(&output) || base[place] == together[place], "a neighbour was changed");
            }
        }
        assert!(farthest(&numbers(merged.clone()), &numbers(weight.clone())) > 0.05);
        assert!(farthest(&numbers(adapter.unmerge(merged)), &numbers(weight)) < 1e-6);
    }

    #[test]
    fn sites_stand_in_the_order_of_their_numbers() {
        let sites = Sites::default();
        for name in ["layers.10.q", "layers.9.q", "layers.9.k", "head"] {
            sites.note(Site { name: name.into(), inputs: 1, part: 0..1, adapters: Adapters::default() });
        }
        let names: Vec<String> = sites.all().into_iter().map(|site| site.name).collect();
        assert_eq!(names, ["head", "layers.9.k", "layers.9.q", "layers.10.q"]);
    }
}
