//! Dense products in f32 on all threads. Rows are handed out in blocks of a fixed size, so that no result depends on the number of threads.

use gemm::{Parallelism, gemm};
use rayon::prelude::*;

/// Rows of the result that one thread takes at a time.
const BLOCK: usize = 64;

/// One block: `out[m, n] (+)= a[m, k] · b[k, n]`, each by its strides (row, column).
fn multiply((m, n, k): (usize, usize, usize), a: (&[f32], usize, usize), b: (&[f32], usize, usize), out: &mut [f32]) {
    let last = |rows: usize, columns: usize, (values, row, column): (&[f32], usize, usize)| {
        assert!((rows - 1) * row + (columns - 1) * column < values.len(), "a matrix is smaller than its product needs");
    };
    if m == 0 || n == 0 || k == 0 {
        out.fill(0.0);
        return;
    }
    last(m, k, a);
    last(k, n, b);
    assert!(out.len() >= m * n, "the result is smaller than the product");
    // SAFETY: the farthest elements that the strides reach were checked to lie within the slices just above.
    unsafe {
        gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            false,
            a.0.as_ptr(),
            a.2 as isize,
            a.1 as isize,
            b.0.as_ptr(),
            b.2 as isize,
            b.1 as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// `out[m, n] = a[m, k] · b[k, n]`
pub fn product(a: &[f32], b: &[f32], k: usize, n: usize, out: &mut [f32]) {
    out.par_chunks_mut(BLOCK * n).zip(a.par_chunks(BLOCK * k)).for_each(|(out, a)| {
        multiply((a.len() / k, n, k), (a, k, 1), (b, n, 1), out);
    });
}

/// `out[m, n] = a[m, k] · b[n, k]ᵀ`, on this thread.
pub fn product_transposed(a: &[f32], b: &[f32], k: usize, out: &mut [f32]) {
    let (m, n) = (a.len() / k, b.len() / k);
    multiply((m, n, k), (a, k, 1), (b, 1, k), out);
}

/// `out[m, n] = a[k, m]ᵀ · b[k, n]`
pub fn transposed_product(a: &[f32], b: &[f32], m: usize, n: usize, out: &mut [f32]) {
    let k = a.len() / m.max(1);
    out.par_chunks_mut(BLOCK * n).enumerate().for_each(|(block, out)| {
        multiply((out.len() / n, n, k), (&a[block * BLOCK..], 1, m), (b, n, 1), out);
    });
}

/// The dot product, in eight sums side by side.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a8.remainder().iter().zip(b8.remainder()).map(|(x, y)| x * y).sum();
    for (a, b) in a8.zip(b8) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// `to += factor · from`
pub fn add_scaled(to: &mut [f32], factor: f32, from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += factor * from;
    }
}
