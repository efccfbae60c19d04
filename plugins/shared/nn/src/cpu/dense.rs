//! Many rows times a matrix, for processors with AVX-512: bound by arithmetic, so sums stay in registers while both sides stream by.
//! A few rows are `product`'s; every other processor takes burn's.

#![cfg(target_arch = "x86_64")]

use rayon::prelude::*;
use std::arch::x86_64::*;

/// Numbers in a register.
const WIDTH: usize = 16;
/// Outputs that are computed together: two registers a row.
const PANEL: usize = 2 * WIDTH;
/// Rows that are computed together: 24 of the 32 registers hold their sums.
const ROWS: usize = 12;

/// Whether this processor has what [`dense`] needs.
pub fn is_available() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
}

/// `out[row, o] = Σ x[row, i] · w[o, i] + b[o]`, with `x` `[rows, inputs]`, `w` `[outputs, inputs]`, `out` `[rows, outputs]`. Each number is
/// summed in the order of the inputs, whatever the other rows are.
///
/// # Panics
/// The processor has no AVX-512 ([`is_available`]).
pub fn dense(x: &[f32], w: &[f32], bias: Option<&[f32]>, inputs: usize, out: &mut [f32]) {
    let outputs = w.len() / inputs.max(1);
    multiply(x, bias, inputs, outputs, out, |first, count, packed| {
        // SAFETY: `multiply` has asserted that the processor has the feature.
        unsafe { pack(&w[first * inputs..(first + count) * inputs], inputs, packed) };
    });
}

/// The same matrix in the other direction, as gradients go: `out[row, i] = Σ g[row, o] · w[o, i]`, with `g` `[rows, outputs]` and `out`
/// `[rows, inputs]`.
///
/// # Panics
/// The processor has no AVX-512 ([`is_available`]).
pub fn dense_back(g: &[f32], w: &[f32], inputs: usize, out: &mut [f32]) {
    let outputs = w.len() / inputs.max(1);
    multiply(g, None, outputs, inputs, out, |first, count, packed| {
        packed.resize(outputs * PANEL, 0.0);
        for (packed, w) in packed.chunks_exact_mut(PANEL).zip(w.chunks_exact(inputs)) {
            packed[..count].copy_from_slice(&w[first..first + count]);
            packed[count..].fill(0.0);
        }
    });
}

/// `x` `[rows, inner]` times a matrix of so many columns, of which `pack` lays out up to [`PANEL`] from one on: `[inner, PANEL]`.
fn multiply(
    x: &[f32],
    bias: Option<&[f32]>,
    inner: usize,
    columns: usize,
    out: &mut [f32],
    pack: impl Fn(usize, usize, &mut Vec<f32>) + Sync,
) {
    assert!(is_available(), "the caller asks first");
    if inner == 0 || columns == 0 || x.is_empty() {
        return;
    }
    assert_eq!(out.len(), x.len() / inner * columns);
    let target = Columns { begin: out.as_mut_ptr(), outputs: columns };
    (0..columns.div_ceil(PANEL)).into_par_iter().for_each_init(Vec::new, |packed, panel| {
        let first = panel * PANEL;
        let count = PANEL.min(columns - first);
        pack(first, count, packed);
        // SAFETY: the processor has the feature; every panel is met once, and its columns lie within `out`.
        unsafe { target.fill(x, packed, bias.map(|bias| &bias[first..first + count]), inner, first) };
    });
}

/// The result, of which each panel writes columns of its own.
struct Columns {
    begin: *mut f32,
    outputs: usize,
}

// SAFETY: threads write disjoint columns.
unsafe impl Sync for Columns {}

impl Columns {
    /// Computes the columns from `first` on.
    ///
    /// # Safety
    /// The processor has AVX-512, nobody else touches these columns, and `begin` has a row of `outputs` for every row of `x`.
    #[target_feature(enable = "avx512f")]
    unsafe fn fill(&self, x: &[f32], packed: &[f32], bias: Option<&[f32]>, inputs: usize, first: usize) {
        let mut shift = [0.0_f32; PANEL];
        if let Some(bias) = bias {
            shift[..bias.len()].copy_from_slice(bias);
        }
        let count = PANEL.min(self.outputs - first);
        let write = |row: usize, sums: &[[__m512; 2]]| {
            for (place, sums) in sums.iter().enumerate() {
                let mut numbers = [0.0_f32; PANEL];
                // SAFETY: a panel is two registers; the row and `count` columns of it lie within the result.
                unsafe {
                    let numbers = numbers.as_mut_ptr();
                    _mm512_storeu_ps(numbers, _mm512_add_ps(sums[0], _mm512_loadu_ps(shift.as_ptr())));
                    _mm512_storeu_ps(
                        numbers.add(WIDTH),
                        _mm512_add_ps(sums[1], _mm512_loadu_ps(shift.as_ptr().add(WIDTH))),
                    );
                    let target = self.begin.add((row + place) * self.outputs + first);
                    std::ptr::copy_nonoverlapping(numbers, target, count);
                }
            }
        };
        let rows = x.len() / inputs;
        let mut row = 0;
        while row + ROWS <= rows {
            write(row, &tile::<ROWS>(&x[row * inputs..], packed, inputs));
            row += ROWS;
        }
        while row + 4 <= rows {
            write(row, &tile::<4>(&x[row * inputs..], packed, inputs));
            row += 4;
        }
        while row < rows {
            write(row, &tile::<1>(&x[row * inputs..], packed, inputs));
            row += 1;
        }
    }
}

/// R rows times a packed panel.
#[target_feature(enable = "avx512f")]
#[inline]
fn tile<const R: usize>(x: &[f32], packed: &[f32], inputs: usize) -> [[__m512; 2]; R] {
    let (x, packed) = (&x[..R * inputs], &packed[..inputs * PANEL]);
    let mut sums = [[_mm512_setzero_ps(); 2]; R];
    for input in 0..inputs {
        // SAFETY: the slices above hold R rows of `inputs`, and PANEL numbers for every input.
        unsafe {
            let w = packed.as_ptr().add(input * PANEL);
            let (left, right) = (_mm512_loadu_ps(w), _mm512_loadu_ps(w.add(WIDTH)));
            for (row, sums) in sums.iter_mut().enumerate() {
                let x = _mm512_set1_ps(*x.as_ptr().add(row * inputs + input));
                sums[0] = _mm512_fmadd_ps(x, left, sums[0]);
                sums[1] = _mm512_fmadd_ps(x, right, sums[1]);
            }
        }
    }
    sums
}

/// Up to [`PANEL`] rows of the matrix, turned: `[inputs, PANEL]`, with zeros where there is no row.
#[target_feature(enable = "avx512f")]
fn pack(w: &[f32], inputs: usize, packed: &mut Vec<f32>) {
    let outputs = w.len() / inputs;
    packed.resize(inputs * PANEL, 0.0);
    if outputs < PANEL {
        packed.fill(0.0);
    }
    let (fours, quads) = (inputs - inputs % 4, outputs - outputs % 4);
    for o in (0..quads).step_by(4) {
        for input in (0..fours).step_by(4) {
            // SAFETY: four numbers from `input` on lie within each of the four rows, and within the four inputs' places for `o`.
            unsafe {
                let mut rows: [__m128; 4] =
                    std::array::from_fn(|row| _mm_loadu_ps(w.as_ptr().add((o + row) * inputs + input)));
                let [a, b, c, d] = &mut rows;
                _MM_TRANSPOSE4_PS(a, b, c, d);
                for (place, numbers) in rows.into_iter().enumerate() {
                    _mm_storeu_ps(packed.as_mut_ptr().add((input + place) * PANEL + o), numbers);
                }
            }
        }
    }
    for o in 0..outputs {
        let from = if o < quads { fours } else { 0 };
        for input in from..inputs {
            packed[input * PANEL + o] = w[o * inputs + input];
        }
    }
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
        if !is_available() {
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
        if !is_available() {
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
}
