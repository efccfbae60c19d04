//! Softmax over long tensors, on all cores, with an exponential that the compiler turns into vector instructions.

use super::gelu::exp_of_negative;
use rayon::prelude::*;

const CHUNK: usize = 16 * 1024;

/// Every row of `width` numbers becomes positive with a sum of 1, in place.
pub fn softmax(values: &mut [f32], width: usize) {
    if width == 0 {
        return;
    }
    let rows = (CHUNK / width).max(1);
    values.par_chunks_mut(rows * width).for_each(|values| dispatch(values, width));
}

fn dispatch(values: &mut [f32], width: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the feature.
            return unsafe { avx512(values, width) };
        }
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has the features.
            return unsafe { avx2(values, width) };
        }
    }
    values.chunks_exact_mut(width).for_each(|values| row(values, |a, b, c| a * b + c));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,fma")]
fn avx512(values: &mut [f32], width: usize) {
    values.chunks_exact_mut(width).for_each(|values| row(values, f32::mul_add));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(values: &mut [f32], width: usize) {
    values.chunks_exact_mut(width).for_each(|values| row(values, f32::mul_add));
}

/// One row. Its sums are taken side by side, in an order of its own only.
#[inline(always)]
pub fn row(row: &mut [f32], fma: impl Fn(f32, f32, f32) -> f32) {
    const LANES: usize = 16;
    let mut most = [f32::NEG_INFINITY; LANES];
    let (whole, rest) = row.as_chunks::<LANES>();
    for values in whole {
        for (most, value) in most.iter_mut().zip(values) {
            *most = if *value > *most { *value } else { *most };
        }
    }
    let most = most.iter().chain(rest).fold(f32::NEG_INFINITY, |most, value| most.max(*value));
    let mut sums = [0.0_f32; LANES];
    let (whole, rest) = row.as_chunks_mut::<LANES>();
    for values in whole {
        for (sum, value) in sums.iter_mut().zip(values) {
            *value = exp_of_negative(*value - most, &fma);
            *sum += *value;
        }
    }
    let mut sum: f32 = sums.iter().sum();
    for value in rest {
        *value = exp_of_negative(*value - most, &fma);
        sum += *value;
    }
    let share = 1.0 / sum;
    row.iter_mut().for_each(|value| *value *= share);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_exact_arithmetic() {
        let mut random = crate::random::Random::new(7);
        for width in [1, 3, 16, 33, 257] {
            let scores: Vec<f32> = (0..5 * width).map(|_| 20.0 * (random.uniform() as f32 - 0.5)).collect();
            let mut hidden = scores.clone();
            hidden[4 * width] = -1e9;
            for scores in [scores, hidden] {
                let mut values = scores.clone();
                softmax(&mut values, width);
                assert!(values.iter().all(|value| *value == 0.0 || value.is_normal()), "{width}: slow numbers");
                for (values, scores) in values.chunks(width).zip(scores.chunks(width)) {
                    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    let exact: Vec<f64> = scores.iter().map(|score| f64::from(score - most).exp()).collect();
                    let sum: f64 = exact.iter().sum();
                    for (value, exact) in values.iter().zip(exact) {
                        assert!((f64::from(*value) - exact / sum).abs() < 1e-6, "{width}: {value} {}", exact / sum);
                    }
                }
            }
        }
    }

    #[test]
    fn a_score_that_is_no_number_leaves_none_in_its_row_and_is_seen_nowhere_else() {
        for width in [1, 3, 16, 33] {
            for none in [f32::NAN, f32::INFINITY] {
                for place in 0..width {
                    let mut values = vec![0.25; 3 * width];
                    values[width + place] = none;
                    softmax(&mut values, width);
                    let rows: Vec<&[f32]> = values.chunks(width).collect();
                    assert!(rows[1].iter().all(|value| value.is_nan()), "{none} at {place} of {width}: {:?}", rows[1]);
                    assert!(rows[0] == rows[2] && rows[0].iter().all(|value| value.is_finite()));
                }
            }
        }
    }
}
