//! Are two models different? The paired t-test (Student 1908) over users, for every pair of models and every value that is a mean over users, with
//! Holm's correction (1979) over all pairs of a value.

use super::metrics::{Scores, Value};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// One comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub value: String,
    pub a: String,
    pub b: String,
    /// Users who have both values.
    pub users: usize,
    /// Mean of b − a.
    pub difference: f64,
    pub p: f64,
    /// Corrected for the number of pairs.
    pub p_holm: f64,
}

/// Compares every pair of models on each per-user value.
pub fn compare(models: &[(&str, &Scores)], values: &[Value]) -> Vec<Comparison> {
    let kept: Vec<&Value> = values.iter().filter(|value| value.metric.is_per_user()).collect();
    let mut all = Vec::new();
    for (column, value) in kept.iter().enumerate() {
        let mut own = Vec::new();
        for (place, (a, first)) in models.iter().enumerate() {
            for (b, second) in &models[place + 1..] {
                // The users with a relevant item are the part's, and so the same for all models.
                let pairs = (first.per_user.iter().skip(column).step_by(kept.len()))
                    .zip(second.per_user.iter().skip(column).step_by(kept.len()));
                let differences: Vec<f64> =
                    pairs.map(|(a, b)| b - a).filter(|difference| !difference.is_nan()).collect();
                let (difference, p) = paired_t(&differences);
                own.push(Comparison {
                    value: value.to_string(),
                    a: (*a).to_owned(),
                    b: (*b).to_owned(),
                    users: differences.len(),
                    difference,
                    p,
                    p_holm: p,
                });
            }
        }
        holm(&mut own);
        all.extend(own);
    }
    all
}

/// The mean and the two-sided p-value of its being 0.
fn paired_t(differences: &[f64]) -> (f64, f64) {
    let n = differences.len() as f64;
    if n < 2.0 {
        return (differences.first().copied().unwrap_or(0.0), 1.0);
    }
    let mean = differences.iter().sum::<f64>() / n;
    let variance = differences.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    if variance == 0.0 {
        return (mean, if mean == 0.0 { 1.0 } else { 0.0 });
    }
    let t = mean / (variance / n).sqrt();
    let p = StudentsT::new(0.0, 1.0, n - 1.0).map_or(1.0, |student| 2.0 * student.cdf(-t.abs()));
    (mean, p.min(1.0))
}

fn holm(comparisons: &mut [Comparison]) {
    let mut order: Vec<usize> = (0..comparisons.len()).collect();
    order.sort_by(|a, b| comparisons[*a].p.total_cmp(&comparisons[*b].p));
    let mut least = 0.0f64;
    for (rank, place) in order.iter().enumerate() {
        least = least.max((comparisons[*place].p * (order.len() - rank) as f64).min(1.0));
        comparisons[*place].p_holm = least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_scipys() {
        // scipy.stats.ttest_1samp([0.1, 0.4, -0.2, 0.3, 0.25], 0).pvalue
        let (mean, p) = paired_t(&[0.1, 0.4, -0.2, 0.3, 0.25]);
        assert!((mean - 0.17).abs() < 1e-12);
        assert!((p - 0.1787911817058432).abs() < 1e-9, "{p}");
    }

    #[test]
    fn holm_steps_down_and_never_back() {
        let comparison = |p: f64| Comparison {
            value: String::new(),
            a: String::new(),
            b: String::new(),
            users: 2,
            difference: 0.0,
            p,
            p_holm: p,
        };
        // statsmodels' multipletests([0.01, 0.04, 0.03, 0.005], method="holm")
        let mut all: Vec<Comparison> = [0.01, 0.04, 0.03, 0.005].map(comparison).to_vec();
        holm(&mut all);
        let corrected: Vec<f64> = all.iter().map(|it| it.p_holm).collect();
        for (own, expected) in corrected.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((own - expected).abs() < 1e-12, "{corrected:?}");
        }
    }
}
