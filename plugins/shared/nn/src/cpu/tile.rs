//! The register tile of products on AVX-512: a few rows times a panel of columns that lie packed, sums in registers while both sides stream
//! by. Each number is summed in the order of the inner dimension, whatever the other rows are.

#![cfg(target_arch = "x86_64")]

use std::arch::x86_64::*;

/// Numbers in a register.
const WIDTH: usize = 16;
/// Columns that are computed together: two registers a row.
pub const PANEL: usize = 2 * WIDTH;
/// Rows that are computed together: 24 of the 32 registers hold their sums.
pub const ROWS: usize = 12;

/// Whether this processor has what these kernels need.
pub fn is_available() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
}

/// The left side of a product as it lies: number (row, inner) at `row · row_step + inner · inner_step`. So a matrix is also its own
/// transpose.
#[derive(Clone, Copy)]
pub struct Left<'a> {
    pub numbers: &'a [f32],
    pub row_step: usize,
    pub inner_step: usize,
}

impl<'a> Left<'a> {
    /// Rows of `inner` numbers, one behind the other.
    pub fn rows(numbers: &'a [f32], inner: usize) -> Left<'a> {
        Left { numbers, row_step: inner, inner_step: 1 }
    }

    /// The columns of such rows.
    pub fn columns(numbers: &'a [f32], width: usize) -> Left<'a> {
        Left { numbers, row_step: 1, inner_step: width }
    }

    /// From a row and a place in it on.
    pub fn from(self, row: usize, inner: usize) -> Left<'a> {
        Left { numbers: &self.numbers[row * self.row_step + inner * self.inner_step..], ..self }
    }
}

/// Where a panel of the result goes: row r to `begin + r · row_step`.
#[derive(Clone, Copy)]
pub struct Target<'b> {
    pub begin: *mut f32,
    pub row_step: usize,
    /// Up to [`PANEL`].
    pub columns: usize,
    /// Before anything else, sums are multiplied by it.
    pub factor: f32,
    pub then: Then<'b>,
}

/// What becomes of the sums.
#[derive(Clone, Copy)]
pub enum Then<'b> {
    /// They take their place, with a number for each column added.
    Set(Option<&'b [f32]>),
    /// They are added to what stands there.
    Add,
}

/// `rows` rows of `x` times a packed panel `[inner, PANEL]`.
///
/// # Safety
/// The processor has AVX-512, `target` has a place for every row and column, and nobody else touches these.
#[target_feature(enable = "avx512f")]
pub unsafe fn times_panel(x: Left<'_>, rows: usize, inner: usize, packed: &[f32], target: Target<'_>) {
    if rows == 0 || inner == 0 {
        return;
    }
    assert!(x.numbers.len() > (rows - 1) * x.row_step + (inner - 1) * x.inner_step && packed.len() >= inner * PANEL);
    let mut row = 0;
    // SAFETY: the assertion above covers all rows; the caller answers for the target.
    unsafe {
        while row + ROWS <= rows {
            tile::<ROWS>(x, row, inner, packed, target);
            row += ROWS;
        }
        while row + 4 <= rows {
            tile::<4>(x, row, inner, packed, target);
            row += 4;
        }
        while row < rows {
            tile::<1>(x, row, inner, packed, target);
            row += 1;
        }
    }
}

/// R rows from `first` on.
///
/// # Safety
/// As [`times_panel`]; the rows lie within `x`, and the panel within `packed`.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn tile<const R: usize>(x: Left<'_>, first: usize, inner: usize, packed: &[f32], target: Target<'_>) {
    let mut sums = [[_mm512_setzero_ps(); 2]; R];
    // SAFETY: the caller answers for the bounds.
    unsafe {
        let mut x_place = x.numbers.as_ptr().add(first * x.row_step);
        let mut w = packed.as_ptr();
        for _ in 0..inner {
            let (left, right) = (_mm512_loadu_ps(w), _mm512_loadu_ps(w.add(WIDTH)));
            for (row, sums) in sums.iter_mut().enumerate() {
                let x = _mm512_set1_ps(*x_place.add(row * x.row_step));
                sums[0] = _mm512_fmadd_ps(x, left, sums[0]);
                sums[1] = _mm512_fmadd_ps(x, right, sums[1]);
            }
            x_place = x_place.wrapping_add(x.inner_step);
            w = w.add(PANEL);
        }
    }
    let masks = [mask(target.columns), mask(target.columns.saturating_sub(WIDTH))];
    let factor = _mm512_set1_ps(target.factor);
    for (row, sums) in sums.iter().enumerate() {
        for (half, (sum, mask)) in sums.iter().zip(masks).enumerate() {
            // SAFETY: masked loads and stores touch the target's columns only, and a bias has as many.
            unsafe {
                let place = target.begin.add((first + row) * target.row_step).wrapping_add(half * WIDTH);
                let added = match target.then {
                    Then::Set(None) => _mm512_setzero_ps(),
                    Then::Set(Some(bias)) => {
                        _mm512_maskz_loadu_ps(mask, bias[..target.columns].as_ptr().wrapping_add(half * WIDTH))
                    }
                    Then::Add => _mm512_maskz_loadu_ps(mask, place),
                };
                _mm512_mask_storeu_ps(place, mask, _mm512_add_ps(_mm512_mul_ps(*sum, factor), added));
            }
        }
    }
}

/// The first `count` of a register.
fn mask(count: usize) -> __mmask16 {
    if count >= WIDTH { !0 } else { (1 << count) - 1 }
}

/// Packs rows of a matrix as columns of panels: `[inner, PANEL]` for every [`PANEL`] of the `count` rows, which lie `step` apart.
#[target_feature(enable = "avx512f")]
pub fn pack_turned(w: &[f32], step: usize, count: usize, inner: usize, packed: &mut Vec<f32>) {
    packed.resize(count.div_ceil(PANEL) * PANEL * inner, 0.0);
    for (panel, packed) in packed.chunks_exact_mut((PANEL * inner).max(1)).enumerate() {
        let first = panel * PANEL;
        let rows = PANEL.min(count - first);
        if rows < PANEL {
            packed.fill(0.0);
        }
        let w = &w[first * step..];
        let mut done = 0;
        while done + WIDTH <= rows {
            let w = &w[done * step..];
            assert!(w.len() >= (WIDTH - 1) * step + inner);
            for input in (0..inner - inner % WIDTH).step_by(WIDTH) {
                // SAFETY: WIDTH rows of `inner` numbers lie within `w`, and WIDTH rows of the panel behind `input`.
                unsafe {
                    turn(w.as_ptr().add(input), step, packed.as_mut_ptr().add(input * PANEL + done));
                }
            }
            for input in inner - inner % WIDTH..inner {
                for row in 0..WIDTH {
                    packed[input * PANEL + done + row] = w[row * step + input];
                }
            }
            done += WIDTH;
        }
        for row in done..rows {
            for (input, number) in w[row * step..row * step + inner].iter().enumerate() {
                packed[input * PANEL + row] = *number;
            }
        }
    }
}

/// Sixteen rows of sixteen numbers, turned, to rows that lie [`PANEL`] apart.
///
/// # Safety
/// Both squares lie in memory that may be read and written.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn turn(from: *const f32, step: usize, to: *mut f32) {
    // SAFETY: the caller answers for the squares.
    unsafe {
        // Four rows apart in the lanes of 128 bits, so that what is left is to turn within lanes.
        let part = |row: usize, column: usize| {
            let quarter = |place: usize| _mm_loadu_ps(from.add((row + 4 * place) * step + column));
            let x = _mm512_castps128_ps512(quarter(0));
            let x = _mm512_insertf32x4::<1>(x, quarter(1));
            let x = _mm512_insertf32x4::<2>(x, quarter(2));
            _mm512_insertf32x4::<3>(x, quarter(3))
        };
        for column in (0..WIDTH).step_by(4) {
            let (a, b, c, d) = (part(0, column), part(1, column), part(2, column), part(3, column));
            let (ab_low, ab_high) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
            let (cd_low, cd_high) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
            let store = |place: usize, x: __m512| _mm512_storeu_ps(to.add((column + place) * PANEL), x);
            store(0, _mm512_shuffle_ps::<0x44>(ab_low, cd_low));
            store(1, _mm512_shuffle_ps::<0xee>(ab_low, cd_low));
            store(2, _mm512_shuffle_ps::<0x44>(ab_high, cd_high));
            store(3, _mm512_shuffle_ps::<0xee>(ab_high, cd_high));
        }
    }
}

/// Packs columns of a matrix as they stand: `[inner, PANEL]` for every [`PANEL`] of the `count` columns; its `inner` rows lie `step` apart.
pub fn pack(w: &[f32], step: usize, count: usize, inner: usize, packed: &mut Vec<f32>) {
    packed.resize(count.div_ceil(PANEL) * PANEL * inner, 0.0);
    for (panel, packed) in packed.chunks_exact_mut((PANEL * inner).max(1)).enumerate() {
        let first = panel * PANEL;
        let columns = PANEL.min(count - first);
        for (row, packed) in packed.chunks_exact_mut(PANEL).enumerate() {
            let w = &w[row * step + first..];
            match w.first_chunk::<PANEL>().filter(|_| columns == PANEL) {
                Some(w) => packed.copy_from_slice(w),
                None => {
                    packed[..columns].copy_from_slice(&w[..columns]);
                    packed[columns..].fill(0.0);
                }
            }
        }
    }
}
