//! Are two models different? Wilcoxon's signed-rank test over users, for every pair of models and every value that is a mean over users, with
//! Holm's correction over all pairs of a value.

use super::metrics::{Scores, Value};
use crate::score::{holm, wilcoxon, without_noise};
use serde::{Deserialize, Serialize};

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
    /// Two-sided; 1 where all users are alike.
    pub p: f64,
    /// Corrected for the number of pairs.
    pub p_holm: f64,
}

/// Compares every pair of models on each per-user value that users have.
pub fn compare(models: &[(&str, &Scores)], values: &[Value]) -> Vec<Comparison> {
    let kept: Vec<&Value> = values.iter().filter(|value| value.metric.is_per_user()).collect();
    let mut all = Vec::new();
    for (column, value) in kept.iter().enumerate() {
        let own = |scores: &Scores| -> Vec<f64> {
            scores.per_user.iter().skip(column).step_by(kept.len()).copied().collect()
        };
        let mut pairs = Vec::new();
        for (place, (a, first)) in models.iter().enumerate() {
            let first = own(first);
            for (b, second) in &models[place + 1..] {
                // The users with a relevant item are the part's, and so the same for all models.
                let differences: Vec<f64> = (first.iter().zip(own(second)))
                    .map(|(first, second)| without_noise(second - first))
                    .filter(|difference| !difference.is_nan())
                    .collect();
                if differences.is_empty() {
                    continue;
                }
                pairs.push(Comparison {
                    value: value.to_string(),
                    a: (*a).to_owned(),
                    b: (*b).to_owned(),
                    users: differences.len(),
                    difference: differences.iter().sum::<f64>() / differences.len() as f64,
                    p: wilcoxon(&differences).unwrap_or(1.0),
                    p_holm: 1.0,
                });
            }
        }
        let corrected = holm(&pairs.iter().map(|pair| pair.p).collect::<Vec<f64>>());
        pairs.iter_mut().zip(corrected).for_each(|(pair, p)| pair.p_holm = p);
        all.extend(pairs);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_that_are_equal_but_for_the_last_bits_share_a_rank() {
        let scores = |per_user: Vec<f64>| Scores {
            users: (0..per_user.len() as u32).collect(),
            values: Vec::new(),
            per_user,
            resamples: 0,
        };
        // Twelve gain a tenth, two gain two tenths, five lose three tenths: in binary no two of 0.2 − 0.1, 0.3 − 0.2, 0.4 − 0.3 … are alike.
        let tenth = |tenths: u32| f64::from(tenths) / 10.0;
        let gains = [(1, 12), (2, 2)]
            .into_iter()
            .flat_map(|(by, count)| (0..count).map(move |place| (place % 8, place % 8 + by)));
        let losses = (0..5).map(|place| (place + 3, place));
        let (a, b): (Vec<f64>, Vec<f64>) = gains.chain(losses).map(|(a, b)| (tenth(a), tenth(b))).unzip();
        let values = ["recall@5".parse().unwrap()];
        let found = compare(&[("a", &scores(a)), ("b", &scores(b))], &values);
        // scipy.stats.wilcoxon([1] * 12 + [2] * 2 + [-3] * 5).pvalue
        assert!((found[0].p - 0.677_745_933_552_439_2).abs() < 1e-12, "{}", found[0].p);
    }
}
