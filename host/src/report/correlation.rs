//! Spearman's rank correlation between metrics over items.

use crate::score::ranks;

/// The mean over models of the correlation of each pair of metrics; none where a metric does not vary. A model is `[metrics][items]`; items
/// that lack one of the two values are left out of the pair.
pub fn mean_correlations(models: &[&[Vec<Option<f64>>]], metrics: usize) -> Vec<Vec<Option<f64>>> {
    let mean = |row: usize, column: usize| {
        let found: Vec<f64> = models.iter().filter_map(|values| spearman(&values[row], &values[column])).collect();
        (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
    };
    (0..metrics).map(|row| (0..metrics).map(|column| mean(row, column)).collect()).collect()
}

fn spearman(a: &[Option<f64>], b: &[Option<f64>]) -> Option<f64> {
    let pairs = a.iter().zip(b).filter_map(|(a, b)| Some(((*a)?, (*b)?)));
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.unzip();
    pearson(&ranks(&a).0, &ranks(&b).0)
}

fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    let count = a.len() as f64;
    let [mean_a, mean_b] = [a, b].map(|list| list.iter().sum::<f64>() / count);
    let products = |x: &[f64], mean_x: f64, y: &[f64], mean_y: f64| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum()
    };
    let spread = (products(a, mean_a, a, mean_a) * products(b, mean_b, b, mean_b)).sqrt();
    (spread > 0.0).then(|| products(a, mean_a, b, mean_b) / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_are_scipys() {
        // scipy.stats.spearmanr([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]).statistic
        let list = |values: &[f64]| -> Vec<Option<f64>> { values.iter().copied().map(Some).collect() };
        let values = vec![list(&[1.0, 2.0, 3.0, 4.0, 5.0]), list(&[5.0, 6.0, 7.0, 8.0, 7.0]), list(&[1.0; 5])];
        let matrix = mean_correlations(&[&values, &values], 3);
        assert!((matrix[0][1].unwrap() - 0.820_782_681_668_123_3).abs() < 1e-12, "{matrix:?}");
        assert!((matrix[0][0].unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(matrix[2][0], None);
    }
}
