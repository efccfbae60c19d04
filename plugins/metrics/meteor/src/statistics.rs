//! METEOR's statistics of a caption against a reference, and the score that they give; summed over items they give the score
//! of a corpus.

use crate::matches::{Match, Module, Sentence};
use crate::vocabulary::Vocabulary;

/// Parameters for English, task rank, of Denkowski and Lavie, "Meteor Universal" (2014).
mod parameters {
    /// Recall's share in the mean of precision and recall.
    pub const ALPHA: f64 = 0.85;
    /// The fragmentation's exponent.
    pub const BETA: f64 = 0.2;
    /// The fragmentation's weight.
    pub const GAMMA: f64 = 0.6;
    /// A content word's weight; a function word has the rest.
    pub const DELTA: f64 = 0.75;
    /// Exact, stem, synonym, paraphrase.
    pub const MODULES: [f64; 4] = [1.0, 0.6, 0.8, 0.6];
}

/// Counts of one side (the caption or the reference).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Side {
    pub words: f64,
    pub function_words: f64,
    /// Matched content words, by module.
    pub content_matches: [f64; 4],
    /// Matched function words, by module.
    pub function_matches: [f64; 4],
}

/// What a score is computed from. Adds up over items.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Statistics {
    pub caption: Side,
    pub reference: Side,
    /// Runs of matches that are adjacent on both sides; 0 for a single run over both whole sentences.
    pub chunks: f64,
}

impl Statistics {
    /// Numbers in the vector form.
    pub const LENGTH: usize = 21;

    pub fn count(
        caption: &Sentence,
        reference: &Sentence,
        matches: &[Match],
        chunks: u32,
        vocabulary: &Vocabulary,
    ) -> Statistics {
        let mut statistics = Statistics {
            caption: Side::count(caption, vocabulary),
            reference: Side::count(reference, vocabulary),
            chunks: f64::from(chunks),
        };
        for found in matches {
            statistics.caption.add(caption, found.caption_range(), found.module, vocabulary);
            statistics.reference.add(reference, found.reference_range(), found.module, vocabulary);
        }
        if chunks == 1 && statistics.caption.is_matched_whole() && statistics.reference.is_matched_whole() {
            statistics.chunks = 0.0;
        }
        statistics
    }

    /// The score, 0…1.
    pub fn score(&self) -> f64 {
        use parameters::{ALPHA, BETA, GAMMA};
        let (precision, recall) = (self.caption.weighted_share(), self.reference.weighted_share());
        if precision == 0.0 || recall == 0.0 {
            return 0.0;
        }
        let mean = 1.0 / ((1.0 - ALPHA) / precision + ALPHA / recall);
        let fragmentation = self.chunks / ((self.caption.matched_words() + self.reference.matched_words()) / 2.0);
        mean * (1.0 - GAMMA * fragmentation.powf(BETA))
    }

    pub fn to_vector(self) -> Vec<f64> {
        let side = |side: Side| {
            [side.words, side.function_words].into_iter().chain(side.content_matches).chain(side.function_matches)
        };
        side(self.caption).chain(side(self.reference)).chain([self.chunks]).collect()
    }

    /// From the vector form, or a sum of vectors; `None` where the length is another.
    pub fn from_vector(vector: &[f64]) -> Option<Statistics> {
        let side = |vector: &[f64; 10]| {
            let [words, function_words, c0, c1, c2, c3, f0, f1, f2, f3] = *vector;
            Side { words, function_words, content_matches: [c0, c1, c2, c3], function_matches: [f0, f1, f2, f3] }
        };
        let (caption, rest) = vector.split_first_chunk::<10>()?;
        let (reference, rest) = rest.split_first_chunk::<10>()?;
        let [chunks] = *rest else { return None };
        Some(Statistics { caption: side(caption), reference: side(reference), chunks })
    }
}

impl Side {
    fn count(sentence: &Sentence, vocabulary: &Vocabulary) -> Side {
        let function_words = sentence.words.iter().filter(|word| vocabulary.word(**word).function_word).count();
        Side { words: sentence.words.len() as f64, function_words: function_words as f64, ..Side::default() }
    }

    fn add(&mut self, sentence: &Sentence, range: std::ops::Range<u32>, module: Module, vocabulary: &Vocabulary) {
        let module = match module {
            Module::Exact => 0,
            Module::Stem => 1,
            Module::Synonym => 2,
            Module::Paraphrase | Module::ReversedParaphrase => 3,
        };
        for word in &sentence.words[range.start as usize..range.end as usize] {
            let function_word = vocabulary.word(*word).function_word;
            let counts = if function_word { &mut self.function_matches } else { &mut self.content_matches };
            counts[module] += 1.0;
        }
    }

    fn matched_words(&self) -> f64 {
        self.content_matches.iter().chain(&self.function_matches).sum()
    }

    fn is_matched_whole(&self) -> bool {
        self.matched_words() == self.words
    }

    /// Precision or recall: the share of matched words, by module's and word's weight.
    fn weighted_share(&self) -> f64 {
        use parameters::{DELTA, MODULES};
        let words = DELTA * (self.words - self.function_words) + (1.0 - DELTA) * self.function_words;
        if words == 0.0 {
            return 0.0;
        }
        let matches = MODULES.iter().zip(self.content_matches.iter().zip(self.function_matches));
        matches.map(|(weight, (content, function))| weight * (DELTA * content + (1.0 - DELTA) * function)).sum::<f64>()
            / words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The jar's statistics of `a man in front of a house` against `a man before a house`, and what it makes of them.
    fn example(chunks: f64) -> Statistics {
        Statistics {
            caption: Side {
                words: 5.0,
                function_words: 2.0,
                content_matches: [2.0, 0.0, 0.0, 1.0],
                function_matches: [1.0, 0.0, 0.0, 1.0],
            },
            reference: Side {
                words: 7.0,
                function_words: 4.0,
                content_matches: [2.0, 0.0, 0.0, 1.0],
                function_matches: [1.0, 0.0, 0.0, 3.0],
            },
            chunks,
        }
    }

    #[test]
    fn scores_are_the_jars_for_the_same_statistics() {
        assert!((example(0.0).score() - 0.8210283454185895).abs() < 1e-12);
        assert!((example(2.0).score() - 0.4255841996681475).abs() < 1e-12);
    }

    #[test]
    fn nothing_matched_or_nothing_said_scores_0() {
        assert_eq!(Statistics::default().score(), 0.0);
        let unmatched = Side { content_matches: [0.0; 4], function_matches: [0.0; 4], ..example(0.0).caption };
        assert_eq!(Statistics { caption: unmatched, ..example(0.0) }.score(), 0.0);
    }

    #[test]
    fn the_vector_form_is_read_back() {
        let vector = example(2.0).to_vector();
        assert_eq!(vector.len(), Statistics::LENGTH);
        assert_eq!(Statistics::from_vector(&vector), Some(example(2.0)));
        assert_eq!(Statistics::from_vector(&vector[1..]), None);
    }
}
