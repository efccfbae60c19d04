//! CIDEr (Vedantam et al. 2015): how alike a caption and its references are in n-grams, weighed by how rare these are among
//! the references of all items.
//!
//! Weight of an n-gram: tf · (ln N − ln max(1, df)), with N items and df counted once an item. CIDEr-D, which everyone reports
//! as "CIDEr": Σ min(h, r)·r / (‖h‖‖r‖) times exp(−Δ² / (2·6²)), Δ the difference of bigram counts; the plain form has neither
//! the minimum nor the penalty. Both: 10 × the mean over n = 1…4 and over the references.

use crate::grams::{Counts, Numbering, ORDERS, joined};
use plugin_api::{Host, ItemScore, Metric, MetricItem, MetricValue, ReferenceSet, Result};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};

/// The width of CIDEr-D's penalty, in bigrams.
const SIGMA: f64 = 6.0;

/// Which CIDEr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// CIDEr-D.
    D,
    /// As first published.
    Plain,
}

/// The metric, with the document frequencies of the references that it was shown.
pub struct Cider {
    variant: Variant,
    host: Host,
    /// References' words and n-grams.
    numbering: Numbering,
    /// For each number, in how many items' references it stands, and the last such item.
    frequencies: Vec<(u32, u32)>,
    items: u32,
    /// ln max(1, df) for each df that occurs.
    logarithms: Vec<f64>,
    warned: AtomicBool,
    words: Vec<u32>,
    counts: Counts,
}

#[derive(Default)]
struct Scratch {
    numbering: Numbering,
    words: Vec<u32>,
    candidate: Counts,
    reference: Counts,
    /// The idf of each entry of `candidate`'s orders.
    weights: [Vec<f64>; ORDERS],
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Cider {
    pub fn new(variant: Variant, host: Host) -> Cider {
        Cider {
            variant,
            host,
            numbering: Numbering::default(),
            frequencies: Vec::new(),
            items: 0,
            logarithms: vec![0.0, 0.0],
            warned: AtomicBool::new(false),
            words: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// ln N − ln max(1, df), given ln N.
    fn weight(&self, items: f64, number: u32) -> f64 {
        let frequency = self.frequencies.get(number as usize).map_or(0, |&(frequency, _)| frequency);
        items - self.logarithms[frequency as usize]
    }

    fn similarity(&self, item: &MetricItem<'_>, scratch: &mut Scratch) -> f64 {
        let Scratch { numbering, words, candidate, reference, weights } = scratch;
        let below = Some(&self.numbering);
        let items = f64::from(self.items.max(1)).ln();
        numbering.restart(self.numbering.len());
        numbering.words(below, &item.candidate(), words);
        numbering.count(below, words, candidate);
        let mut norms = [0.0; ORDERS];
        for ((weights, norm), counts) in weights.iter_mut().zip(&mut norms).zip(&candidate.orders) {
            weights.clear();
            weights.extend(counts.iter().map(|&(number, _)| self.weight(items, number)));
            *norm =
                counts.iter().zip(&*weights).map(|(&(_, tf), idf)| (f64::from(tf) * idf).powi(2)).sum::<f64>().sqrt();
        }
        let mut total = 0.0;
        for text in item.references() {
            numbering.words(below, &text, words);
            numbering.count(below, words, reference);
            let delta = bigrams(candidate) - bigrams(reference);
            let penalty = match self.variant {
                Variant::D => (-(delta * delta) / (2.0 * SIGMA * SIGMA)).exp(),
                Variant::Plain => 1.0,
            };
            for order in 0..ORDERS {
                let (own, other) = (&candidate.orders[order], &reference.orders[order]);
                let norm =
                    other.iter().map(|&(n, tf)| (f64::from(tf) * self.weight(items, n)).powi(2)).sum::<f64>().sqrt();
                let product: f64 = joined(own, other)
                    .zip(&weights[order])
                    .map(|((_, own, other), idf)| {
                        let clipped = if self.variant == Variant::D { own.min(other) } else { own };
                        f64::from(clipped) * f64::from(other) * idf * idf
                    })
                    .sum();
                let norms = norms[order] * norm;
                total += penalty * if norms == 0.0 { product } else { product / norms };
            }
        }
        10.0 * total / ORDERS as f64 / item.references().len().max(1) as f64
    }
}

/// The length that CIDEr-D's penalty compares.
fn bigrams(counts: &Counts) -> f64 {
    counts.length.saturating_sub(1) as f64
}

impl Metric for Cider {
    fn values(&self) -> Vec<MetricValue> {
        vec![match self.variant {
            Variant::D => MetricValue::score("cider", "CIDEr"),
            Variant::Plain => MetricValue::score("cider-plain", "CIDEr (plain)"),
        }]
    }

    fn observe(&mut self, truth: &ReferenceSet<'_>) -> Result<()> {
        self.items += 1;
        for text in truth.references() {
            self.numbering.words(None, &text, &mut self.words);
            self.numbering.count(None, &self.words, &mut self.counts);
            self.frequencies.resize(self.numbering.len(), (0, 0));
            for &(number, _) in self.counts.orders.iter().flatten() {
                let (frequency, last) = &mut self.frequencies[number as usize];
                if *last != self.items {
                    (*frequency, *last) = (*frequency + 1, self.items);
                    if *frequency as usize == self.logarithms.len() {
                        self.logarithms.push(f64::from(*frequency).ln());
                    }
                }
            }
        }
        Ok(())
    }

    fn score(&self, item: &MetricItem<'_>) -> Result<ItemScore> {
        if self.items < 2 && !self.warned.swap(true, Ordering::Relaxed) {
            self.host.warn(
                "CIDEr is 0 here: it weighs words by how few items have them in their references, and one item's references \
                 cannot say; score at least two items together",
            );
        }
        Ok(ItemScore::mean([SCRATCH.with_borrow_mut(|scratch| self.similarity(item, scratch))]))
    }
}
