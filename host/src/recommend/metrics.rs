//! Ranking metrics, by Elliot's definitions where it has them (`elliot/evaluation/metrics`).
//!
//! A user's relevant items are those of the part whose rating is at least the threshold. With hits(n) the relevant among the first n of the list, m the number of
//! relevant items and k the cut-off:
//! `ndcg` Σ gain(rank)/log2(rank + 1) over its ideal, gain = 2^(rating − threshold + 1) − 1; `map` Σ rel(n)·hits(n)/n over min(m, k);
//! `map-elliot` the mean of hits(n)/n over n = 1…k; `precision` hits(k)/k; `recall` hits(k)/m; `hit-rate` hits(k) > 0; `mrr` 1/rank of the first hit.
//! Over all lists: `coverage` the share of the catalogue that is recommended to someone; `gini` 1 − Gini index of the recommendations (1: every
//! item alike), as Elliot reports it; `novelty` the mean of −log2(share of users who have the item in training) over recommendations.

use super::data::Rows;
use crate::error::{Error, Result};
use crate::score::{Interval, RESAMPLES, Resampler};
use plugin_api::MetricValue;
use std::fmt;
use std::str::FromStr;

/// A metric without its cut-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    Ndcg,
    Map,
    MapElliot,
    Recall,
    Precision,
    HitRate,
    Mrr,
    Coverage,
    Gini,
    Novelty,
}

impl Metric {
    pub const ALL: [(Metric, &'static str, &'static str); 10] = [
        (Metric::Ndcg, "ndcg", "nDCG"),
        (Metric::Map, "map", "MAP"),
        (Metric::MapElliot, "map-elliot", "MAP (Elliot)"),
        (Metric::Recall, "recall", "Recall"),
        (Metric::Precision, "precision", "Precision"),
        (Metric::HitRate, "hit-rate", "Hit rate"),
        (Metric::Mrr, "mrr", "MRR"),
        (Metric::Coverage, "coverage", "Coverage"),
        (Metric::Gini, "gini", "Gini"),
        (Metric::Novelty, "novelty", "Novelty"),
    ];

    fn entry(self) -> (Metric, &'static str, &'static str) {
        // Every metric stands in the list.
        Self::ALL.into_iter().find(|(metric, ..)| *metric == self).unwrap_or(Self::ALL[0])
    }

    /// It is a mean over users, and not a property of all lists together.
    pub fn is_per_user(self) -> bool {
        !matches!(self, Metric::Coverage | Metric::Gini | Metric::Novelty)
    }
}

impl FromStr for Metric {
    type Err = Error;

    fn from_str(text: &str) -> Result<Metric> {
        Self::ALL.into_iter().find(|(_, name, _)| *name == text).map(|(metric, ..)| metric).ok_or_else(|| {
            let known = Self::ALL.map(|(_, name, _)| name);
            Error::usage(format!("there is no metric `{text}`")).help(super::suggestion(text, &known))
        })
    }
}

/// A metric at a cut-off: `ndcg@5`; `cold-ndcg@5` counts only relevant items with few interactions in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    pub metric: Metric,
    pub cutoff: usize,
    pub cold: bool,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}@{}", if self.cold { "cold-" } else { "" }, self.metric.entry().1, self.cutoff)
    }
}

impl FromStr for Value {
    type Err = Error;

    fn from_str(text: &str) -> Result<Value> {
        let (metric, cutoff) = text
            .split_once('@')
            .ok_or_else(|| Error::usage(format!("`{text}` has no cut-off")).help(format!("write {text}@20")))?;
        let cutoff = cutoff.parse().ok().filter(|cutoff| *cutoff > 0);
        let cutoff = cutoff.ok_or_else(|| Error::usage(format!("the cut-off of `{text}` is no count")))?;
        let (cold, metric) = metric.strip_prefix("cold-").map_or((false, metric), |metric| (true, metric));
        Ok(Value { metric: metric.parse()?, cutoff, cold })
    }
}

impl Value {
    /// For tables. Nothing is scaled: these numbers are small, and the literature prints them as they are.
    pub fn describe(&self) -> MetricValue {
        let cold = if self.cold { " (cold)" } else { "" };
        MetricValue::quantity(&self.to_string(), &format!("{}@{}{cold}", self.metric.entry().2, self.cutoff))
    }
}

/// Ranked lists of some users, as a trial saves them.
#[derive(Debug, Clone, PartialEq)]
pub struct Lists {
    /// Most items in a list.
    pub length: usize,
    /// `[users, length]`; `u32::MAX` where a list is shorter.
    pub items: Vec<u32>,
}

impl Lists {
    pub fn list(&self, place: usize) -> &[u32] {
        let list = &self.items[place * self.length..][..self.length];
        &list[..list.iter().position(|item| *item == u32::MAX).unwrap_or(list.len())]
    }
}

/// What a part is scored against.
pub struct Truth<'a> {
    pub part: &'a Rows,
    pub threshold: f32,
    pub train: &'a Rows,
    /// Items in the catalogue.
    pub items: usize,
    /// `cold-…` values count relevant items with at most so many users in training.
    pub cold: usize,
}

/// A value's mean over users, or over all lists, with its 95 % interval where it is a mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// None where no user counts: nobody has a relevant item, or nobody a cold one.
    pub value: Option<f64>,
    pub interval: Option<Interval>,
}

/// A part's scores.
#[derive(Debug, Clone)]
pub struct Scores {
    /// The users that are averaged over: those with a relevant item.
    pub users: Vec<u32>,
    /// One a value.
    pub values: Vec<Scored>,
    /// `[users, values that are means over users]`; no number where a user has no cold item.
    pub per_user: Vec<f64>,
    /// Resamples behind the intervals.
    pub resamples: usize,
}

/// Scores lists, of the users `listed` (ascending), on a part. With a resampler, intervals come with the values.
pub fn score(lists: &Lists, listed: &[u32], truth: &Truth<'_>, values: &[Value], intervals: Option<u64>) -> Scores {
    use rayon::prelude::*;
    let mut popularity = vec![0u32; truth.items];
    truth.train.items.iter().for_each(|item| popularity[*item as usize] += 1);
    let is_cold = |item: u32| popularity.get(item as usize).is_none_or(|users| *users as usize <= truth.cold);
    let kept: Vec<Value> = values.iter().copied().filter(|value| value.metric.is_per_user()).collect();
    let rows: Vec<(u32, usize, Vec<f64>)> = listed
        .par_iter()
        .enumerate()
        .filter_map(|(place, user)| {
            let relevant: Vec<(u32, f32)> =
                truth.part.rated(*user as usize).filter(|(_, rating)| *rating >= truth.threshold).collect();
            if relevant.is_empty() {
                return None;
            }
            let cold: Vec<(u32, f32)> = relevant.iter().copied().filter(|(item, _)| is_cold(*item)).collect();
            let list = lists.list(place);
            let of = |value: &Value| {
                let relevant = if value.cold { &cold } else { &relevant };
                user_value(*value, list, relevant, truth.threshold)
            };
            Some((*user, place, kept.iter().map(of).collect()))
        })
        .collect();
    let per_user: Vec<f64> = rows.iter().flat_map(|(_, _, values)| values.iter().copied()).collect();
    let places: Vec<usize> = rows.iter().map(|(_, place, _)| *place).collect();
    let users = rows.iter().map(|(user, ..)| *user).collect();
    // Fewer draws of very many users: each costs a pass over all of them, and the interval is as exact.
    let resamples = (40_000_000 / rows.len().max(1)).clamp(200, RESAMPLES);
    let scored = values.iter().map(|value| match kept.iter().position(|other| other == value) {
        Some(column) => {
            let column: Vec<f64> =
                per_user.iter().skip(column).step_by(kept.len()).copied().filter(|value| !value.is_nan()).collect();
            let mean = (!column.is_empty()).then(|| column.iter().sum::<f64>() / column.len() as f64);
            let interval = intervals.filter(|_| column.len() > 1).and_then(|seed| interval(&column, resamples, seed));
            Scored { value: mean, interval }
        }
        None => {
            let value = (!places.is_empty()).then(|| catalogue_value(*value, lists, &places, truth, &popularity));
            Scored { value, interval: None }
        }
    });
    Scores { users, values: scored.collect(), per_user, resamples }
}

fn interval(column: &[f64], resamples: usize, seed: u64) -> Option<Interval> {
    let sums = Resampler { resamples, seed }.sums(column, 1);
    Interval::of(sums.into_iter().map(|sum| sum / column.len() as f64).collect())
}

/// Ratings that are further above the threshold have no gain that can be computed with: the gains of 2³² items of such a rating still have a sum.
pub const GREATEST_ABOVE_THRESHOLD: f64 = 990.0;

fn gain(rating: f32, threshold: f32) -> f64 {
    (f64::from(rating) - f64::from(threshold) + 1.0).exp2() - 1.0
}

/// One user's value; no number where nothing is relevant, and only there.
fn user_value(value: Value, list: &[u32], relevant: &[(u32, f32)], threshold: f32) -> f64 {
    if relevant.is_empty() {
        return f64::NAN;
    }
    let (k, m) = (value.cutoff, relevant.len());
    let list = &list[..list.len().min(k)];
    let rating =
        |item: &u32| relevant.binary_search_by_key(item, |(item, _)| *item).ok().map(|place| relevant[place].1);
    let hits = || list.iter().enumerate().filter(|(_, item)| rating(item).is_some()).map(|(place, _)| place + 1);
    let found = hits().count() as f64;
    match value.metric {
        Metric::Ndcg => {
            let discounted = |(place, gain): (usize, f64)| gain / ((place + 2) as f64).log2();
            let own = list.iter().enumerate().filter_map(|(place, item)| Some((place, gain(rating(item)?, threshold))));
            let own: f64 = own.map(discounted).sum();
            let mut gains: Vec<f64> = relevant.iter().map(|(_, rating)| gain(*rating, threshold)).collect();
            gains.sort_unstable_by(|a, b| b.total_cmp(a));
            let ideal: f64 = gains.into_iter().take(k).enumerate().map(discounted).sum();
            if own == 0.0 { 0.0 } else { own / ideal }
        }
        Metric::Map => {
            let sum: f64 = hits().zip(1..).map(|(rank, hits)| f64::from(hits) / rank as f64).sum();
            sum / m.min(k) as f64
        }
        Metric::MapElliot => {
            let (mut so_far, mut sum) = (0.0, 0.0);
            for (item, rank) in list.iter().zip(1..) {
                so_far += f64::from(u8::from(rating(item).is_some()));
                sum += so_far / f64::from(rank);
            }
            (sum + so_far * reciprocals(list.len(), k)) / k as f64
        }
        Metric::Recall => found / m as f64,
        Metric::Precision => found / k as f64,
        Metric::HitRate => f64::from(u8::from(found > 0.0)),
        Metric::Mrr => hits().next().map_or(0.0, |rank| 1.0 / rank as f64),
        Metric::Coverage | Metric::Gini | Metric::Novelty => f64::NAN,
    }
}

/// Σ 1/n over n = after + 1…last. Term by term as far as lists are long; the rest, of cut-offs beyond any catalogue, by Euler and Maclaurin's formula.
fn reciprocals(after: usize, last: usize) -> f64 {
    let exact = last.min(after.max(1000) + 1000);
    let sum: f64 = (after + 1..=exact).map(|n| 1.0 / n as f64).sum();
    let (from, to) = (exact as f64, last as f64);
    let correction = |n: f64| 1.0 / (2.0 * n) - 1.0 / (12.0 * n * n);
    if exact < last { sum + (to / from).ln() + correction(to) - correction(from) } else { sum }
}

fn catalogue_value(value: Value, lists: &Lists, places: &[usize], truth: &Truth<'_>, popularity: &[u32]) -> f64 {
    let recommended = || places.iter().flat_map(|place| lists.list(*place).iter().take(value.cutoff));
    let mut counts = vec![0u64; truth.items];
    recommended().for_each(|item| counts[*item as usize] += 1);
    let all: u64 = counts.iter().sum();
    let items = truth.items as f64;
    match value.metric {
        Metric::Coverage => counts.iter().filter(|count| **count > 0).count() as f64 / items,
        Metric::Gini => {
            counts.sort_unstable();
            let weighted = |(place, count): (usize, &u64)| {
                (2.0 * (place + 1) as f64 - items - 1.0) * *count as f64 / all.max(1) as f64
            };
            let sum: f64 = counts.iter().enumerate().map(weighted).sum();
            if items > 1.0 { 1.0 - sum / (items - 1.0) } else { 1.0 }
        }
        _ => {
            let users = truth.train.users() as f64;
            let surprise = |item: &u32| -(f64::from(popularity[*item as usize].max(1)) / users).log2();
            recommended().map(surprise).sum::<f64>() / all.max(1) as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[(u32, f32)]]) -> Rows {
        let mut all = Rows { offsets: vec![0], ..Rows::default() };
        for row in rows {
            all.items.extend(row.iter().map(|(item, _)| *item));
            all.ratings.extend(row.iter().map(|(_, rating)| *rating));
            all.offsets.push(all.items.len() as u64);
        }
        all
    }

    fn values<const N: usize>(names: [&str; N]) -> [Value; N] {
        names.map(|name| name.parse().unwrap())
    }

    #[test]
    fn what_nobody_counts_in_has_no_value() {
        // Both items are popular, and nobody likes anything that much.
        let train = rows(&[&[(0, 1.0)], &[(1, 1.0)]]);
        let test = rows(&[&[(1, 5.0)], &[(0, 5.0)]]);
        let lists = Lists { length: 1, items: vec![1, 1] };
        let truth = |threshold, cold| Truth { part: &test, threshold, train: &train, items: 2, cold };
        let asked = values(["recall@1", "cold-recall@1", "coverage@1"]);
        let found = |threshold, cold| -> Vec<Option<f64>> {
            let scores = score(&lists, &[0, 1], &truth(threshold, cold), &asked, Some(1));
            scores.values.iter().map(|scored| scored.value).collect()
        };
        assert_eq!(found(0.0, 1), [Some(0.5), Some(0.5), Some(0.5)]);
        assert_eq!(found(0.0, 0), [Some(0.5), None, Some(0.5)]);
        assert_eq!(found(9.0, 1), [None, None, None]);
    }

    #[test]
    fn cut_offs_beyond_the_list_count_its_end_as_misses() {
        for (after, last) in [(0, 0), (3, 3), (0, 4), (5, 1500), (0, 2001), (40, 1_000_000), (900_000, 1_000_000)] {
            let sum: f64 = (after + 1..=last).rev().map(|n| 1.0 / n as f64).sum();
            assert!((reciprocals(after, last) - sum).abs() < 1e-12, "{after} {last}");
        }
        // A list of three with hits at 1 and 3: precision@n is 1, 1/2, 2/3, 2/4, 2/5.
        let [five, precision, endless] = values(["map-elliot@5", "precision@5", "map-elliot@10000000000"]);
        let of = |value| user_value(value, &[4, 0, 2], &[(2, 1.0), (4, 1.0)], 0.0);
        assert!((of(five) - (1.0 + 1.0 / 2.0 + 2.0 / 3.0 + 2.0 / 4.0 + 2.0 / 5.0) / 5.0).abs() < 1e-12);
        assert_eq!(of(precision), 0.4);
        assert!(of(endless) > 0.0 && of(endless) < 1e-8);
    }

    #[test]
    fn the_greatest_ratings_have_a_value() {
        let greatest = GREATEST_ABOVE_THRESHOLD as f32;
        let relevant: Vec<(u32, f32)> = (0..1000).map(|item| (item, greatest)).collect();
        let list: Vec<u32> = (0..1000).collect();
        let [ndcg] = values(["ndcg@1000"]);
        assert_eq!(user_value(ndcg, &list, &relevant, 0.0), 1.0);
        assert!((gain(greatest, 0.0) * 2f64.powi(32)).is_finite());
    }
}
