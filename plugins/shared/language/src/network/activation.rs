//! Element-wise functions of the network, written so that the compiler vectorises them.
//! The exponential is a polynomial of degree 6 after range reduction: relative error below 1e-6.

/// `e^x`, for |x| up to 80 (beyond, clamped).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-80.0, 80.0);
    // x = k ln 2 + r, |r| ≤ ln 2 / 2; adding 1.5·2²³ rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (x - k * 0.693_359_4) - k * -2.121_944_4e-4;
    let p = 1.0 / 720.0;
    let p = p * r + 1.0 / 120.0;
    let p = p * r + 1.0 / 24.0;
    let p = p * r + 1.0 / 6.0;
    let p = p * r + 0.5;
    let p = p * r + 1.0;
    let p = p * r + 1.0;
    let power = f32::from_bits(((shifted.to_bits() << 23).wrapping_add(127 << 23)) & 0x7f80_0000);
    p * power
}

#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    2.0 / (1.0 + exp(-2.0 * x)) - 1.0
}

/// One step of an LSTM for one sequence. `gates` holds the pre-activations of the input, forget, output and candidate gates and
/// receives their values; `previous` is the last cell state. Writes the new cell and output.
pub fn lstm_step(gates: &mut [f32], previous: &[f32], cell: &mut [f32], output: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if super::matrix::has_avx2() {
        // SAFETY: the processor has AVX2 and FMA.
        unsafe { lstm_step_avx2(gates, previous, cell, output) };
        return;
    }
    lstm_step_any(gates, previous, cell, output);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn lstm_step_avx2(gates: &mut [f32], previous: &[f32], cell: &mut [f32], output: &mut [f32]) {
    lstm_step_any(gates, previous, cell, output);
}

#[inline(always)]
fn lstm_step_any(gates: &mut [f32], previous: &[f32], cell: &mut [f32], output: &mut [f32]) {
    let width = cell.len();
    let (sigmoids, candidates) = gates.split_at_mut(3 * width);
    for value in sigmoids.iter_mut() {
        *value = sigmoid(*value);
    }
    for value in candidates.iter_mut() {
        *value = tanh(*value);
    }
    let (input, rest) = sigmoids.split_at(width);
    let (forget, out) = rest.split_at(width);
    let (previous, output, candidates) = (&previous[..width], &mut output[..width], &candidates[..width]);
    for at in 0..width {
        cell[at] = forget[at] * previous[at] + input[at] * candidates[at];
        output[at] = out[at] * tanh(cell[at]);
    }
}

/// Replaces scores by probabilities; returns the logarithm of their normaliser.
pub fn softmax(scores: &mut [f32]) -> f32 {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = exp(*score - most);
        sum += *score;
    }
    for score in scores.iter_mut() {
        *score /= sum;
    }
    most + sum.ln()
}

/// The position of the largest number; the first of equals. `None` for no numbers.
pub fn largest(scores: &[f32]) -> Option<usize> {
    let mut best = None;
    for (at, &score) in scores.iter().enumerate() {
        if best.is_none_or(|(_, most)| score > most) {
            best = Some((at, score));
        }
    }
    best.map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_follow_the_standard_library() {
        for step in -3000..3000 {
            let x = step as f32 / 100.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 2e-6, "exp {x}");
            assert!((tanh(x) - x.tanh()).abs() < 2e-6, "tanh {x}");
            assert!((sigmoid(x) - 1.0 / (1.0 + (-x).exp())).abs() < 2e-6, "sigmoid {x}");
        }
        assert!(exp(-1000.0) < 1e-30);
    }
}
