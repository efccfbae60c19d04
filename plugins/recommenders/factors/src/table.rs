//! Parameters by rows, of which a batch touches few: only those are read, and only those and their moments change (torch's SparseAdam).

use crate::dense::AdamStep;
use rayon::prelude::*;

/// `[rows, width]` parameters, each row beside its moments.
#[derive(Debug, Clone)]
pub struct Table {
    width: usize,
    /// `[rows, 3, width]`: values, first and second moments.
    cells: Vec<f32>,
}

impl Table {
    pub fn new(values: &[f32], width: usize) -> Table {
        let mut cells = vec![0.0; values.len() * 3];
        for (cell, row) in cells.chunks_exact_mut(3 * width).zip(values.chunks_exact(width)) {
            cell[..width].copy_from_slice(row);
        }
        Table { width, cells }
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn rows(&self) -> usize {
        self.cells.len() / (3 * self.width)
    }

    pub fn row(&self, row: u32) -> &[f32] {
        &self.cells[row as usize * 3 * self.width..][..self.width]
    }

    #[cfg(test)]
    pub fn row_mut(&mut self, row: u32) -> &mut [f32] {
        &mut self.cells[row as usize * 3 * self.width..][..self.width]
    }

    /// Changes some rows, ascending and distinct, by their gradients `[rows, width]`.
    pub fn update(&mut self, rows: &[u32], gradients: &[f32], step: AdamStep) {
        const PART: usize = 256;
        let (width, cell) = (self.width, 3 * self.width);
        let mut parts = Vec::new();
        let (mut rest, mut begin) = (&mut self.cells[..], 0);
        for (rows, gradients) in rows.chunks(PART).zip(gradients.chunks(PART * width)) {
            let (first, end) = (rows[0] as usize, rows[rows.len() - 1] as usize + 1);
            let (_, tail) = rest.split_at_mut((first - begin) * cell);
            let (own, tail) = tail.split_at_mut((end - first) * cell);
            parts.push((rows, gradients, first, own));
            (rest, begin) = (tail, end);
        }
        parts.into_par_iter().for_each(|(rows, gradients, first, cells)| {
            for (row, gradient) in rows.iter().zip(gradients.chunks_exact(width)) {
                let cells = &mut cells[(*row as usize - first) * cell..][..cell];
                let (values, moments) = cells.split_at_mut(width);
                let (firsts, seconds) = moments.split_at_mut(width);
                for (((value, first), second), gradient) in values.iter_mut().zip(firsts).zip(seconds).zip(gradient) {
                    step.apply(value, first, second, *gradient);
                }
            }
        });
    }
}
