//! One direction of an LSTM layer over a batch of sequences: forward, and gradients backward through time.

use super::linear;
use crate::network::activation::{lstm_step, tanh};
use crate::network::matrix::{Packed, add_outer};
use crate::network::weights::Lstm;

/// Sequences of a batch, longest first, their tokens one after the other.
pub struct Batch {
    starts: Vec<usize>,
    lengths: Vec<usize>,
    pub tokens: usize,
}

impl Batch {
    /// # Panics
    /// When the lengths are not in falling order.
    pub fn new(lengths: Vec<usize>) -> Batch {
        assert!(lengths.is_sorted_by(|a, b| a >= b), "the longest sequence comes first");
        let mut tokens = 0;
        let starts = lengths
            .iter()
            .map(|length| {
                tokens += length;
                tokens - length
            })
            .collect();
        Batch { starts, lengths, tokens }
    }

    /// Where each sequence begins, and its length.
    pub fn sequences(&self) -> impl Iterator<Item = (usize, usize)> {
        self.starts.iter().copied().zip(self.lengths.iter().copied())
    }

    fn steps(&self) -> usize {
        self.lengths.first().copied().unwrap_or(0)
    }

    /// The tokens of step `step`, of the sequences that are long enough: a prefix of them.
    fn at(&self, step: usize, backward: bool) -> Vec<usize> {
        self.sequences()
            .take_while(|(_, length)| *length > step)
            .map(|(start, length)| if backward { start + length - 1 - step } else { start + step })
            .collect()
    }
}

/// What the forward pass leaves for the backward one.
pub struct Trace {
    gates: Vec<f32>,
    cells: Vec<f32>,
    previous_cells: Vec<f32>,
    previous_outputs: Vec<f32>,
}

/// Writes the outputs `[tokens, hidden]` into every row of `out` (`width` wide) from column `offset`.
pub fn forward(
    lstm: &Lstm,
    x: &[f32],
    batch: &Batch,
    backward: bool,
    out: &mut [f32],
    (width, offset): (usize, usize),
) -> Trace {
    let hidden = lstm.recurrent.rows;
    let mut gates = linear::apply(&lstm.input, x);
    let recurrent = Packed::new(&lstm.recurrent.values, hidden, 4 * hidden);
    let mut trace = Trace {
        gates: Vec::new(),
        cells: vec![0.0; batch.tokens * hidden],
        previous_cells: vec![0.0; batch.tokens * hidden],
        previous_outputs: vec![0.0; batch.tokens * hidden],
    };
    let mut output = vec![0.0; batch.lengths.len() * hidden];
    let mut cell = vec![0.0; batch.lengths.len() * hidden];
    let mut sums = vec![0.0; batch.lengths.len() * 4 * hidden];
    for step in 0..batch.steps() {
        let tokens = batch.at(step, backward);
        let sums = &mut sums[..tokens.len() * 4 * hidden];
        for (&token, sum) in tokens.iter().zip(sums.chunks_exact_mut(4 * hidden)) {
            sum.copy_from_slice(&gates[token * 4 * hidden..][..4 * hidden]);
        }
        recurrent.multiply(&output[..tokens.len() * hidden], sums);
        for (row, (&token, sum)) in tokens.iter().zip(sums.chunks_exact_mut(4 * hidden)).enumerate() {
            let at = token * hidden..(token + 1) * hidden;
            let (output, cell) = (&mut output[row * hidden..][..hidden], &mut cell[row * hidden..][..hidden]);
            trace.previous_outputs[at.clone()].copy_from_slice(output);
            trace.previous_cells[at.clone()].copy_from_slice(cell);
            lstm_step(sum, &trace.previous_cells[at.clone()], cell, output);
            trace.cells[at].copy_from_slice(cell);
            gates[token * 4 * hidden..][..4 * hidden].copy_from_slice(sum);
            out[token * width + offset..][..hidden].copy_from_slice(output);
        }
    }
    trace.gates = gates;
    trace
}

/// Adds to the gradients of the weights and of the inputs. `d_out` is laid out as `out` was.
#[expect(clippy::too_many_arguments, reason = "the arguments of `forward`, and the gradients")]
pub fn backward(
    lstm: &Lstm,
    x: &[f32],
    batch: &Batch,
    reverse: bool,
    trace: &Trace,
    d_out: &[f32],
    (width, offset): (usize, usize),
    gradient: &mut Lstm,
    d_x: &mut [f32],
) {
    let hidden = lstm.recurrent.rows;
    let transposed = Packed::transposed(&lstm.recurrent.values, hidden, 4 * hidden);
    let mut d_gates = vec![0.0; batch.tokens * 4 * hidden];
    let mut d_output = vec![0.0; batch.lengths.len() * hidden];
    let mut d_cell = vec![0.0; batch.lengths.len() * hidden];
    let mut d_sums = vec![0.0; batch.lengths.len() * 4 * hidden];
    for step in (0..batch.steps()).rev() {
        let tokens = batch.at(step, reverse);
        let d_sums = &mut d_sums[..tokens.len() * 4 * hidden];
        for (row, &token) in tokens.iter().enumerate() {
            let gates = &trace.gates[token * 4 * hidden..][..4 * hidden];
            let cells = &trace.cells[token * hidden..][..hidden];
            let previous = &trace.previous_cells[token * hidden..][..hidden];
            let from_above = &d_out[token * width + offset..][..hidden];
            let (d_cell, d_sum) =
                (&mut d_cell[row * hidden..][..hidden], &mut d_sums[row * 4 * hidden..][..4 * hidden]);
            for at in 0..hidden {
                let (i, f, o, g) = (gates[at], gates[hidden + at], gates[2 * hidden + at], gates[3 * hidden + at]);
                let squashed = tanh(cells[at]);
                let d_h = from_above[at] + d_output[row * hidden + at];
                let d_c = d_cell[at] + d_h * o * (1.0 - squashed * squashed);
                d_sum[at] = d_c * g * i * (1.0 - i);
                d_sum[hidden + at] = d_c * previous[at] * f * (1.0 - f);
                d_sum[2 * hidden + at] = d_h * squashed * o * (1.0 - o);
                d_sum[3 * hidden + at] = d_c * i * (1.0 - g * g);
                d_cell[at] = d_c * f;
            }
            d_gates[token * 4 * hidden..][..4 * hidden].copy_from_slice(d_sum);
        }
        let d_output = &mut d_output[..tokens.len() * hidden];
        d_output.fill(0.0);
        transposed.multiply(d_sums, d_output);
    }
    add_outer(&trace.previous_outputs, hidden, &d_gates, 4 * hidden, &mut gradient.recurrent.values);
    linear::backward(&lstm.input, x, &d_gates, &mut gradient.input, Some(d_x));
}
