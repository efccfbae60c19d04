//! ROUGE-L (Lin 2004) as the COCO evaluation has it: the best precision and the best recall over the references, each by
//! itself, from the longest common subsequence; F = (1 + β²)PR / (R + β²P), β = 1.2. The corpus value is the mean.

use crate::grams::Numbering;
use plugin_api::{ItemScore, Metric, MetricItem, MetricValue, Result};
use std::cell::RefCell;

const BETA_SQUARED: f64 = 1.2 * 1.2;

/// The metric.
pub struct RougeL;

#[derive(Default)]
struct Scratch {
    numbering: Numbering,
    candidate: Vec<u32>,
    reference: Vec<u32>,
    subsequence: Subsequence,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Metric for RougeL {
    fn values(&self) -> Vec<MetricValue> {
        vec![MetricValue::score("rouge-l", "ROUGE-L")]
    }

    fn score(&self, item: &MetricItem<'_>) -> Result<ItemScore> {
        Ok(ItemScore::mean([SCRATCH.with_borrow_mut(|scratch| f_measure(item, scratch))]))
    }
}

fn f_measure(item: &MetricItem<'_>, scratch: &mut Scratch) -> f64 {
    let Scratch { numbering, candidate, reference, subsequence } = scratch;
    numbering.restart(0);
    numbering.tokens(&item.candidate(), candidate);
    subsequence.set(candidate);
    let (mut precision, mut recall) = (0.0_f64, 0.0_f64);
    for text in item.references() {
        numbering.tokens(&text, reference);
        // The reference takes an empty caption for one empty token, so that two empty captions match.
        let common = match (candidate.is_empty(), reference.is_empty()) {
            (true, true) => 1,
            (true, false) | (false, true) => 0,
            (false, false) => subsequence.length(reference),
        } as f64;
        precision = precision.max(common / candidate.len().max(1) as f64);
        recall = recall.max(common / reference.len().max(1) as f64);
    }
    if precision == 0.0 || recall == 0.0 {
        return 0.0;
    }
    (1.0 + BETA_SQUARED) * precision * recall / (recall + BETA_SQUARED * precision)
}

/// The length of the longest common subsequence, 64 words of the candidate at a time (Hyyrö 2004): bit i of `row` is 0 where
/// the table's row grows at the candidate's word i.
#[derive(Default)]
struct Subsequence {
    /// The candidate's words with their places, sorted by word.
    places: Vec<(u32, u32)>,
    length: usize,
    row: Vec<u64>,
    matches: Vec<u64>,
}

impl Subsequence {
    fn set(&mut self, candidate: &[u32]) {
        self.places.clear();
        self.places.extend(candidate.iter().copied().zip(0..));
        self.places.sort_unstable();
        self.length = candidate.len();
    }

    fn length(&mut self, reference: &[u32]) -> usize {
        let blocks = self.length.div_ceil(64);
        self.row.clear();
        self.row.resize(blocks, u64::MAX);
        for &word in reference {
            let first = self.places.partition_point(|&(other, _)| other < word);
            let places = self.places[first..].iter().take_while(|&&(other, _)| other == word).map(|&(_, place)| place);
            self.matches.clear();
            self.matches.resize(blocks, 0);
            let mut any = false;
            for place in places {
                self.matches[place as usize / 64] |= 1 << (place % 64);
                any = true;
            }
            if any {
                self.advance();
            }
        }
        let zeros: u32 = self.row.iter().map(|block| block.count_zeros()).sum();
        zeros as usize
    }

    /// row = (row + (row & matches)) | (row & !matches), as one long integer.
    fn advance(&mut self) {
        let mut carry = false;
        for (row, &matches) in self.row.iter_mut().zip(&self.matches) {
            let (sum, first) = row.overflowing_add(*row & matches);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            carry = first || second;
            *row = sum | (*row & !matches);
        }
    }
}
