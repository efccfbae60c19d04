//! ROUGE-L (Lin 2004, section 3.1), over several references: the best precision and the best recall, each by itself. The length of the
//! longest common subsequence comes from `Subsequence`, 64 words at a time.

use crate::words::{NO_WORD, Word, Words};
use plugin_api::{ItemScore, Metric, MetricItem, MetricValue, Result};
use std::cell::RefCell;

/// The metric `rouge-l`; its corpus value is the mean.
#[derive(Debug, Clone, Copy, Default)]
pub struct RougeL;

/// How much more recall counts than precision.
const BETA: f64 = 1.2;

impl Metric for RougeL {
    fn values(&self) -> Vec<MetricValue> {
        vec![MetricValue::score("rouge-l", "ROUGE-L")]
    }

    fn score(&self, item: &MetricItem<'_>) -> Result<ItemScore> {
        thread_local! {
            static SCRATCH: RefCell<(Words, Subsequence)> = RefCell::default();
        }
        let value = SCRATCH.with_borrow_mut(|(words, subsequence)| value(item, words, subsequence))?;
        Ok(ItemScore::mean([value]))
    }
}

fn value(item: &MetricItem<'_>, words: &mut Words, subsequence: &mut Subsequence) -> Result<f64> {
    let candidate = item.candidate();
    if candidate.token_count() == 0 {
        return Ok(if item.references().any(|reference| reference.token_count() == 0) { 1.0 } else { 0.0 });
    }
    words.clear();
    subsequence.first.clear();
    for token in candidate.tokens() {
        subsequence.first.push(words.number(Word::of(token))?);
    }
    let (mut precision, mut recall) = (0.0_f64, 0.0_f64);
    for reference in item.references().filter(|reference| reference.token_count() > 0) {
        subsequence.second.clear();
        // Words that the candidate lacks are in no common subsequence.
        subsequence
            .second
            .extend(reference.tokens().map(|token| words.find(Word::of(token))).filter(|word| *word != NO_WORD));
        let common = subsequence.longest(words.count()) as f64;
        precision = precision.max(common / candidate.token_count() as f64);
        recall = recall.max(common / reference.token_count() as f64);
    }
    if precision == 0.0 || recall == 0.0 {
        return Ok(0.0);
    }
    Ok((1.0 + BETA * BETA) * precision * recall / (recall + BETA * BETA * precision))
}

/// The longest common subsequence of two texts, by bits (Hyyrö 2004, "Bit-parallel LCS-length computation revisited"): a word of the
/// first text is a bit, and a 0 among the `ahead` bits of a block says that a common subsequence grows by one there.
#[derive(Default)]
struct Subsequence {
    first: Vec<u32>,
    second: Vec<u32>,
    /// For each word, where it stands in the block at hand; all 0 between blocks.
    stands: Vec<u64>,
    /// For each word of the second text, whether the block before has carried into this one.
    carries: Vec<bool>,
}

impl Subsequence {
    /// The length for `first` and `second`, whose words are numbered from 1 to `words`. Takes |first|·|second|/64 steps, and memory for one
    /// block of 64 words however long the texts are.
    fn longest(&mut self, words: u32) -> usize {
        let Subsequence { first, second, stands, carries } = self;
        stands.clear();
        stands.resize(words as usize + 1, 0);
        carries.clear();
        carries.resize(second.len(), false);
        let mut length = 0;
        for block in first.chunks(64) {
            for (bit, word) in block.iter().enumerate() {
                stands[*word as usize] |= 1 << bit;
            }
            let mut ahead = u64::MAX;
            for (word, carry) in second.iter().zip(carries.iter_mut()) {
                let here = stands[*word as usize];
                let (sum, over) = ahead.overflowing_add(ahead & here);
                let (sum, over_again) = sum.overflowing_add(u64::from(*carry));
                *carry = over || over_again;
                ahead = sum | (ahead & !here);
            }
            // Bits above a short block stand for no word and stay 1.
            length += ahead.count_zeros() as usize;
            block.iter().for_each(|word| stands[*word as usize] = 0);
        }
        length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::testing::{TestItem, score};

    fn rouge(candidate: &str, references: &[&str]) -> f64 {
        score(&mut RougeL, &[TestItem::new(candidate, references)]).unwrap().corpus[0]
    }

    fn f(precision: f64, recall: f64) -> f64 {
        (1.0 + 1.44) * precision * recall / (recall + 1.44 * precision)
    }

    #[test]
    fn the_papers_example_has_its_subsequences() {
        // Section 3.1: against "police killed the gunman", S2 has a subsequence of 3 words, S3 one of 2.
        let reference = ["police killed the gunman"];
        assert!((rouge("police kill the gunman", &reference) - f(0.75, 0.75)).abs() < 1e-15);
        assert!((rouge("the gunman kill police", &reference) - f(0.5, 0.5)).abs() < 1e-15);
    }

    #[test]
    fn precision_and_recall_may_come_from_different_references() {
        assert!((rouge("a b c d", &["a b c x x x", "a"]) - f(0.75, 1.0)).abs() < 1e-15);
    }

    #[test]
    fn two_empty_texts_agree_and_one_empty_text_does_not() {
        assert_eq!(rouge("", &[""]), 1.0);
        assert_eq!(rouge("", &["a dress", ""]), 1.0);
        assert_eq!(rouge("", &["a dress"]), 0.0);
        assert_eq!(rouge("a dress", &[""]), 0.0);
        assert_eq!(rouge("a dress", &["", "a dress"]), 1.0);
    }

    #[test]
    fn texts_of_several_blocks_follow_the_textbooks_table() {
        let mut seed = 7_u64;
        let mut text = |length: usize, words: u64| -> Vec<u32> {
            (0..length)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    ((seed >> 33) % words) as u32 + 1
                })
                .collect()
        };
        let mut subsequence = Subsequence::default();
        for (a, b, words) in
            [(64, 64, 3), (65, 64, 2), (63, 200, 9), (128, 130, 4), (500, 333, 30), (129, 1, 2), (300, 300, 1)]
        {
            (subsequence.first, subsequence.second) = (text(a, words), text(b, words));
            let mut row = vec![0; b + 1];
            for x in &subsequence.first {
                let mut diagonal = 0;
                for (place, y) in subsequence.second.iter().enumerate() {
                    let above = row[place + 1];
                    row[place + 1] = if x == y { diagonal + 1 } else { above.max(row[place]) };
                    diagonal = above;
                }
            }
            assert_eq!(subsequence.longest(words as u32), row[b], "{a} {b} {words}");
        }
    }
}
