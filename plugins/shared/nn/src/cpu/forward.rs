//! The element-wise parts of the forward pass, on all cores, each row or number by itself.

use super::gelu::{exp, gelu};
use super::vector::vectorised;
use crate::layers::Activation;
use rayon::prelude::*;

const CHUNK: usize = 16 * 1024;

/// `a[i] += b[i]`.
pub fn add(a: &mut [f32], b: &[f32]) {
    a.par_chunks_mut(CHUNK).zip(b.par_chunks(CHUNK)).for_each(|(a, b)| {
        vectorised(|| a.iter_mut().zip(b).for_each(|(a, b)| *a += b));
    });
}

/// `values[i] = f(values[i])`.
pub fn activation(activation: Activation, values: &mut [f32]) {
    let each = |values: &mut [f32]| match activation {
        Activation::Relu => vectorised(|| values.iter_mut().for_each(|x| *x = if *x < 0.0 { 0.0 } else { *x })),
        Activation::Gelu => gelu(values),
        Activation::GeluTanh => vectorised(|| values.iter_mut().for_each(|x| *x = gelu_tanh(*x))),
        Activation::QuickGelu => vectorised(|| values.iter_mut().for_each(|x| *x *= sigmoid(1.702 * *x))),
        Activation::Silu => vectorised(|| values.iter_mut().for_each(|x| *x *= sigmoid(*x))),
    };
    values.par_chunks_mut(CHUNK).for_each(each);
}

#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    // ½(1 + tanh z) is σ(2z).
    const TWICE: f32 = 2.0 * 0.797_884_6;
    x * sigmoid(TWICE * x * (1.0 + 0.044_715 * x * x))
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    let small = exp(-x.abs());
    let far = 1.0 / (1.0 + small);
    if x < 0.0 { small * far } else { far }
}

/// Normalisation, a row of `weight.len()` at a time: with a bias by mean and variance (LayerNorm), else by the mean square (RmsNorm).
pub fn norm(x: &[f32], weight: &[f32], bias: Option<&[f32]>, epsilon: f32, out: &mut [f32]) {
    let width = weight.len().max(1);
    let rows = (CHUNK / width).max(1);
    out.par_chunks_mut(rows * width).zip(x.par_chunks(rows * width)).for_each(|(out, x)| {
        vectorised(|| {
            for (out, x) in out.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                norm_row(x, weight, bias, epsilon, out);
            }
        });
    });
}

#[inline(always)]
fn norm_row(x: &[f32], weight: &[f32], bias: Option<&[f32]>, epsilon: f32, out: &mut [f32]) {
    let count = x.len();
    let share = 1.0 / count as f32;
    let mean = if bias.is_some() { super::backward::sum(|i| x[i], count) * share } else { 0.0 };
    let variance = super::backward::sum(|i| (x[i] - mean) * (x[i] - mean), count) * share;
    let inverse = 1.0 / (variance + epsilon).sqrt();
    for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
        *out = (x - mean) * inverse * weight;
    }
    if let Some(bias) = bias {
        out.iter_mut().zip(bias).for_each(|(out, bias)| *out += bias);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_those_of_exact_arithmetic() {
        let points: Vec<f32> = (-900..=900).map(|step| step as f32 / 100.0).chain([-1000.0, 1000.0]).collect();
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let tanh_form =
            |x: f64| 0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh());
        let exact: [(Activation, &dyn Fn(f64) -> f64); 4] = [
            (Activation::Relu, &|x| x.max(0.0)),
            (Activation::GeluTanh, &tanh_form),
            (Activation::QuickGelu, &|x| x * sigmoid(1.702 * x)),
            (Activation::Silu, &|x| x * sigmoid(x)),
        ];
        for (kind, exact) in exact {
            let mut values = points.clone();
            activation(kind, &mut values);
            for (value, x) in values.iter().zip(&points) {
                let exact = exact(f64::from(*x));
                assert!(
                    (f64::from(*value) - exact).abs() <= 2e-6 * exact.abs().max(1.0),
                    "{kind:?} of {x}: {value}, {exact}"
                );
            }
        }
        let mut missing = [f32::NAN];
        activation(Activation::Relu, &mut missing);
        assert!(missing[0].is_nan(), "a number that is none must not vanish");
    }

    #[test]
    fn rows_are_normalised_as_in_exact_arithmetic() {
        let mut random = crate::random::Random::new(3);
        for width in [1, 5, 16, 100] {
            let mut draw =
                |count: usize| -> Vec<f32> { (0..count).map(|_| random.uniform() as f32 * 3.0 - 1.0).collect() };
            let (x, weight, bias) = (draw(3 * width), draw(width), draw(width));
            for bias in [None, Some(&bias[..])] {
                let mut out = vec![f32::NAN; x.len()];
                norm(&x, &weight, bias, 1e-5, &mut out);
                for (x, out) in x.chunks(width).zip(out.chunks(width)) {
                    let mean_of =
                        |f: &dyn Fn(f64) -> f64| x.iter().map(|x| f(f64::from(*x))).sum::<f64>() / width as f64;
                    let mean = if bias.is_some() { mean_of(&|x| x) } else { 0.0 };
                    let deviation = (mean_of(&|x| (x - mean).powi(2)) + 1e-5).sqrt();
                    for i in 0..width {
                        let shift = bias.map_or(0.0, |bias| f64::from(bias[i]));
                        let exact = (f64::from(x[i]) - mean) / deviation * f64::from(weight[i]) + shift;
                        assert!((f64::from(out[i]) - exact).abs() < 1e-5, "{width}: {} {exact}", out[i]);
                    }
                }
            }
        }
    }
}
