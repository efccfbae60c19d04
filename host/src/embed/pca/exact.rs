//! The covariance, summed up piece by piece in f64, and its eigenvectors.

use super::product::{View, multiply};
use super::{Keep, Pca, for_each_piece, kept};
use crate::embed::features::Features;
use crate::error::Result;
use crate::progress::Reporter;
use nalgebra::{DMatrix, SymmetricEigen};

/// Rows whose products are summed at a time: enough for the product's speed, few enough to stand in f64 beside the covariance.
const ROWS: usize = 1024;

pub fn fit(features: &Features, mean: Vec<f64>, total: f64, keep: Keep, reporter: &Reporter) -> Result<Pca> {
    let (items, width) = (features.ids.len(), features.width);
    let mut covariance = vec![0.0_f64; width * width];
    let bar = reporter.bar("summing up the covariance", 0, items);
    for_each_piece(features, &[], |_, piece| {
        for rows in piece.chunks(ROWS * width) {
            let centred: Vec<f64> = rows
                .chunks_exact(width)
                .flat_map(|row| row.iter().zip(&mean).map(|(number, mean)| f64::from(*number) - mean))
                .collect();
            let rows = View::new(&centred, centred.len() / width, width);
            multiply(&mut covariance, true, rows.transposed(), rows);
            bar.advance(centred.len() / width);
        }
        Ok(())
    })?;
    drop(bar);
    covariance.iter_mut().for_each(|sum| *sum /= (items - 1) as f64);
    let (explained, vectors) = eigen(covariance, width);
    let count = kept(&explained, total, keep).unwrap_or(width.min(items));
    let components = vectors[..count * width].iter().map(|number| *number as f32).collect();
    Ok(Pca { mean, components, explained: explained[..count].to_vec(), total })
}

/// Eigenvalues of a symmetric matrix, greatest first, and their vectors as rows. What rounding makes negative is 0.
pub fn eigen(matrix: Vec<f64>, size: usize) -> (Vec<f64>, Vec<f64>) {
    // Symmetric: by rows or by columns is the same.
    let decomposed = SymmetricEigen::new(DMatrix::from_vec(size, size, matrix));
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|a, b| decomposed.eigenvalues[*b].total_cmp(&decomposed.eigenvalues[*a]));
    let values = order.iter().map(|place| decomposed.eigenvalues[*place].max(0.0)).collect();
    let vectors =
        order.iter().flat_map(|place| decomposed.eigenvectors.column(*place).iter().copied().collect::<Vec<_>>());
    (values, vectors.collect())
}
