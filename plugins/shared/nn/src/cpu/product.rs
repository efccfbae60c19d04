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
    for (w, out) in w.chunks_exact(inputs).zip(out.chunks_exact_mut(rows)) {
        for (x, out) in x.chunks_exact(inputs).zip(out) {
            *out = dot(x, w);
        }
    }
}

/// One number of the product, as every kernel sums it.
fn dot(x: &[f32], w: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    for (x, w) in x.as_chunks::<LANES>().0.iter().zip(w.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            sums[lane] = x[lane].mul_add(w[lane], sums[lane]);
        }
    }
    finished(sums, x, w)
}

/// The lanes' sum, pairwise, and behind it what no lane took.
#[inline(always)]
fn finished(mut sums: [f32; LANES], x: &[f32], w: &[f32]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    let rest = x.as_chunks::<LANES>().1.iter().zip(w.as_chunks::<LANES>().1);
    rest.fold(sums[0], |sum, (x, w)| x.mul_add(*w, sum))
}

/// A kernel of one instruction set: `$name` for a block of the matrix, `$tile` for O of its rows with R rows of x, whose sums stay in
/// registers. Left to the compiler, they do not: a batch of eight then took ten times as long.
#[cfg(target_arch = "x86_64")]
macro_rules! kernel {
    ($name:ident, $tile:ident, $features:literal, $outputs:literal, $width:literal, $zero:ident, $load:ident, $fma:ident, $store:ident) => {
        #[target_feature(enable = $features)]
        fn $name(x: &[f32], w: &[f32], inputs: usize, rows: usize, out: &mut [f32]) {
            let mut w_tiles = w.chunks_exact($outputs * inputs);
            let mut out_tiles = out.chunks_exact_mut($outputs * rows);
            for (w, out) in w_tiles.by_ref().zip(out_tiles.by_ref()) {
                let whole = rows - rows % ROWS;
                for row in (0..whole).step_by(ROWS) {
                    $tile::<$outputs, ROWS>(&x[row * inputs..], w, inputs, &mut out[row..], rows);
                }
                for row in whole..rows {
                    $tile::<$outputs, 1>(&x[row * inputs..], w, inputs, &mut out[row..], rows);
                }
            }
            let out = out_tiles.into_remainder();
            for (w, out) in w_tiles.remainder().chunks_exact(inputs).zip(out.chunks_exact_mut(rows)) {
                for row in 0..rows {
                    $tile::<1, 1>(&x[row * inputs..], w, inputs, &mut out[row..], rows);
                }
            }
        }

        #[target_feature(enable = $features)]
        fn $tile<const O: usize, const R: usize>(x: &[f32], w: &[f32], inputs: usize, out: &mut [f32], stride: usize) {
            use std::arch::x86_64::*;
            const PARTS: usize = LANES / $width;
            let (x, w) = (&x[..R * inputs], &w[..O * inputs]);
            let mut sums = [[[$zero(); PARTS]; R]; O];
            for begin in (0..inputs - inputs % LANES).step_by(LANES) {
                for part in 0..PARTS {
                    let place = begin + part * $width;
                    // SAFETY: LANES numbers from `begin` on lie within each row of `inputs`, and the slices hold O and R of these.
                    let x: [_; R] = std::array::from_fn(|row| unsafe { $load(x.as_ptr().add(row * inputs + place)) });
                    for o in 0..O {
                        // SAFETY: as above.
                        let w = unsafe { $load(w.as_ptr().add(o * inputs + place)) };
                        for row in 0..R {
                            sums[o][row][part] = $fma(x[row], w, sums[o][row][part]);
                        }
                    }
                }
            }
            for o in 0..O {
                for row in 0..R {
                    let mut lanes = [0.0_f32; LANES];
                    for part in 0..PARTS {
                        // SAFETY: PARTS registers of `$width` numbers fill the lanes.
                        unsafe { $store(lanes.as_mut_ptr().add(part * $width), sums[o][row][part]) };
                    }
                    let (x, w) = (&x[row * inputs..(row + 1) * inputs], &w[o * inputs..(o + 1) * inputs]);
                    out[o * stride + row] = finished(lanes, x, w);
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
kernel!(avx512, tile512, "avx512f,fma", 3, 16, _mm512_setzero_ps, _mm512_loadu_ps, _mm512_fmadd_ps, _mm512_storeu_ps);
#[cfg(target_arch = "x86_64")]
kernel!(avx2, tile2, "avx2,fma", 1, 8, _mm256_setzero_ps, _mm256_loadu_ps, _mm256_fmadd_ps, _mm256_storeu_ps);

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
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn every_instruction_set_gives_the_same_numbers() {
        for (rows, inputs, outputs) in [(1, 31, 4), (4, 32, 3), (7, 165, 11)] {
            let (x, w) = (numbers(rows * inputs, 4), numbers(outputs * inputs, 5));
            let expected: Vec<f32> = w.chunks(inputs).flat_map(|w| x.chunks(inputs).map(move |x| dot(x, w))).collect();
            let mut out = vec![0.0; rows * outputs];
            if std::arch::is_x86_feature_detected!("avx512f") {
                // SAFETY: the processor has the feature.
                unsafe { avx512(&x, &w, inputs, rows, &mut out) };
                assert_eq!(out, expected, "AVX-512, {rows} × {inputs} × {outputs}");
            }
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                out.fill(0.0);
                // SAFETY: the processor has the features.
                unsafe { avx2(&x, &w, inputs, rows, &mut out) };
                assert_eq!(out, expected, "AVX2, {rows} × {inputs} × {outputs}");
            }
        }
    }
}
