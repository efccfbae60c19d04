//! BLEU-1 to BLEU-4 (Papineni, Roukos, Ward and Zhu 2002), for an item and for a corpus of summed counts, with the closest reference
//! length.

use crate::windows::{self, ORDERS, Window, grams, tag};
use crate::words::{Words, read};
use plugin_api::{ItemScore, Metric, MetricItem, MetricValue, Result};
use std::cell::RefCell;

/// The metric `bleu`. Its statistics are counts: matched n-grams for n = 1…4, the candidate's n-grams for n = 1…4, the candidate's words,
/// the closest reference's words.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bleu;

const WIDTH: usize = 2 * ORDERS + 2;

/// Added to numerators and denominators, so that an empty caption scores 0 instead of dividing by zero.
const TINY: f64 = 1e-15;
const SMALL: f64 = 1e-9;

impl Metric for Bleu {
    fn values(&self) -> Vec<MetricValue> {
        (1..=ORDERS).map(|n| MetricValue::score(&format!("bleu-{n}"), &format!("BLEU-{n}"))).collect()
    }

    fn score(&self, item: &MetricItem<'_>) -> Result<ItemScore> {
        thread_local! {
            static COUNTER: RefCell<Counter> = RefCell::default();
        }
        let statistics = COUNTER.with_borrow_mut(|counter| counter.count(item))?;
        Ok(ItemScore { values: scores(&statistics).to_vec(), statistics: statistics.to_vec(), detail: None })
    }

    fn corpus(&self, statistics: &[f64]) -> Vec<f64> {
        statistics.first_chunk().map_or_else(|| vec![0.0; ORDERS], |counts| scores(counts).to_vec())
    }
}

/// BLEU-1…4 of summed counts: the geometric mean of the n-gram precisions, times the brevity penalty.
fn scores(statistics: &[f64; WIDTH]) -> [f64; ORDERS] {
    let (matched, rest) = statistics.split_at(ORDERS);
    let (guessed, lengths) = rest.split_at(ORDERS);
    let ratio = (lengths[0] + TINY) / (lengths[1] + SMALL);
    let penalty = if ratio < 1.0 { (1.0 - 1.0 / ratio).exp() } else { 1.0 };
    let mut product = 1.0;
    std::array::from_fn(|order| {
        product *= (matched[order] + TINY) / (guessed[order] + SMALL);
        product.powf(1.0 / (order + 1) as f64) * penalty
    })
}

/// What counting needs, kept from item to item.
#[derive(Default)]
struct Counter {
    words: Words,
    numbers: Vec<u32>,
    windows: Vec<Window>,
    /// How often the n-gram at hand occurs in each text; all 0 between n-grams.
    counts: Vec<u32>,
}

impl Counter {
    fn count(&mut self, item: &MetricItem<'_>) -> Result<[f64; WIDTH]> {
        let Counter { words, numbers, windows, counts } = self;
        words.clear();
        windows.clear();
        read(item.candidate(), numbers, |word| words.number(word))?;
        let length = numbers.len();
        windows::push(windows, numbers, 0);
        let mut closest: Option<usize> = None;
        for (reference, text) in item.references().enumerate() {
            // Only n-grams of the candidate's words can match: all other words are `NO_WORD`.
            read(text, numbers, |word| Ok(words.find(word)))?;
            windows::push(windows, numbers, reference as u32 + 1);
            let distance = |of: usize| (of.abs_diff(length), of);
            closest = Some(closest.map_or(numbers.len(), |best| {
                if distance(numbers.len()) < distance(best) { numbers.len() } else { best }
            }));
        }
        windows.sort_unstable();
        counts.clear();
        counts.resize(item.references().len() + 1, 0);
        let mut matched = [0_u64; ORDERS];
        windows::walk(windows, (), &mut |order, _, (), run| {
            // A match takes a place in the candidate and one in a reference.
            if run.len() < 2 {
                return None;
            }
            run.iter().for_each(|window| counts[tag(*window)] += 1);
            let guessed = std::mem::take(&mut counts[0]);
            let most = run.iter().map(|window| std::mem::take(&mut counts[tag(*window)])).max().unwrap_or(0);
            matched[order] += u64::from(guessed.min(most));
            (guessed > 0 && most > 0).then_some(())
        });
        let mut statistics = [0.0; WIDTH];
        for order in 0..ORDERS {
            statistics[order] = matched[order] as f64;
            statistics[ORDERS + order] = grams(length, order) as f64;
        }
        statistics[2 * ORDERS] = length as f64;
        statistics[2 * ORDERS + 1] = closest.unwrap_or(0) as f64;
        Ok(statistics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::testing::{TestItem, score};

    fn statistics(candidate: &str, references: &[&str]) -> Vec<f64> {
        score(&mut Bleu, &[TestItem::new(candidate, references)]).unwrap().items[0].statistics.clone()
    }

    #[test]
    fn a_word_counts_no_more_often_than_in_one_reference() {
        // The paper's example of a modified unigram precision of 2/7, section 2.1.
        let references = ["the cat is on the mat", "there is a cat on the mat"];
        let found = statistics("the the the the the the the", &references);
        assert_eq!(found, [2.0, 0.0, 0.0, 0.0, 7.0, 6.0, 5.0, 4.0, 7.0, 7.0]);
    }

    #[test]
    fn the_papers_second_example_has_its_precisions() {
        // Section 2.1: candidate 1 has a modified unigram precision of 17/18 and bigram precision of 10/17.
        let found = statistics(
            "it is a guide to action which ensures that the military always obeys the commands of the party",
            &[
                "it is a guide to action that ensures that the military will forever heed party commands",
                "it is the guiding principle which guarantees the military forces always being under the command of the party",
                "it is the practical guide for the army always to heed the directions of the party",
            ],
        );
        assert_eq!((found[0], found[4]), (17.0, 18.0));
        assert_eq!((found[1], found[5]), (10.0, 17.0));
        assert_eq!((found[8], found[9]), (18.0, 18.0));
    }

    #[test]
    fn of_two_reference_lengths_equally_close_the_shorter_is_taken() {
        assert_eq!(statistics("a b c", &["a b c d", "a b"])[8..], [3.0, 2.0]);
        assert_eq!(statistics("a b c", &["a b", "a b c d"])[8..], [3.0, 2.0]);
        assert_eq!(statistics("a b c", &["a b c d", "a"])[8..], [3.0, 4.0]);
    }

    #[test]
    fn an_empty_caption_scores_zero() {
        for references in [&["a red dress"], &[""]] {
            assert_eq!(score(&mut Bleu, &[TestItem::new("", references)]).unwrap().corpus, [0.0; 4]);
        }
    }

    #[test]
    fn a_no_break_space_parts_two_words() {
        assert_eq!(statistics("1\u{a0}3/4", &["3/4 1"])[..5], [2.0, 0.0, 0.0, 0.0, 2.0]);
    }
}
