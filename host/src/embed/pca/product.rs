//! Products of matrices stored in rows, on all threads.

use gemm::{Parallelism, gemm};

/// A matrix in rows, or its transpose.
#[derive(Clone, Copy)]
pub struct View<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_step: isize,
    column_step: isize,
}

impl<'a, T> View<'a, T> {
    pub fn new(data: &'a [T], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns, "a matrix has as many numbers as places");
        View { data, rows, columns, row_step: columns as isize, column_step: 1 }
    }

    pub fn transposed(self) -> Self {
        View {
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
            data: self.data,
        }
    }
}

/// Kinds of numbers that are multiplied here.
pub trait Number: Copy + 'static {
    const ONE: Self;
}

impl Number for f32 {
    const ONE: Self = 1.0;
}

impl Number for f64 {
    const ONE: Self = 1.0;
}

/// `out = a · b`, or `out += a · b`.
pub fn multiply<T: Number>(out: &mut [T], add: bool, a: View<'_, T>, b: View<'_, T>) {
    assert_eq!(a.columns, b.rows, "the inner lengths of a product are equal");
    assert_eq!(out.len(), a.rows * b.columns, "a product has as many numbers as places");
    let columns = b.columns as isize;
    // SAFETY: the lengths are checked above, and the steps reach every number of each matrix and nothing else.
    unsafe {
        gemm(
            a.rows,
            b.columns,
            a.columns,
            out.as_mut_ptr(),
            1,
            columns,
            add,
            a.data.as_ptr(),
            a.column_step,
            a.row_step,
            b.data.as_ptr(),
            b.column_step,
            b.row_step,
            T::ONE,
            T::ONE,
            false,
            false,
            false,
            Parallelism::Rayon(0),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_with_and_without_transposes_are_those_by_hand() {
        let a = [1.0_f64, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut out = vec![100.0; 4];
        multiply(&mut out, false, View::new(&a, 2, 3), View::new(&a, 2, 3).transposed());
        assert_eq!(out, [14.0, 32.0, 32.0, 77.0]);
        let mut out = vec![1.0; 9];
        multiply(&mut out, true, View::new(&a, 2, 3).transposed(), View::new(&a, 2, 3));
        assert_eq!(out, [18.0, 23.0, 28.0, 23.0, 30.0, 37.0, 28.0, 37.0, 46.0]);
    }
}
