//! All n-grams of some texts at once, n = 1…4: the texts' windows of four words, packed into integers and sorted. Equal n-grams then
//! lie side by side for every n, so that one walk visits each different n-gram once, with where it stands. No metric lives here.

use crate::words::{LAST_WORD, NO_WORD};

/// The longest n-gram.
pub const ORDERS: usize = 4;

const TAG_BITS: u32 = 32;
const WORD_BITS: u32 = LAST_WORD.count_ones();

/// Four consecutive words, the first on top, and below them the tag of the text that they stand in. [`NO_WORD`] fills what reaches past
/// the text's end.
pub type Window = u128;

/// The tag that the window was pushed with.
pub fn tag(window: Window) -> usize {
    window as u32 as usize
}

/// Adds a text's windows, one for each word. An n-gram never spans a [`NO_WORD`]: the words before and after one are texts by themselves.
pub fn push(windows: &mut Vec<Window>, words: &[u32], tag: u32) {
    let mut four: u128 = 0;
    for &word in words.iter().rev() {
        four = if word == NO_WORD { 0 } else { (four >> WORD_BITS) | (u128::from(word) << (WORD_BITS * 3)) };
        if word != NO_WORD {
            windows.push((four << TAG_BITS) | u128::from(tag));
        }
    }
}

/// Walks over the different n-grams of *sorted* windows, each after the shorter one that it continues. `visit` gets n − 1, the last word,
/// what it has returned for the shorter n-gram (`root` for n = 1), and the windows that begin with the n-gram: one for each time that it
/// occurs, in no order of tags unless n is 4. Where it returns `None`, longer n-grams that continue this one are passed over.
pub fn walk<N: Copy>(windows: &[Window], root: N, visit: &mut impl FnMut(usize, u32, N, &[Window]) -> Option<N>) {
    descend(windows, 0, root, visit);
}

fn descend<N: Copy>(
    windows: &[Window],
    order: usize,
    parent: N,
    visit: &mut impl FnMut(usize, u32, N, &[Window]) -> Option<N>,
) {
    let shift = TAG_BITS + WORD_BITS * (ORDERS - 1 - order) as u32;
    let mut rest = windows;
    while let Some(first) = rest.first() {
        let prefix = first >> shift;
        let count = rest.iter().position(|window| window >> shift != prefix).unwrap_or(rest.len());
        let (same, others) = rest.split_at(count);
        rest = others;
        let word = prefix as u32 & LAST_WORD;
        if word == NO_WORD {
            continue;
        }
        if let Some(node) = visit(order, word, parent, same)
            && order + 1 < ORDERS
        {
            descend(same, order + 1, node, visit);
        }
    }
}

/// How many n-grams a text of `words` words has, where `order` is n − 1.
pub fn grams(words: usize, order: usize) -> usize {
    words.saturating_sub(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Counts of n-grams by text, the plain way.
    fn plain(texts: &[&[u32]]) -> BTreeMap<Vec<u32>, Vec<usize>> {
        let mut counts = BTreeMap::new();
        for (tag, text) in texts.iter().enumerate() {
            for order in 1..=ORDERS {
                for gram in text.windows(order).filter(|gram| !gram.contains(&NO_WORD)) {
                    counts.entry(gram.to_vec()).or_insert_with(|| vec![0; texts.len()])[tag] += 1;
                }
            }
        }
        counts
    }

    #[test]
    fn the_walk_visits_every_ngram_once_with_all_its_places() {
        let texts: &[&[u32]] = &[
            &[1, 2, 1, 2, 1, 2, 3],
            &[],
            &[LAST_WORD, LAST_WORD, LAST_WORD, LAST_WORD, LAST_WORD, LAST_WORD],
            &[1, 2, NO_WORD, 1, 2, 1, 2, NO_WORD, NO_WORD, 3],
            &[2, 1],
        ];
        let mut windows = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            push(&mut windows, text, number as u32);
        }
        windows.sort_unstable();
        // A node of the walk is the n-gram itself: its length and words.
        let mut found = BTreeMap::new();
        walk(&windows, (0, [0; ORDERS]), &mut |order, word, (length, mut gram): (usize, [u32; ORDERS]), run| {
            assert_eq!(length, order);
            gram[order] = word;
            let mut counts = vec![0; texts.len()];
            run.iter().for_each(|window| counts[tag(*window)] += 1);
            assert_eq!(found.insert(gram[..=order].to_vec(), counts), None);
            Some((length + 1, gram))
        });
        assert_eq!(found, plain(texts));
    }

    #[test]
    fn the_walk_passes_over_what_continues_a_dropped_ngram() {
        let mut windows = Vec::new();
        push(&mut windows, &[1, 2, 3], 0);
        windows.sort_unstable();
        let mut seen = Vec::new();
        walk(&windows, (), &mut |order, word, (), _| {
            seen.push((order, word));
            (word != 2).then_some(())
        });
        assert_eq!(seen, [(0, 1), (1, 2), (0, 2), (0, 3)]);
    }
}
