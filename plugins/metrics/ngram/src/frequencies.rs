//! In how many items of a corpus an n-gram occurs, and the weight that CIDEr gives it for that. Scoring is `cider`'s.

use crate::windows::{self, Window, tag};
use crate::words::NO_WORD;
use rustc_hash::FxHashMap;

/// Document frequencies of the n-grams of n = 1…4 words that occur in two items or more. Those of one item or none weigh the same, and are
/// not kept.
#[derive(Debug)]
pub struct Frequencies {
    /// By the shorter n-gram that it continues, and the last word.
    nodes: FxHashMap<u64, Node>,
    /// ln N − ln(frequency), by frequency.
    weights: Vec<f64>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    place: Place,
    items: u32,
}

/// An n-gram's place in the tree of kept n-grams, from which longer ones are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u32);

impl Place {
    /// Of the empty n-gram.
    pub const ROOT: Place = Place(0);
    /// Of an n-gram that is not kept.
    pub const RARE: Place = Place(u32::MAX);
}

fn key(parent: Place, word: u32) -> u64 {
    (u64::from(parent.0) << 32) | u64::from(word)
}

impl Frequencies {
    /// Counts in the windows of all items' references, each tagged with its item's number below `items`.
    pub fn count(mut windows: Vec<Window>, items: u32) -> Frequencies {
        windows.sort_unstable();
        let mut kept: Vec<(u64, Node)> = Vec::new();
        // For each item, the last n-gram that counted it.
        let mut counted_by = vec![0_u32; items as usize];
        let mut next = 0;
        windows::walk(&windows, Place::ROOT, &mut |_, word, parent, run| {
            if run.len() < 2 {
                return None;
            }
            next += 1;
            let mut items = 0;
            for window in run {
                let last = &mut counted_by[tag(*window)];
                items += u32::from(*last != next);
                *last = next;
            }
            let place = Place(next);
            (items > 1).then(|| {
                kept.push((key(parent, word), Node { place, items }));
                place
            })
        });
        drop(windows);
        let most = kept.iter().map(|(_, node)| node.items).max().unwrap_or(1);
        let all = f64::from(items.max(1)).ln();
        let weights = (0..=most).map(|count| all - f64::from(count.max(1)).ln()).collect();
        Frequencies { nodes: kept.into_iter().collect(), weights }
    }

    /// The weight ln N − ln max(1, frequency) of the n-gram that continues the one at `parent` by `word`, and its place.
    pub fn weight(&self, parent: Place, word: u32) -> (f64, Place) {
        debug_assert_ne!(word, NO_WORD);
        if parent == Place::RARE {
            return (self.weights[0], Place::RARE);
        }
        match self.nodes.get(&key(parent, word)) {
            Some(node) => (self.weights[node.items as usize], node.place),
            None => (self.weights[0], Place::RARE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ngram_counts_once_an_item_and_rare_ones_weigh_ln_n() {
        let items: [&[&[u32]]; 3] = [&[&[1, 2, 3], &[1, 2, 2]], &[&[2, 2, 3]], &[&[1, 2]]];
        let mut all = Vec::new();
        for (number, texts) in items.iter().enumerate() {
            texts.iter().for_each(|text| windows::push(&mut all, text, number as u32));
        }
        let frequencies = Frequencies::count(all, 3);
        let weight = |gram: &[u32]| {
            gram.iter().fold((f64::NAN, Place::ROOT), |(_, parent), word| frequencies.weight(parent, *word)).0
        };
        let of = |frequency: f64| 3_f64.ln() - frequency.ln();
        for (gram, frequency) in
            [(&[1][..], 2.0), (&[2], 3.0), (&[3], 2.0), (&[1, 2], 2.0), (&[2, 3], 2.0), (&[2, 2], 2.0), (&[1, 2, 3], 1.0), (&[9], 1.0), (&[9, 2], 1.0)]
        {
            assert!((weight(gram) - of(frequency)).abs() < 1e-15, "{gram:?}");
        }
    }
}
