//! In how many items of a corpus an n-gram occurs, and the weight that CIDEr gives it for that. Scoring is `cider`'s.

use crate::windows::{self, Window, tag};

/// Document frequencies of the n-grams of n = 1…4 words that occur in two items or more, as a tree: below an n-gram are those that continue
/// it by a word. N-grams of one item or none weigh the same, and are not kept; only words are, whatever their frequency.
#[derive(Debug)]
pub struct Frequencies {
    /// The n-grams' last words. What is below one n-gram lies together, in the words' order; first of all come the words themselves, word
    /// w at w − 1.
    words: Vec<u32>,
    nodes: Vec<Node>,
    /// How many words there are.
    top: u32,
    /// ln N − ln(frequency), by frequency.
    weights: Vec<f64>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    /// The frequency.
    items: u32,
    below: Place,
}

/// Where in the tree the n-grams are that continue an n-gram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    start: u32,
    end: u32,
}

impl Place {
    /// The words, which continue the empty n-gram.
    pub const TOP: Place = Place { start: 0, end: u32::MAX };
    /// Of an n-gram that no kept one continues.
    const NOWHERE: Place = Place { start: 0, end: 0 };
}

/// An n-gram while the tree is being made.
struct Kept {
    /// The number of the n-gram that it continues; n-grams count from 1, 0 is the empty one.
    parent: u32,
    word: u32,
    items: u32,
}

impl Frequencies {
    /// Counts in the windows of all items' references, each tagged with its item's number below `items`. Of the words from 1 to the largest,
    /// each must be there.
    pub fn count(mut windows: Vec<Window>, items: u32) -> Frequencies {
        windows.sort_unstable();
        // For each item, the last n-gram that counted it. N-grams are fewer than four times the windows, of which 2^30 fill 16 GiB.
        let mut counted_by = vec![0_u32; items as usize];
        let mut ngrams = 0;
        let mut kept: Vec<Kept> = Vec::new();
        windows::walk(&windows, 0, &mut |order, word, parent, run| {
            ngrams += 1;
            let mut items = 0;
            for window in run {
                let last = &mut counted_by[tag(*window)];
                items += u32::from(*last != ngrams);
                *last = ngrams;
            }
            if order == 0 || items > 1 {
                kept.push(Kept { parent, word, items });
            }
            (items > 1).then_some(kept.len() as u32)
        });
        drop(windows);
        let most = kept.iter().map(|ngram| ngram.items).max().unwrap_or(1);
        let all = f64::from(items.max(1)).ln();
        let weights = (0..=most).map(|count| all - f64::from(count.max(1)).ln()).collect();
        let top = kept.iter().filter(|ngram| ngram.parent == 0).count() as u32;
        let (words, nodes) = tree(&kept);
        Frequencies { words, nodes, top, weights }
    }

    /// The weight ln N − ln max(1, frequency) of the n-gram that continues the one above `place` by `word`, and the place below it.
    pub fn weight(&self, place: Place, word: u32) -> (f64, Place) {
        let found = if place == Place::TOP {
            (1..=self.top).contains(&word).then(|| &self.nodes[word as usize - 1])
        } else {
            let below = &self.words[place.start as usize..place.end as usize];
            below.binary_search(&word).ok().map(|found| &self.nodes[place.start as usize + found])
        };
        found.map_or((self.weights[0], Place::NOWHERE), |node| (self.weights[node.items as usize], node.below))
    }
}

/// Lays the n-grams, which are in the order of the walk, so that those below one lie together.
fn tree(kept: &[Kept]) -> (Vec<u32>, Vec<Node>) {
    // How many n-grams each has below it; then where they start.
    let mut starts = vec![0_u32; kept.len() + 2];
    kept.iter().for_each(|ngram| starts[ngram.parent as usize + 1] += 1);
    for parent in 1..starts.len() {
        starts[parent] += starts[parent - 1];
    }
    let mut free = starts.clone();
    let mut words = vec![0; kept.len()];
    let mut nodes = vec![Node { items: 0, below: Place::NOWHERE }; kept.len()];
    for (number, ngram) in kept.iter().enumerate() {
        let at = &mut free[ngram.parent as usize];
        words[*at as usize] = ngram.word;
        let below = Place { start: starts[number + 1], end: starts[number + 2] };
        nodes[*at as usize] = Node { items: ngram.items, below };
        *at += 1;
    }
    (words, nodes)
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
            gram.iter().fold((f64::NAN, Place::TOP), |(_, parent), word| frequencies.weight(parent, *word)).0
        };
        let of = |frequency: f64| 3_f64.ln() - frequency.ln();
        for (gram, frequency) in [
            (&[1][..], 2.0),
            (&[2], 3.0),
            (&[3], 2.0),
            (&[1, 2], 2.0),
            (&[2, 3], 2.0),
            (&[2, 2], 2.0),
            (&[1, 2, 3], 1.0),
            (&[9], 1.0),
            (&[9, 2], 1.0),
            (&[4], 1.0),
            (&[4, 2], 1.0),
            (&[2, 3, 1], 1.0),
            (&[2, 3, 9], 1.0),
        ] {
            assert!((weight(gram) - of(frequency)).abs() < 1e-15, "{gram:?}");
        }
    }
}
