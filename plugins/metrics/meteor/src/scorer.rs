//! METEOR itself: a caption and its references in, the statistics and score of the best reference out. Knows nothing of the
//! plugin interface.

use crate::aligner::{Aligner, Rules};
use crate::matches::{self, Match, Sentence};
use crate::normalise::normalise;
use crate::statistics::Statistics;
use crate::vocabulary::Vocabulary;
use meteor_data::{Lexicon, Paraphrases};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

/// A caption that repeats words so often that it cannot be aligned: see [`matches::MOST_MATCHES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the caption and a reference have more than {} pairs of matching words", matches::MOST_MATCHES)]
pub struct TooManyMatches;

/// What METEOR finds of a caption.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// Against the reference with the highest score; the earlier one where several have it.
    pub statistics: Statistics,
    /// 0…1.
    pub score: f64,
}

/// Buffers for more matches than this are not kept.
const MOST_KEPT: usize = 1 << 16;

/// A scorer; may be used from several threads at once.
pub struct Scorer {
    lexicon: Lexicon,
    paraphrases: Option<Paraphrases>,
    rules: Rules,
    /// Grows with every new word, and is mostly read.
    vocabulary: RwLock<Vocabulary>,
    /// Buffers of threads that are not scoring just now.
    idle: Mutex<Vec<Buffers>>,
}

#[derive(Default)]
struct Buffers {
    caption: Sentence,
    references: Vec<Sentence>,
    matches: Vec<Match>,
    aligner: Aligner,
}

impl Scorer {
    pub fn new(lexicon: Lexicon, paraphrases: Option<Paraphrases>, rules: Rules) -> Scorer {
        let vocabulary = RwLock::new(Vocabulary::new(&lexicon));
        Scorer { lexicon, paraphrases, rules, vocabulary, idle: Mutex::default() }
    }

    /// Scores a caption; both sides are normalised first. Without references the score is 0.
    ///
    /// # Errors
    /// [`TooManyMatches`].
    pub fn score<'a>(
        &self,
        caption: &str,
        references: impl IntoIterator<Item = &'a str>,
    ) -> Result<Segment, TooManyMatches> {
        let mut buffers = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let mut count = 0;
        self.read(caption, &mut buffers.caption);
        for reference in references {
            if buffers.references.len() == count {
                buffers.references.push(Sentence::default());
            }
            self.read(reference, &mut buffers.references[count]);
            count += 1;
        }
        let segment = self.best(&mut buffers, count);
        // A caption out of all proportion leaves buffers of megabytes; they go with it.
        if buffers.matches.capacity() <= MOST_KEPT {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(buffers);
        }
        segment
    }

    fn vocabulary(&self) -> RwLockReadGuard<'_, Vocabulary> {
        self.vocabulary.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Turns a text into the numbers of its words.
    fn read(&self, text: &str, sentence: &mut Sentence) {
        let words = &mut sentence.words;
        words.clear();
        let mut all_known = true;
        let vocabulary = self.vocabulary();
        normalise(text, |token| match vocabulary.number(token) {
            Some(number) => words.push(number),
            None => all_known = false,
        });
        drop(vocabulary);
        if !all_known {
            words.clear();
            let mut vocabulary = self.vocabulary.write().unwrap_or_else(PoisonError::into_inner);
            normalise(text, |token| words.push(vocabulary.insert(token, &self.lexicon, self.paraphrases.as_ref())));
        }
    }

    fn best(&self, buffers: &mut Buffers, references: usize) -> Result<Segment, TooManyMatches> {
        let vocabulary = self.vocabulary();
        let Buffers { caption, references: all, matches, aligner } = buffers;
        let table = self.paraphrases.as_ref();
        if let Some(table) = table {
            caption.find_phrases(&vocabulary, table);
        }
        let mut best: Option<Segment> = None;
        for reference in &mut all[..references] {
            if let Some(table) = table {
                reference.find_phrases(&vocabulary, table);
            }
            if !matches::find(caption, reference, &vocabulary, table, matches) {
                return Err(TooManyMatches);
            }
            let (chosen, chunks) = aligner.align(matches, caption.words.len(), reference.words.len(), self.rules);
            let statistics = Statistics::count(caption, reference, chosen, chunks, &vocabulary);
            let score = statistics.score();
            if best.is_none_or(|best| score > best.score) {
                best = Some(Segment { statistics, score });
            }
        }
        Ok(best.unwrap_or(Segment { statistics: Statistics::default(), score: 0.0 }))
    }
}
