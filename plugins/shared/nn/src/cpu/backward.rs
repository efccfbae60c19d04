//! The element-wise parts of the backward pass in one pass over memory each, on all cores. Sums stay within a row, so gradients do not
//! depend on how rows are divided among threads.

use super::gelu::{exp, tail};
use super::vector::vectorised;
use crate::layers::Activation;
use crate::random::Random;
use rayon::prelude::*;

const CHUNK: usize = 16 * 1024;

/// `gradient[i] *= slope(x[i])`.
pub fn activation(activation: Activation, x: &[f32], gradient: &mut [f32]) {
    gradient.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK)).for_each(|(gradient, x)| match activation {
        Activation::Relu => vectorised(|| each(x, gradient, |x| if x > 0.0 { 1.0 } else { 0.0 })),
        Activation::Gelu => vectorised(|| each(x, gradient, gelu)),
        Activation::GeluTanh => vectorised(|| each(x, gradient, gelu_tanh)),
        Activation::QuickGelu => vectorised(|| each(x, gradient, |x| sloped(x, 1.702))),
        Activation::Silu => vectorised(|| each(x, gradient, |x| sloped(x, 1.0))),
    });
}

/// By a loop for each function, so that the compiler can make vectors of it.
#[inline(always)]
fn each(x: &[f32], gradient: &mut [f32], slope: impl Fn(f32) -> f32) {
    for (gradient, x) in gradient.iter_mut().zip(x) {
        *gradient *= slope(*x);
    }
}

/// Φ(x) + x·φ(x).
#[inline(always)]
fn gelu(x: f32) -> f32 {
    let density = 0.398_942_3 * exp(-0.5 * x * x);
    let beyond = tail(x.abs());
    (if x < 0.0 { beyond } else { 1.0 - beyond }) + x * density
}

#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    const ROOT: f32 = 0.797_884_6;
    const CUBE: f32 = 0.044_715;
    let square = x * x;
    let bent = tanh(ROOT * x * (1.0 + CUBE * square));
    let steep = ROOT * (1.0 + 3.0 * CUBE * square);
    0.5 * (1.0 + bent) + 0.5 * x * (1.0 - bent * bent) * steep
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    let twice = exp(-2.0 * x.abs());
    ((1.0 - twice) / (1.0 + twice)).copysign(x)
}

/// The slope of x·σ(f x).
#[inline(always)]
fn sloped(x: f32, factor: f32) -> f32 {
    let x = x * factor;
    let small = exp(-x.abs());
    let far = 1.0 / (1.0 + small);
    let opened = if x < 0.0 { small * far } else { far };
    opened * (1.0 + x * (1.0 - opened))
}

/// Normalisation backwards, a row of `weight.len()` at a time: `gradient` of the output becomes that of the input. With `centred`, the mean was
/// taken away (LayerNorm), else not (RmsNorm).
pub fn norm(x: &[f32], gradient: &mut [f32], weight: &[f32], epsilon: f32, centred: bool) {
    let width = weight.len();
    let rows = (CHUNK / width.max(1)).max(1);
    gradient.par_chunks_mut(rows * width).zip(x.par_chunks(rows * width)).for_each(|(gradient, x)| {
        vectorised(|| {
            for (gradient, x) in gradient.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                norm_row(x, gradient, weight, epsilon, centred);
            }
        });
    });
}

/// Sums side by side, for the compiler to make vectors of.
#[inline(always)]
pub fn sum(values: impl Fn(usize) -> f32, count: usize) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0.0_f32; LANES];
    let whole = count / LANES * LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += values(start + lane);
        }
    }
    lanes.iter().sum::<f32>() + (whole..count).map(values).sum::<f32>()
}

#[inline(always)]
fn norm_row(x: &[f32], gradient: &mut [f32], weight: &[f32], epsilon: f32, centred: bool) {
    let count = x.len();
    let (gradient, weight) = (&mut gradient[..count], &weight[..count]);
    let share = 1.0 / count as f32;
    let mean = if centred { sum(|i| x[i], count) * share } else { 0.0 };
    let variance = sum(|i| (x[i] - mean) * (x[i] - mean), count) * share;
    let inverse = 1.0 / (variance + epsilon).sqrt();
    for (gradient, weight) in gradient.iter_mut().zip(weight) {
        *gradient *= weight;
    }
    let along = sum(|i| gradient[i] * (x[i] - mean), count) * share * inverse;
    let level = if centred { sum(|i| gradient[i], count) * share } else { 0.0 };
    for (gradient, x) in gradient.iter_mut().zip(x) {
        *gradient = (*gradient - level - (x - mean) * inverse * along) * inverse;
    }
}

/// Softmax backwards, a row of `width` at a time: `gradient` of the weights becomes `scale` times that of the scores.
pub fn softmax(weights: &[f32], gradient: &mut [f32], width: usize, scale: f32) {
    let rows = (CHUNK / width.max(1)).max(1);
    gradient.par_chunks_mut(rows * width).zip(weights.par_chunks(rows * width)).for_each(|(gradient, weights)| {
        vectorised(|| {
            for (gradient, weights) in gradient.chunks_exact_mut(width).zip(weights.chunks_exact(width)) {
                softmax_row(weights, gradient, scale);
            }
        });
    });
}

/// One row of [`softmax`].
#[inline(always)]
pub fn softmax_row(weights: &[f32], gradient: &mut [f32], scale: f32) {
    let (count, gradient) = (weights.len(), &mut gradient[..weights.len()]);
    let level = sum(|i| weights[i] * gradient[i], count);
    for (gradient, weight) in gradient.iter_mut().zip(weights) {
        *gradient = scale * weight * (*gradient - level);
    }
}

/// Dropout of the numbers of a tensor, by a seed: number i is kept or not whatever the threads are.
pub fn dropped(values: &mut [f32], seed: u64, probability: f64) {
    let limit = (probability * 65536.0).round() as u64;
    let factor = 1.0 / (1.0 - limit as f32 / 65536.0);
    values.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, values)| {
        let mut random = Random::new(seed.wrapping_add((chunk as u64).wrapping_mul(0xd1b5_4a32_d192_ed03)));
        for four in values.chunks_mut(4) {
            let mut bits = random.next_u64();
            for value in four {
                *value = if bits & 0xffff < limit { 0.0 } else { *value * factor };
                bits >>= 16;
            }
        }
    });
}

/// Softmax and its loss, a row of scores at a time: `scores` become `weight` · (p − one-hot(label)); the row's loss comes out.
pub fn cross_entropy(scores: &mut [f32], labels: &[u32], weight: f32) -> Vec<f64> {
    let width = scores.len() / labels.len().max(1);
    let mut losses = vec![0.0; labels.len()];
    scores.par_chunks_mut(width.max(1)).zip(labels).zip(&mut losses).for_each(|((row, &label), loss)| {
        *loss = vectorised(|| cross_entropy_row(row, label as usize, weight));
    });
    losses
}

#[inline(always)]
fn cross_entropy_row(row: &mut [f32], label: usize, weight: f32) -> f64 {
    let width = row.len();
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let chosen = row[label];
    // Not a number if any score is none, or infinite: exp below would hide it.
    let sound = sum(|i| row[i] - most, width) * 0.0;
    for score in row.iter_mut() {
        *score = exp(*score - most);
    }
    let total = sum(|i| row[i], width);
    let share = weight / total;
    for score in row.iter_mut() {
        *score *= share;
    }
    row[label] -= weight;
    f64::from(total).ln() + f64::from(most) - f64::from(chosen) + f64::from(sound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_keeps_the_mean_and_depends_on_its_seed_only() {
        let count = 100_003;
        let mask = |seed| {
            let mut values = vec![1.0_f32; count];
            dropped(&mut values, seed, 0.05);
            values
        };
        let first = mask(1);
        assert_eq!(first, mask(1));
        assert_ne!(first, mask(2));
        let zeros = first.iter().filter(|&&value| value == 0.0).count() as f64 / count as f64;
        assert!((zeros - 0.05).abs() < 0.003, "{zeros}");
        let mean = first.iter().map(|&value| f64::from(value)).sum::<f64>() / count as f64;
        assert!((mean - 1.0).abs() < 0.003, "{mean}");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(first, pool.install(|| mask(1)), "the mask depends on the threads");
    }
}
