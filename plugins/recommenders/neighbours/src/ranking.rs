//! Scores of one user at a time, most of them 0: what was touched is remembered, so that a user costs what he has and not the catalogue.

use plugin_api::{Best, Ranked};

/// A row of scores under way.
#[derive(Debug)]
pub struct SparseScores {
    scores: Vec<f64>,
    seen: Vec<bool>,
    touched: Vec<u32>,
}

impl SparseScores {
    pub fn new(items: usize) -> SparseScores {
        SparseScores { scores: vec![0.0; items], seen: vec![false; items], touched: Vec::new() }
    }

    pub fn add(&mut self, item: u32, score: f64) {
        let place = item as usize;
        if !self.seen[place] {
            self.seen[place] = true;
            self.touched.push(item);
        }
        self.scores[place] += score;
    }

    /// Writes the row and clears it.
    pub fn write(&mut self, row: &mut [f64]) {
        row.fill(0.0);
        for item in self.touched.drain(..) {
            let place = item as usize;
            row[place] = std::mem::take(&mut self.scores[place]);
            self.seen[place] = false;
        }
    }

    /// The best `count` items without those in `known` (ascending); clears the row. Items that nothing speaks for score 0.
    pub fn best(&mut self, known: &[u32], count: usize) -> Vec<Ranked> {
        let mut best = Best::new(count);
        for item in &self.touched {
            if known.binary_search(item).is_err() {
                best.offer(Ranked { item: *item, score: self.scores[*item as usize] });
            }
        }
        let mut left = count;
        for item in 0..self.scores.len() as u32 {
            if left == 0 {
                break;
            }
            if !self.seen[item as usize] && known.binary_search(&item).is_err() {
                best.offer(Ranked { item, score: 0.0 });
                left -= 1;
            }
        }
        for item in self.touched.drain(..) {
            self.scores[item as usize] = 0.0;
            self.seen[item as usize] = false;
        }
        best.finish()
    }
}
