//! A few rows times a large matrix: bound by reading the matrix, so it is read once, as it lies.

use rayon::prelude::*;

/// Numbers summed side by side; the sum of a row is theirs, pairwise. Two registers of AVX-512, four of AVX2.
const LANES: usize = 32;
/// Rows of x that share one read of a row of the matrix.
const ROWS: usize = 4;
/// Outputs that one thread takes at a time: enough to pay for handing them out.
const OUTPUTS: usize = 32;

/// `out[row, o] = Σ x[row, i] · w[o, i] + b[o]`, with `x` `[rows, inputs]`, `w` `[outputs, inputs]`, `out` `[rows, outputs]`.
pub fn product(x: &[f32], w: &[f32], bias: Option<&[f32]>, inputs: usize, out: &mut [f32]) {
    if inputs == 0 || x.is_empty() || w.is_empty() {
        return;
    }
    let (rows, outputs) = (x.len() / inputs, w.len() / inputs);
    // Computed with the outputs outside, so that a thread owns what it writes; turned round at the end.
    let mut turned = vec![0.0_f32; rows * outputs];
    turned.par_chunks_mut(OUTPUTS * rows).zip(w.par_chunks(OUTPUTS * inputs)).for_each(|(out, w)| {
        dispatch(x, w, inputs, rows, out);
    });
    for (o, values) in turned.chunks(rows).enumerate() {
        let shift = bias.map_or(0.0, |bias| bias[o]);
        for (row, value) in values.iter().enumerate() {
            out[row * outputs + o] = value + shift;
        }
    }
}

fn dispatch(x: &[f32], w: &[f32], inputs: usize, rows: usize, out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the feature.
            return unsafe { avx512(x, w, inputs, rows, out) };
        }
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has the features.
            return unsafe { avx2(x, w, inputs, rows, out) };
        }
    }
    block(x, w, inputs, rows, out, |a, b, c| a * b + c);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,fma")]
fn avx512(x: &[f32], w: &[f32], inputs: usize, rows: usize, out: &mut [f32]) {
    block(x, w, inputs, rows, out, f32::mul_add);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(x: &[f32], w: &[f32], inputs: usize, rows: usize, out: &mut [f32]) {
    block(x, w, inputs, rows, out, f32::mul_add);
}

#[inline(always)]
fn block(x: &[f32], w: &[f32], inputs: usize, rows: usize, out: &mut [f32], fma: impl Fn(f32, f32, f32) -> f32 + Copy) {
    for (w, out) in w.chunks_exact(inputs).zip(out.chunks_exact_mut(rows)) {
        let mut x_groups = x.chunks_exact(ROWS * inputs);
        let mut out_groups = out.chunks_exact_mut(ROWS);
        for (x, out) in x_groups.by_ref().zip(out_groups.by_ref()) {
            out.copy_from_slice(&dots::<ROWS>(x, w, inputs, fma));
        }
        for (x, out) in x_groups.remainder().chunks_exact(inputs).zip(out_groups.into_remainder()) {
            *out = dots::<1>(x, w, inputs, fma)[0];
        }
    }
}

/// The products of N rows of x with one row of the matrix. The order of the sums does not depend on N.
#[inline(always)]
fn dots<const N: usize>(x: &[f32], w: &[f32], inputs: usize, fma: impl Fn(f32, f32, f32) -> f32 + Copy) -> [f32; N] {
    let mut sums = [[0.0_f32; LANES]; N];
    let (whole, rest) = w.as_chunks::<LANES>();
    let rows: [&[f32]; N] = std::array::from_fn(|row| &x[row * inputs..(row + 1) * inputs]);
    let chunks: [&[[f32; LANES]]; N] = std::array::from_fn(|row| rows[row].as_chunks::<LANES>().0);
    for (place, w) in whole.iter().enumerate() {
        for row in 0..N {
            let x = &chunks[row][place];
            for lane in 0..LANES {
                sums[row][lane] = fma(x[lane], w[lane], sums[row][lane]);
            }
        }
    }
    let begin = inputs - rest.len();
    std::array::from_fn(|row| {
        let mut sums = sums[row];
        let mut width = LANES / 2;
        while width > 0 {
            for lane in 0..width {
                sums[lane] += sums[lane + width];
            }
            width /= 2;
        }
        rest.iter().zip(&rows[row][begin..]).fold(sums[0], |sum, (w, x)| fma(*x, *w, sum))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut random = crate::random::Random::new(seed);
        (0..count).map(|_| random.uniform() as f32 - 0.5).collect()
    }

    #[test]
    fn products_are_those_of_exact_arithmetic_and_alike_in_any_batch() {
        for (rows, inputs, outputs) in [(1, 1, 1), (3, 33, 70), (9, 64, 5), (4, 100, 129)] {
            let (x, w, bias) = (numbers(rows * inputs, 1), numbers(outputs * inputs, 2), numbers(outputs, 3));
            let mut out = vec![0.0; rows * outputs];
            product(&x, &w, Some(&bias), inputs, &mut out);
            for row in 0..rows {
                let own = &x[row * inputs..(row + 1) * inputs];
                let mut alone = vec![0.0; outputs];
                product(own, &w, Some(&bias), inputs, &mut alone);
                assert_eq!(alone, out[row * outputs..(row + 1) * outputs], "a row depends on its neighbours");
                for o in 0..outputs {
                    let exact: f64 =
                        own.iter().zip(&w[o * inputs..]).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum::<f64>()
                            + f64::from(bias[o]);
                    assert!((f64::from(alone[o]) - exact).abs() < 1e-5, "{rows} × {inputs} × {outputs}");
                }
            }
        }
    }
}
