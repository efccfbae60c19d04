//! Dense single-precision products for the analyser: small matrices, one thread, weights packed once.
//! Products use AVX2 and FMA where the processor has them; layers and features live in the neighbouring modules.

/// Columns of one packed panel.
const PANEL: usize = 16;

/// A `rows × columns` matrix laid out for [`Packed::multiply`]: panels of 16 columns, each stored row after row.
#[derive(Debug, Clone, Default)]
pub struct Packed {
    rows: usize,
    columns: usize,
    panels: Vec<f32>,
}

impl Packed {
    /// Packs a row-major matrix.
    ///
    /// # Panics
    /// When `values` does not hold `rows * columns` numbers.
    pub fn new(values: &[f32], rows: usize, columns: usize) -> Packed {
        let mut packed = Packed::default();
        packed.fill(values, rows, columns);
        packed
    }

    /// Packs the transpose of a row-major `rows × columns` matrix; the result is `columns × rows`.
    pub fn transposed(values: &[f32], rows: usize, columns: usize) -> Packed {
        Packed::new(&transpose(values, rows, columns), columns, rows)
    }

    /// Packs another matrix into the same memory.
    pub fn fill(&mut self, values: &[f32], rows: usize, columns: usize) {
        assert_eq!(values.len(), rows * columns, "a matrix of {rows} × {columns}");
        self.rows = rows;
        self.columns = columns;
        self.panels.clear();
        self.panels.resize(columns.div_ceil(PANEL) * rows * PANEL, 0.0);
        for (panel, out) in self.panels.chunks_exact_mut((rows * PANEL).max(1)).enumerate() {
            let from = panel * PANEL;
            let width = PANEL.min(columns - from);
            for (row, out) in out.chunks_exact_mut(PANEL).enumerate() {
                out[..width].copy_from_slice(&values[row * columns + from..][..width]);
            }
        }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// `out += x · self`, with `x` of `m × rows` and `out` of `m × columns`, both row-major; `m` follows from `out`.
    ///
    /// # Panics
    /// When the lengths do not fit.
    pub fn multiply(&self, x: &[f32], out: &mut [f32]) {
        if self.rows == 0 || self.columns == 0 {
            return;
        }
        let m = out.len() / self.columns;
        assert_eq!(out.len(), m * self.columns, "rows of {} columns", self.columns);
        assert_eq!(x.len(), m * self.rows, "rows of {} inputs", self.rows);
        #[cfg(target_arch = "x86_64")]
        if has_avx2() {
            // SAFETY: the processor has AVX2 and FMA; the lengths were checked above.
            unsafe { avx2::multiply(self, x, out, m) };
            return;
        }
        self.multiply_portably(x, out, m);
    }

    fn multiply_portably(&self, x: &[f32], out: &mut [f32], m: usize) {
        for (panel, weights) in self.panels.chunks_exact(self.rows * PANEL).enumerate() {
            let from = panel * PANEL;
            let width = PANEL.min(self.columns - from);
            for row in 0..m {
                let mut sums = [0.0f32; PANEL];
                for (value, weights) in x[row * self.rows..][..self.rows].iter().zip(weights.chunks_exact(PANEL)) {
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum += value * weight;
                    }
                }
                for (out, sum) in out[row * self.columns + from..][..width].iter_mut().zip(sums) {
                    *out += sum;
                }
            }
        }
    }
}

/// `out += xᵀ · y` with `x` of `m × a`, `y` of `m × b`, `out` of `a × b`: the gradient of a weight matrix.
pub fn add_outer(x: &[f32], a: usize, y: &[f32], b: usize, out: &mut [f32]) {
    let m = x.len() / a.max(1);
    // Blocks of rows keep the packed panels in the second-level cache.
    const BLOCK: usize = 512;
    let mut packed = Packed::default();
    for from in (0..m).step_by(BLOCK) {
        let rows = BLOCK.min(m - from);
        packed.fill(&y[from * b..][..rows * b], rows, b);
        packed.multiply(&transpose(&x[from * a..][..rows * a], rows, a), out);
    }
}

/// The transpose of a row-major `rows × columns` matrix.
pub fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut out = vec![0.0; rows * columns];
    for block in (0..rows).step_by(16) {
        for column in 0..columns {
            for row in block..(block + 16).min(rows) {
                out[column * rows + row] = values[row * columns + column];
            }
        }
    }
    out
}

/// Whether the fast path may be used.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{PANEL, Packed};
    use std::arch::x86_64::*;

    /// # Safety
    /// AVX2 and FMA are there; `x` holds `m * rows` and `out` `m * columns` numbers.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn multiply(packed: &Packed, x: &[f32], out: &mut [f32], m: usize) {
        let panels = packed.columns.div_ceil(PANEL);
        let mut row = 0;
        // Few rows: several panels at once hide the latency of the sums. Many rows: six share each load of weights.
        while m - row >= 6 {
            for panel in 0..panels {
                // SAFETY: rows `row..row + 6` and the panel exist.
                unsafe { block::<6, 1>(packed, x, out, row, panel) };
            }
            row += 6;
        }
        let rest = m - row;
        let mut panel = 0;
        while panel < panels {
            // SAFETY: rows `row..m` exist, and so do the panels, by the guards.
            unsafe {
                match (rest, panels - panel) {
                    (0, _) => break,
                    (1, 4..) => {
                        block::<1, 4>(packed, x, out, row, panel);
                        panel += 4;
                        continue;
                    }
                    (1, _) => block::<1, 1>(packed, x, out, row, panel),
                    (2, 2..) => {
                        block::<2, 2>(packed, x, out, row, panel);
                        panel += 2;
                        continue;
                    }
                    (2, _) => block::<2, 1>(packed, x, out, row, panel),
                    (3, _) => block::<3, 1>(packed, x, out, row, panel),
                    (4, _) => block::<4, 1>(packed, x, out, row, panel),
                    _ => block::<5, 1>(packed, x, out, row, panel),
                }
            }
            panel += 1;
        }
    }

    /// `ROWS` rows of `x` times `PANELS` panels, added to `out`.
    ///
    /// # Safety
    /// As above, and the rows and panels lie inside.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    unsafe fn block<const ROWS: usize, const PANELS: usize>(
        packed: &Packed,
        x: &[f32],
        out: &mut [f32],
        row: usize,
        panel: usize,
    ) {
        let inputs = packed.rows;
        let mut sums = [[[_mm256_setzero_ps(); 2]; PANELS]; ROWS];
        // SAFETY: panel `p` occupies `inputs * PANEL` numbers from `p * inputs * PANEL`; row `r` of `x` `inputs` from
        // `r * inputs`: all reads stay inside by the caller's promise.
        unsafe {
            let x = x.as_ptr().add(row * inputs);
            let weights = packed.panels.as_ptr().add(panel * inputs * PANEL);
            for input in 0..inputs {
                let mut loaded = [[_mm256_setzero_ps(); 2]; PANELS];
                for (p, loaded) in loaded.iter_mut().enumerate() {
                    let at = weights.add((p * inputs + input) * PANEL);
                    *loaded = [_mm256_loadu_ps(at), _mm256_loadu_ps(at.add(8))];
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let value = _mm256_broadcast_ss(&*x.add(r * inputs + input));
                    for (sums, loaded) in sums.iter_mut().zip(&loaded) {
                        sums[0] = _mm256_fmadd_ps(value, loaded[0], sums[0]);
                        sums[1] = _mm256_fmadd_ps(value, loaded[1], sums[1]);
                    }
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (p, [low, high]) in sums.iter().enumerate() {
                let from = (panel + p) * PANEL;
                let width = PANEL.min(packed.columns - from);
                let mut sum = [0.0f32; PANEL];
                // SAFETY: `sum` holds 16 numbers.
                unsafe {
                    _mm256_storeu_ps(sum.as_mut_ptr(), *low);
                    _mm256_storeu_ps(sum.as_mut_ptr().add(8), *high);
                }
                let out = &mut out[(row + r) * packed.columns + from..][..width];
                for (out, sum) in out.iter_mut().zip(sum) {
                    *out += sum;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A product by the definition, in double precision.
    fn product(x: &[f32], y: &[f32], m: usize, k: usize, n: usize) -> Vec<f64> {
        let mut out = vec![0.0; m * n];
        for i in 0..m {
            for j in 0..n {
                out[i * n + j] = (0..k).map(|l| f64::from(x[i * k + l]) * f64::from(y[l * n + j])).sum();
            }
        }
        out
    }

    #[test]
    fn products_of_all_small_shapes_follow_the_definition() {
        let mut random = fastrand::Rng::with_seed(1);
        for (m, k, n) in [(1, 5, 70), (2, 3, 33), (3, 7, 16), (5, 9, 1), (13, 20, 50), (0, 4, 4), (8, 0, 3)] {
            let x: Vec<f32> = (0..m * k).map(|_| random.f32() - 0.5).collect();
            let y: Vec<f32> = (0..k * n).map(|_| random.f32() - 0.5).collect();
            let expected = product(&x, &y, m, k, n);
            let packed = Packed::new(&y, k, n);
            let mut fast = vec![0.0; m * n];
            packed.multiply(&x, &mut fast);
            let mut portable = vec![0.0; m * n];
            if k > 0 {
                packed.multiply_portably(&x, &mut portable, m);
            }
            let mut outer = vec![0.0; m * n];
            add_outer(&transpose(&x, m, k), m, &y, n, &mut outer);
            for (at, expected) in expected.iter().enumerate() {
                for (name, out) in [("fast", &fast), ("portable", &portable), ("outer", &outer)] {
                    assert!((f64::from(out[at]) - expected).abs() < 1e-5, "{name} {m} × {k} × {n} at {at}");
                }
            }
        }
    }
}
