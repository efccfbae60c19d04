//! Two systems on the same items: the difference of their corpus values, how sure it is, and how large. Everything is computed from the
//! items' statistics, so that a corpus metric costs no more than a mean.

use super::bootstrap::{Interval, Resampler, stream, weighted_sums};
use super::wilcoxon::wilcoxon;
use plugin_api::MetricValue;
use rand_xoshiro::rand_core::RngCore;
use serde::{Deserialize, Serialize};

/// One metric of a candidate against a baseline. Values are unscaled; a difference is the candidate's value less the baseline's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairedComparison {
    #[serde(flatten)]
    pub value: MetricValue,
    pub baseline: f64,
    pub candidate: f64,
    pub difference: f64,
    /// 95 %, of the difference: both systems on the same resampled items.
    pub interval: Option<Interval>,
    /// Two-sided, by approximate randomisation: how often a difference as large comes about when each item's two captions change
    /// systems by the toss of a coin (Noreen 1989; Riezler and Maxwell 2005).
    pub p: f64,
    /// Two-sided Wilcoxon signed-rank test of the items' values; none if all are equal.
    pub wilcoxon_p: Option<f64>,
    /// Mean of the items' differences over their standard deviation (Cohen's d for paired samples); none if they do not vary.
    pub effect_size: Option<f64>,
    /// Items on which the candidate is better, neither is, the baseline is.
    pub wins: usize,
    pub ties: usize,
    pub losses: usize,
}

/// What is known of the same items under two systems.
#[derive(Debug, Clone)]
pub struct PairedItems {
    /// `[items, width]`
    pub baseline: Vec<f64>,
    pub candidate: Vec<f64>,
    pub width: usize,
    /// The items' own values, one list a value of the metric.
    pub baseline_values: Vec<Vec<f64>>,
    pub candidate_values: Vec<Vec<f64>>,
}

/// Compares each value of a metric. `corpus` maps sums of statistics `[n, width]` to values `[n, values]`.
///
/// # Errors
/// Those of `corpus`.
pub fn compare<E>(
    values: &[MetricValue],
    items: &PairedItems,
    resampler: Resampler,
    corpus: impl Fn(&[f64]) -> Result<Vec<f64>, E>,
) -> Result<Vec<PairedComparison>, E> {
    let width = items.width.max(1);
    let each = values.len().max(1);
    let whole = [total(&items.baseline, width), total(&items.candidate, width)];
    let baseline = corpus(&whole[0])?;
    let candidate = corpus(&whole[1])?;
    let resampled = difference(&items.both(), width, resampler, &corpus)?;
    let swapped = swapped(items, &whole, resampler, &corpus)?;
    let mut compared = Vec::new();
    for (place, value) in values.iter().enumerate() {
        let of = |all: &[f64]| all.iter().skip(place).step_by(each).copied().collect::<Vec<f64>>();
        let observed = candidate[place] - baseline[place];
        // A swap that gives the same sums in another order is as large as what was observed.
        let as_large = observed.abs() - 1e-12 * (baseline[place].abs() + candidate[place].abs());
        let extreme = of(&swapped).iter().filter(|difference| difference.abs() >= as_large).count();
        let pairs = items.baseline_values[place].iter().zip(&items.candidate_values[place]);
        let differences: Vec<f64> = pairs.map(|(baseline, candidate)| without_noise(candidate - baseline)).collect();
        let sign = if value.higher_is_better { 1.0 } else { -1.0 };
        let count = |keep: fn(f64) -> bool| differences.iter().filter(|difference| keep(**difference * sign)).count();
        compared.push(PairedComparison {
            value: value.clone(),
            baseline: baseline[place],
            candidate: candidate[place],
            difference: observed,
            interval: (differences.len() > 1).then(|| Interval::of(of(&resampled))).flatten(),
            p: (extreme + 1) as f64 / (resampler.resamples + 1) as f64,
            wilcoxon_p: wilcoxon(&differences),
            effect_size: effect_size(&differences),
            wins: count(|difference| difference > 0.0),
            ties: count(|difference| difference == 0.0),
            losses: count(|difference| difference < 0.0),
        });
    }
    Ok(compared)
}

/// 0.6 − 0.5 and 0.5 − 0.4 are as large as each other, which the last bits hide, and ranks would see.
pub fn without_noise(difference: f64) -> f64 {
    (difference * 1e12).round() / 1e12
}

impl PairedItems {
    /// `[items, 2 × width]`: so that one resample draws the same items for both.
    fn both(&self) -> Vec<f64> {
        let width = self.width.max(1);
        let rows = self.baseline.chunks_exact(width).zip(self.candidate.chunks_exact(width));
        rows.flat_map(|(baseline, candidate)| baseline.iter().chain(candidate)).copied().collect()
    }
}

fn total(statistics: &[f64], width: usize) -> Vec<f64> {
    let mut sum = vec![0.0; width];
    for row in statistics.chunks_exact(width) {
        for (total, value) in sum.iter_mut().zip(row) {
            *total += value;
        }
    }
    sum
}

/// The differences of corpus values over bootstrap resamples.
fn difference<E>(
    both: &[f64],
    width: usize,
    resampler: Resampler,
    corpus: impl Fn(&[f64]) -> Result<Vec<f64>, E>,
) -> Result<Vec<f64>, E> {
    let sums = resampler.sums(both, 2 * width);
    let half = |start: usize| -> Vec<f64> {
        sums.chunks_exact(2 * width).flat_map(|row| &row[start..start + width]).copied().collect()
    };
    let (baseline, candidate) = (corpus(&half(0))?, corpus(&half(width))?);
    Ok(candidate.iter().zip(&baseline).map(|(candidate, baseline)| candidate - baseline).collect())
}

/// The differences of corpus values when each item's two rows change places by the toss of a coin.
fn swapped<E>(
    items: &PairedItems,
    whole: &[Vec<f64>; 2],
    resampler: Resampler,
    corpus: impl Fn(&[f64]) -> Result<Vec<f64>, E>,
) -> Result<Vec<f64>, E> {
    let width = items.width.max(1);
    let moved: Vec<f64> = items.candidate.iter().zip(&items.baseline).map(|(c, b)| c - b).collect();
    // Other streams than the bootstrap's.
    let seed = resampler.seed ^ 0x5bf0_3635_0000_0001;
    let moved = weighted_sums(&moved, width, resampler.resamples, |resample, times| {
        let mut random = stream(seed, resample);
        for chunk in times.chunks_mut(64) {
            let mut tosses = random.next_u64();
            for time in chunk {
                *time = (tosses & 1) as u32;
                tosses >>= 1;
            }
        }
    });
    let after = |sign: f64, whole: &[f64]| -> Vec<f64> {
        let rows = moved.chunks_exact(width);
        rows.flat_map(|row| whole.iter().zip(row).map(move |(whole, moved)| whole + sign * moved)).collect()
    };
    let (baseline, candidate) = (corpus(&after(1.0, &whole[0]))?, corpus(&after(-1.0, &whole[1]))?);
    Ok(candidate.iter().zip(&baseline).map(|(candidate, baseline)| candidate - baseline).collect())
}

fn effect_size(differences: &[f64]) -> Option<f64> {
    let count = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let squares: f64 = differences.iter().map(|difference| (difference - mean).powi(2)).sum();
    let deviation = (squares / (count - 1.0)).sqrt();
    (differences.len() > 1 && deviation > 0.0).then(|| mean / deviation)
}

/// Holm's step-down correction (1979): p-values that may be compared to the level of the whole family, in the order given.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut corrected = vec![0.0; p.len()];
    let mut least = 0.0f64;
    for (rank, place) in order.into_iter().enumerate() {
        least = least.max((p[place] * (p.len() - rank) as f64).min(1.0));
        corrected[place] = least;
    }
    corrected
}
