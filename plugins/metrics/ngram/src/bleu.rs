//! BLEU-1 to BLEU-4 (Papineni et al. 2002), with the small constants of the COCO evaluation.
//!
//! bleu_k = (Π_{i≤k} (correct_i + 1e-15) / (guess_i + 1e-9))^(1/k), times exp(1 − 1/ratio) where
//! ratio = (candidate length + 1e-15) / (reference length + 1e-9) is below 1. The corpus value is the same of summed counts.

use crate::grams::{Counts, Numbering, ORDERS, joined};
use plugin_api::{ItemScore, Metric, MetricItem, MetricValue, Result};
use std::cell::RefCell;

const TINY: f64 = 1e-15;
const SMALL: f64 = 1e-9;

/// The metric. Its statistics: correct n-grams (4), guessed n-grams (4), candidate length, closest reference length.
pub struct Bleu;

#[derive(Default)]
struct Scratch {
    numbering: Numbering,
    words: Vec<u32>,
    candidate: Counts,
    reference: Counts,
    /// For n = 1…4, the most that any reference has of each of the candidate's n-grams.
    most: [Vec<u32>; ORDERS],
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Metric for Bleu {
    fn values(&self) -> Vec<MetricValue> {
        (1..=ORDERS).map(|order| MetricValue::score(&format!("bleu-{order}"), &format!("BLEU-{order}"))).collect()
    }

    fn score(&self, item: &MetricItem<'_>) -> Result<ItemScore> {
        let statistics = SCRATCH.with_borrow_mut(|scratch| statistics(item, scratch));
        Ok(ItemScore { values: self.corpus(&statistics), statistics, detail: None })
    }

    fn corpus(&self, statistics: &[f64]) -> Vec<f64> {
        let &[c1, c2, c3, c4, g1, g2, g3, g4, candidate, reference] = statistics else {
            return vec![0.0; ORDERS];
        };
        let ratio = (candidate + TINY) / (reference + SMALL);
        let brevity = if ratio < 1.0 { (1.0 - 1.0 / ratio).exp() } else { 1.0 };
        let mut product = 1.0;
        [(c1, g1), (c2, g2), (c3, g3), (c4, g4)]
            .into_iter()
            .zip(1..)
            .map(|((correct, guess), order)| {
                product *= (correct + TINY) / (guess + SMALL);
                f64::powf(product, 1.0 / f64::from(order)) * brevity
            })
            .collect()
    }
}

fn statistics(item: &MetricItem<'_>, scratch: &mut Scratch) -> Vec<f64> {
    let Scratch { numbering, words, candidate, reference, most } = scratch;
    numbering.restart(0);
    numbering.words(None, &item.candidate(), words);
    numbering.count(None, words, candidate);
    for (most, counts) in most.iter_mut().zip(&candidate.orders) {
        most.clear();
        most.resize(counts.len(), 0);
    }
    let mut closest: Option<(usize, usize)> = None;
    for text in item.references() {
        numbering.words(None, &text, words);
        numbering.count(None, words, reference);
        // Of two that are equally close, the shorter.
        let distance = (reference.length.abs_diff(candidate.length), reference.length);
        closest = Some(closest.map_or(distance, |closest| closest.min(distance)));
        for ((most, candidate), reference) in most.iter_mut().zip(&candidate.orders).zip(&reference.orders) {
            for (most, (_, _, count)) in most.iter_mut().zip(joined(candidate, reference)) {
                *most = (*most).max(count);
            }
        }
    }
    let correct = most.iter().zip(&candidate.orders).map(|(most, counts)| {
        most.iter().zip(counts).map(|(&most, &(_, count))| f64::from(most.min(count))).sum::<f64>()
    });
    let guessed = (0..ORDERS).map(|order| candidate.length.saturating_sub(order) as f64);
    let lengths = [candidate.length as f64, closest.map_or(0, |(_, length)| length) as f64];
    correct.chain(guessed).chain(lengths).collect()
}
