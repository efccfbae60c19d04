//! The statistics of comparisons against scipy's, on samples that `tests/parity/scipy/make.py` made, and the coverage of intervals in
//! simulation. Tests only.

use super::bootstrap::stream;
use super::{PairedItems, Resampler, compare, holm, wilcoxon};
use plugin_api::MetricValue;
use rand_xoshiro::rand_core::RngCore;
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    resamples: usize,
    samples: Vec<Sample>,
    few: Vec<Few>,
}

/// Few differences, with ties and zeros.
#[derive(Deserialize)]
struct Few {
    differences: Vec<f64>,
    p: f64,
}

fn expected() -> Expected {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/parity/scipy/expected.json"));
    serde_json::from_str(text).unwrap()
}

#[derive(Deserialize)]
struct Sample {
    name: String,
    baseline: Vec<f64>,
    candidate: Vec<f64>,
    baseline_weight: Vec<f64>,
    candidate_weight: Vec<f64>,
    difference: f64,
    low: f64,
    high: f64,
    standard_error: f64,
    permutation_p: f64,
    wilcoxon_p: f64,
}

/// A sum over a sum, as corpus metrics are.
fn ratio(sums: &[f64]) -> Result<Vec<f64>, std::convert::Infallible> {
    Ok(sums.chunks_exact(2).map(|sum| sum[0] / sum[1]).collect())
}

fn rows(tops: &[f64], weights: &[f64]) -> Vec<f64> {
    tops.iter().zip(weights).flat_map(|(top, weight)| [*top, *weight]).collect()
}

fn items(baseline: &[f64], candidate: &[f64], weights: [&[f64]; 2]) -> PairedItems {
    PairedItems {
        baseline: rows(baseline, weights[0]),
        candidate: rows(candidate, weights[1]),
        width: 2,
        baseline_values: vec![baseline.to_vec()],
        candidate_values: vec![candidate.to_vec()],
    }
}

#[test]
fn intervals_and_p_values_are_scipys_within_monte_carlo_error() {
    const RESAMPLES: usize = 20_000;
    let expected = expected();
    let values = [MetricValue::score("ratio", "Ratio")];
    assert_eq!(expected.samples.len(), 3);
    for sample in &expected.samples {
        let items = items(&sample.baseline, &sample.candidate, [&sample.baseline_weight, &sample.candidate_weight]);
        let found = compare(&values, &items, Resampler { resamples: RESAMPLES, seed: 5 }, ratio).unwrap().remove(0);
        let name = &sample.name;
        assert!((found.difference - sample.difference).abs() < 1e-12, "{name}: {found:?}");
        // The error of a 2.5 % quantile of a normal distribution is 2.67 standard deviations over the root of the resamples; both
        // sides have it, and four of them are allowed.
        let noise = (1.0 / RESAMPLES as f64 + 1.0 / expected.resamples as f64).sqrt();
        let allowed = 4.0 * 2.67 * sample.standard_error * noise;
        let interval = found.interval.unwrap();
        assert!((interval.low - sample.low).abs() < allowed, "{name}: {interval:?}, scipy {}", sample.low);
        assert!((interval.high - sample.high).abs() < allowed, "{name}: {interval:?}, scipy {}", sample.high);
        let p = sample.permutation_p;
        let allowed = 4.0 * (p * (1.0 - p)).sqrt() * noise + 1.0 / RESAMPLES as f64;
        assert!((found.p - p).abs() < allowed, "{name}: p {}, scipy {p}", found.p);
        let wilcoxon = found.wilcoxon_p.unwrap();
        assert!((wilcoxon - sample.wilcoxon_p).abs() < 1e-10 * sample.wilcoxon_p, "{name}: {wilcoxon}");
    }
}

#[test]
fn wilcoxons_p_is_scipys_where_few_differences_have_ties_and_zeros() {
    let few = expected().few;
    assert!(few.len() > 100);
    for Few { differences, p } in few {
        let found = wilcoxon(&differences).unwrap();
        assert!((found - p).abs() < 1e-10 * p, "{differences:?}: {found}, scipy {p}");
    }
}

#[test]
fn intervals_of_a_difference_cover_the_truth_in_93_to_97_of_100_samples() {
    // 1,000 samples of 80 items. Each item has a difficulty, which both systems share; the candidate is better by 0.05 in a mean, and
    // as good in a ratio of sums whose weights vary.
    const SAMPLES: usize = 1000;
    let values = [MetricValue::score("ratio", "Ratio")];
    let mut covered = [0, 0];
    for sample in 0..SAMPLES {
        let mut random = stream(99, sample);
        let mut uniform = || (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let (mut baseline, mut candidate) = (Vec::new(), Vec::new());
        let (mut tops, mut others, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..80 {
            let difficulty = uniform();
            baseline.push(difficulty + 0.5 * uniform());
            candidate.push(difficulty + 0.05 + 0.5 * uniform());
            let weight = 5.0 + 10.0 * uniform();
            tops.push(weight * (0.5 * difficulty + 0.4 * uniform()));
            others.push(weight * (0.5 * difficulty + 0.4 * uniform()));
            weights.push(weight);
        }
        let ones = vec![1.0; 80];
        let resampler = Resampler { resamples: 600, seed: sample as u64 };
        let cases =
            [(items(&baseline, &candidate, [&ones, &ones]), 0.05), (items(&tops, &others, [&weights, &weights]), 0.0)];
        for (place, (items, truth)) in cases.iter().enumerate() {
            let interval = compare(&values, items, resampler, ratio).unwrap()[0].interval.unwrap();
            covered[place] += usize::from(interval.low <= *truth && *truth <= interval.high);
        }
    }
    assert!(covered.iter().all(|covered| (930..=970).contains(covered)), "{covered:?} of {SAMPLES}");
}

#[test]
fn without_a_difference_p_values_are_uniform_and_the_same_system_has_p_1() {
    let values = [MetricValue::score("mean", "Mean")];
    let resampler = Resampler { resamples: 400, seed: 3 };
    let ones = vec![1.0; 30];
    let mut below = 0;
    for sample in 0..400 {
        let mut random = stream(17, sample);
        let mut draw = || -> Vec<f64> { (0..30).map(|_| (random.next_u64() >> 40) as f64).collect() };
        let (baseline, candidate) = (draw(), draw());
        let p = compare(&values, &items(&baseline, &candidate, [&ones, &ones]), resampler, ratio).unwrap()[0].p;
        below += usize::from(p <= 0.1);
    }
    // 40 are expected, six standard deviations either way allowed.
    assert!((10..=76).contains(&below), "{below} of 400 are 0.1 or less");
    let same: Vec<f64> = (0..30).map(f64::from).collect();
    let found = compare(&values, &items(&same, &same, [&ones, &ones]), resampler, ratio).unwrap().remove(0);
    assert_eq!((found.p, found.wilcoxon_p, found.effect_size), (1.0, None, None));
    assert_eq!((found.wins, found.ties, found.losses), (0, 30, 0));
}

#[test]
fn a_metric_of_which_less_is_better_is_won_by_the_lower_value() {
    let values = [MetricValue { higher_is_better: false, ..MetricValue::score("errors", "Errors") }];
    let ones = [1.0; 4];
    let items = items(&[3.0, 2.0, 5.0, 1.0], &[1.0, 2.0, 4.0, 3.0], [&ones, &ones]);
    let found = compare(&values, &items, Resampler { resamples: 100, seed: 1 }, ratio).unwrap().remove(0);
    assert_eq!((found.wins, found.ties, found.losses), (2, 1, 1));
}

#[test]
fn holms_correction_is_that_of_the_textbook() {
    // statsmodels.stats.multitest.multipletests([0.01, 0.04, 0.03, 0.005], method="holm")
    let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
    for (found, expected) in corrected.iter().zip([0.03, 0.06, 0.06, 0.02]) {
        assert!((found - expected).abs() < 1e-12, "{corrected:?}");
    }
    assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
    assert!(holm(&[]).is_empty());
    assert_eq!(wilcoxon(&[0.0, 0.0]), None);
}
