//! GELU over long slices, on all cores, in a form that the compiler turns into vector instructions.

use rayon::prelude::*;

const CHUNK: usize = 16 * 1024;

/// x·Φ(x), in place.
pub fn gelu(values: &mut [f32]) {
    values.par_chunks_mut(CHUNK).for_each(dispatch);
}

fn dispatch(values: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the feature.
            return unsafe { avx512(values) };
        }
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: the processor has the features.
            return unsafe { avx2(values) };
        }
    }
    values.iter_mut().for_each(|x| *x = one(*x, |a, b, c| a * b + c));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,fma")]
fn avx512(values: &mut [f32]) {
    values.iter_mut().for_each(|x| *x = one(*x, f32::mul_add));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(values: &mut [f32]) {
    values.iter_mut().for_each(|x| *x = one(*x, f32::mul_add));
}

/// With erf by formula 7.1.26 of Abramowitz and Stegun (error below 1.5e-7).
#[inline(always)]
fn one(x: f32, fma: impl Fn(f32, f32, f32) -> f32) -> f32 {
    let tail = tail_by(x.abs(), &fma);
    // Φ(−|x|) = tail, so Φ(|x|) = 1 − tail.
    x * if x < 0.0 { tail } else { 1.0 - tail }
}

/// Φ(−x) for x ≥ 0.
#[inline(always)]
fn tail_by(x: f32, fma: &impl Fn(f32, f32, f32) -> f32) -> f32 {
    let z = x * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / fma(0.327_591_1, z, 1.0);
    let sum = fma(fma(fma(fma(1.061_405_4, t, -1.453_152), t, 1.421_413_8), t, -0.284_496_74), t, 0.254_829_6) * t;
    0.5 * sum * exp_of_negative(-z * z, fma)
}

/// Φ(−x) for x ≥ 0.
#[inline(always)]
pub fn tail(x: f32) -> f32 {
    tail_by(x, &|a, b, c| a * b + c)
}

/// eˣ for x ≤ 0.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    exp_of_negative(x, &|a, b, c| a * b + c)
}

/// Below it, eˣ counts as 0. It would soon be a number without its leading bit, which a processor multiplies a hundred times more slowly: the
/// weights of all hidden positions were such.
const LEAST: f32 = -80.0;

/// eˣ for x ≤ 0, no number of none: 2 to the whole part by the exponent's bits, the rest by a Taylor polynomial (relative error below 2e-7).
#[inline(always)]
pub fn exp_of_negative(x: f32, fma: &impl Fn(f32, f32, f32) -> f32) -> f32 {
    // Not by `max`, which would make a number of what is none.
    let scaled = if x < LEAST { LEAST } else { x } * std::f32::consts::LOG2_E;
    // Adding 1.5 · 2²³ rounds to a whole number, which then stands in the lowest bits.
    let shifted = scaled + 12_582_912.0;
    let whole = shifted - 12_582_912.0;
    let rest = (scaled - whole) * std::f32::consts::LN_2;
    let power = f32::from_bits(shifted.to_bits().wrapping_sub(0x4b40_0000).wrapping_add(127) << 23);
    let polynomial = fma(rest, 1.0 / 720.0, 1.0 / 120.0);
    let polynomial =
        fma(fma(fma(fma(fma(polynomial, rest, 1.0 / 24.0), rest, 1.0 / 6.0), rest, 0.5), rest, 1.0), rest, 1.0);
    if x < LEAST { 0.0 } else { polynomial * power }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Φ by its series, in f64.
    fn normal(x: f64) -> f64 {
        let (mut sum, mut term) = (x, x);
        for n in 1..200 {
            term *= x * x / f64::from(2 * n + 1);
            sum += term;
        }
        0.5 + sum * (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
    }

    #[test]
    fn values_are_within_a_few_units_of_the_last_place_of_one() {
        let mut worst = 0.0_f64;
        for step in -800..=800 {
            let x = step as f32 / 100.0;
            let mut value = [x];
            gelu(&mut value);
            worst = worst.max((f64::from(value[0]) - f64::from(x) * normal(f64::from(x))).abs());
        }
        assert!(worst < 2e-6, "off by {worst}");
        let mut far = [-100.0_f32, 100.0, 0.0];
        gelu(&mut far);
        assert!(far[0].abs() < 1e-30 && far[1] == 100.0 && far[2] == 0.0, "{far:?}");
    }
}
