//! Linear maps and the losses on top of them, with their gradients.

use crate::network::activation::softmax;
use crate::network::matrix::{Packed, add_outer};
use crate::network::weights::Linear;

/// `x · weight + bias`, row by row.
pub fn apply(linear: &Linear, x: &[f32]) -> Vec<f32> {
    let (inputs, outputs) = (linear.weight.rows, linear.weight.columns);
    let rows = x.len() / inputs;
    let mut out = Vec::with_capacity(rows * outputs);
    for _ in 0..rows {
        out.extend(&linear.bias.values);
    }
    Packed::new(&linear.weight.values, inputs, outputs).multiply(x, &mut out);
    out
}

/// Adds to the gradients of the weights and, where asked, of the inputs.
pub fn backward(linear: &Linear, x: &[f32], d_out: &[f32], gradient: &mut Linear, d_x: Option<&mut [f32]>) {
    let (inputs, outputs) = (linear.weight.rows, linear.weight.columns);
    add_outer(x, inputs, d_out, outputs, &mut gradient.weight.values);
    for row in d_out.chunks_exact(outputs) {
        for (sum, value) in gradient.bias.values.iter_mut().zip(row) {
            *sum += value;
        }
    }
    if let Some(d_x) = d_x {
        Packed::transposed(&linear.weight.values, inputs, outputs).multiply(d_out, d_x);
    }
}

/// Cross-entropy of each row's scores against its class, summed; the scores become their own gradients times `scale`. Rows without
/// a class (`None`) cost nothing.
pub fn cross_entropy(
    scores: &mut [f32],
    classes: impl Iterator<Item = Option<usize>>,
    width: usize,
    scale: f32,
) -> f64 {
    let mut loss = 0.0;
    for (row, class) in scores.chunks_exact_mut(width).zip(classes) {
        let Some(class) = class else {
            row.fill(0.0);
            continue;
        };
        let score = row[class];
        loss += f64::from(softmax(row) - score);
        row[class] -= 1.0;
        row.iter_mut().for_each(|value| *value *= scale);
    }
    loss
}
