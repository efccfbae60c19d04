//! Many rows times a matrix, for processors with AVX-512: bound by arithmetic, so the matrix is packed once for all rows that it meets.
//! A few rows are `product`'s; every other processor takes burn's.

#![cfg(target_arch = "x86_64")]

use super::tile::{self, Left, PANEL, ROWS, Target, Then};
use rayon::prelude::*;

/// So much of the inner dimension is summed at a time: a panel of it stays in the second cache. The sums of these parts are added in order.
const INNER: usize = 256;

/// Columns that are packed at a time, to read the matrix in longer runs.
const GROUP: usize = 4 * PANEL;
/// Rows that meet a panel before the next one comes.
const BLOCK: usize = 4 * ROWS;

/// The right side of a product as it lies.
#[derive(Clone, Copy)]
pub enum Right<'a> {
    /// `[columns, inner]`: the weight of a linear layer on the way forward.
    Turned(&'a [f32]),
    /// `[inner, columns]`: on the way back.
    Plain(&'a [f32]),
}

/// What a product is: `[rows, inner]` by `[inner, columns]`.
#[derive(Clone, Copy)]
pub struct Sizes {
    pub rows: usize,
    pub inner: usize,
    pub columns: usize,
}

/// Where a product goes: into columns of a matrix of so many, from one on.
pub struct Out<'a> {
    pub numbers: &'a mut [f32],
    pub width: usize,
    pub first: usize,
}

/// `out = factor · x·w`, and what `then` says. Each number is summed in the order of the inner dimension, whatever the other rows are.
///
/// # Panics
/// The processor has no AVX-512 ([`tile::is_available`]), or the slices do not have these sizes.
pub fn multiply(x: Left<'_>, w: Right<'_>, sizes: Sizes, factor: f32, then: Then<'_>, out: Out<'_>) {
    assert!(tile::is_available(), "the caller asks first");
    let Sizes { rows, inner, columns } = sizes;
    if rows == 0 || inner == 0 || columns == 0 {
        return;
    }
    assert!(out.first + columns <= out.width && out.numbers.len() >= rows * out.width);
    let groups = columns.div_ceil(GROUP);
    // With few columns, rows are divided too, so that every thread has work.
    let parts = (4 * rayon::current_num_threads()).div_ceil(groups).min(rows.div_ceil(BLOCK));
    let part = rows.div_ceil(parts).next_multiple_of(ROWS);
    let begin = Begin(out.numbers.as_mut_ptr());
    (0..groups * parts).into_par_iter().for_each_init(Vec::new, |packed, job| {
        let (first, row) = (job / parts * GROUP, job % parts * part);
        let count = GROUP.min(columns - first);
        let rows = row..rows.min(row + part);
        for start in (0..inner).step_by(INNER) {
            let deep = INNER.min(inner - start);
            match w {
                // SAFETY: the processor has the feature.
                Right::Turned(w) => unsafe {
                    tile::pack_turned(&w[first * inner + start..], inner, count, deep, packed);
                },
                Right::Plain(w) => tile::pack(&w[start * columns + first..], columns, count, deep, packed),
            }
            for row in rows.clone().step_by(BLOCK) {
                for (panel, packed) in packed.chunks_exact(PANEL * deep).enumerate() {
                    let column = first + panel * PANEL;
                    let wide = PANEL.min(columns - column);
                    let target = Target {
                        begin: begin.at(row * out.width + out.first + column),
                        row_step: out.width,
                        columns: wide,
                        factor,
                        then: match then {
                            Then::Set(bias) if start == 0 => Then::Set(bias.map(|bias| &bias[column..column + wide])),
                            _ => Then::Add,
                        },
                    };
                    // SAFETY: the processor has the feature; every job has rows and columns of its own, and they lie within `out`.
                    unsafe { tile::times_panel(x.from(row, start), BLOCK.min(rows.end - row), deep, packed, target) };
                }
            }
        }
    });
}

/// The result, of which each job writes places of its own.
struct Begin(*mut f32);

// SAFETY: threads write disjoint places.
unsafe impl Sync for Begin {}

impl Begin {
    fn at(&self, place: usize) -> *mut f32 {
        self.0.wrapping_add(place)
    }
}

/// `out[row, o] = Σ x[row, i] · w[o, i] + b[o]`, with `x` `[rows, inputs]`, `w` `[outputs, inputs]`, `out` `[rows, outputs]`.
///
/// # Panics
/// As [`multiply`].
pub fn dense(x: &[f32], w: &[f32], bias: Option<&[f32]>, inputs: usize, out: &mut [f32]) {
    let inner = inputs.max(1);
    let sizes = Sizes { rows: x.len() / inner, inner: inputs, columns: w.len() / inner };
    let out = Out { numbers: out, width: sizes.columns, first: 0 };
    multiply(Left::rows(x, inputs), Right::Turned(w), sizes, 1.0, Then::Set(bias), out);
}

/// The same matrix in the other direction, as gradients go: `out[row, i] = Σ g[row, o] · w[o, i]`, with `g` `[rows, outputs]` and `out`
/// `[rows, inputs]`.
///
/// # Panics
/// As [`multiply`].
pub fn dense_back(g: &[f32], w: &[f32], inputs: usize, out: &mut [f32]) {
    let outputs = w.len() / inputs.max(1);
    let sizes = Sizes { rows: g.len() / outputs.max(1), inner: outputs, columns: inputs };
    let out = Out { numbers: out, width: inputs, first: 0 };
    multiply(Left::rows(g, outputs), Right::Plain(w), sizes, 1.0, Then::Set(None), out);
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
        if !tile::is_available() {
            println!("skipped: this processor has no AVX-512");
            return;
        }
        for (rows, inputs, outputs) in [(1, 1, 1), (12, 16, 32), (13, 33, 70), (30, 64, 5), (5, 101, 129), (41, 7, 64)]
        {
            let (x, w, bias) = (numbers(rows * inputs, 1), numbers(outputs * inputs, 2), numbers(outputs, 3));
            let mut out = vec![f32::NAN; rows * outputs];
            dense(&x, &w, Some(&bias), inputs, &mut out);
            let mut plain = vec![f32::NAN; rows * outputs];
            dense(&x, &w, None, inputs, &mut plain);
            for row in 0..rows {
                let own = &x[row * inputs..(row + 1) * inputs];
                let mut alone = vec![f32::NAN; outputs];
                dense(own, &w, Some(&bias), inputs, &mut alone);
                assert_eq!(alone, out[row * outputs..(row + 1) * outputs], "a row depends on its neighbours");
                for o in 0..outputs {
                    let exact: f64 = own.iter().zip(&w[o * inputs..]).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum();
                    let place = row * outputs + o;
                    assert!((f64::from(plain[place]) - exact).abs() < 1e-5, "{rows} × {inputs} × {outputs}");
                    assert_eq!(out[place], plain[place] + bias[o]);
                }
            }
        }
    }
    #[test]
    fn the_way_back_is_that_of_exact_arithmetic() {
        if !tile::is_available() {
            println!("skipped: this processor has no AVX-512");
            return;
        }
        for (rows, inputs, outputs) in [(1, 1, 1), (13, 70, 33), (30, 32, 5), (5, 101, 129)] {
            let (g, w) = (numbers(rows * outputs, 6), numbers(outputs * inputs, 7));
            let mut out = vec![f32::NAN; rows * inputs];
            dense_back(&g, &w, inputs, &mut out);
            for row in 0..rows {
                for input in 0..inputs {
                    let exact: f64 =
                        (0..outputs).map(|o| f64::from(g[row * outputs + o]) * f64::from(w[o * inputs + input])).sum();
                    assert!(
                        (f64::from(out[row * inputs + input]) - exact).abs() < 1e-5,
                        "{rows} × {inputs} × {outputs}"
                    );
                }
            }
        }
    }

    #[test]
    fn columns_of_a_product_are_added_by_a_factor_and_nothing_else_is_touched() {
        if !tile::is_available() {
            println!("skipped: this processor has no AVX-512");
            return;
        }
        // More of each than a tile, a panel, a group and a block.
        let (rows, inner, columns, width, first) = (131, 300, 150, 170, 7);
        let (x, w, before) = (numbers(inner * rows, 8), numbers(columns * inner, 9), numbers(rows * width, 10));
        let mut out = before.clone();
        let place = Out { numbers: &mut out, width, first };
        let sizes = Sizes { rows, inner, columns };
        multiply(Left::columns(&x, rows), Right::Turned(&w), sizes, 0.5, Then::Add, place);
        for row in 0..rows {
            for column in 0..width {
                let place = row * width + column;
                let inside = (first..first + columns).contains(&column);
                let sum: f64 = match inside {
                    true => (0..inner)
                        .map(|i| f64::from(x[i * rows + row]) * f64::from(w[(column - first) * inner + i]))
                        .sum(),
                    false => 0.0,
                };
                let exact = f64::from(before[place]) + 0.5 * sum;
                assert!((f64::from(out[place]) - exact).abs() < 1e-5, "{row}, {column}");
                assert!(inside || out[place] == before[place], "{row}, {column} is none of the product's");
            }
        }
    }
}
