//! CIDEr and CIDEr-D (Vedantam, Zitnick and Parikh 2015): cosines of n-gram counts, weighted by how few items use an n-gram. The weights
//! come from `frequencies`.

use crate::frequencies::{Frequencies, Place};
use crate::windows::{self, ORDERS, Window, grams, tag};
use crate::words::{LAST_WORD, NO_WORD, Words, read, too_many};
use plugin_api::{Host, ItemScore, Metric, MetricItem, MetricValue, PluginError, ReferenceSet, Result};
use std::cell::RefCell;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Which of the paper's two metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// CIDEr-D: a candidate's count is clipped to the reference's, and another length is penalised. What is reported as CIDEr nearly
    /// everywhere.
    D,
    /// CIDEr as first defined.
    Plain,
}

/// The metrics `cider` and `cider-plain`; the corpus value is the mean.
pub struct Cider {
    variant: Variant,
    host: Host,
    words: Words,
    numbers: Vec<u32>,
    items: u32,
    /// The references' windows, tagged with their item's number, until they are counted at the first score.
    observed: Mutex<Vec<Window>>,
    frequencies: OnceLock<Frequencies>,
}

/// The penalty's deviation in words.
const SIGMA: f64 = 6.0;

impl Cider {
    pub fn new(variant: Variant, host: Host) -> Cider {
        Cider {
            variant,
            host,
            words: Words::default(),
            numbers: Vec::new(),
            items: 0,
            observed: Mutex::default(),
            frequencies: OnceLock::new(),
        }
    }

    fn name(&self) -> (&'static str, &'static str) {
        match self.variant {
            Variant::D => ("cider", "CIDEr"),
            Variant::Plain => ("cider-plain", "CIDEr (plain)"),
        }
    }

    fn count(&self) -> Frequencies {
        if self.items <= 1 {
            self.host.warn(&format!(
                "{} is 0 for a corpus of one item: an n-gram weighs more the fewer of the items use it, and nothing when all do",
                self.name().1
            ));
        }
        let windows = std::mem::take(&mut *self.observed.lock().unwrap_or_else(PoisonError::into_inner));
        Frequencies::count(windows, self.items)
    }
}

impl Metric for Cider {
    fn values(&self) -> Vec<MetricValue> {
        let (name, heading) = self.name();
        vec![MetricValue::score(name, heading)]
    }

    fn observe(&mut self, truth: &ReferenceSet<'_>) -> Result<()> {
        if self.frequencies.get().is_some() {
            return Err(PluginError::internal("an item was shown to CIDEr after the first was scored"));
        }
        let windows = self.observed.get_mut().unwrap_or_else(PoisonError::into_inner);
        for reference in truth.references() {
            read(reference, &mut self.numbers, |word| self.words.number(word))?;
            windows::push(windows, &self.numbers, self.items);
        }
        self.items = self.items.checked_add(1).ok_or_else(|| PluginError::data("there are more than 2^32 items"))?;
        Ok(())
    }

    fn score(&self, item: &MetricItem<'_>) -> Result<ItemScore> {
        thread_local! {
            static COMPARISON: RefCell<Comparison> = RefCell::default();
        }
        let frequencies = self.frequencies.get_or_init(|| self.count());
        let value = COMPARISON.with_borrow_mut(|comparison| {
            comparison.read(item, &self.words)?;
            comparison.weigh(frequencies, self.variant);
            Ok::<_, PluginError>(comparison.value(self.variant))
        })?;
        Ok(ItemScore::mean([value]))
    }
}

/// What scoring an item needs, kept from item to item. Text 0 is the candidate, the references follow.
#[derive(Default)]
struct Comparison {
    /// The item's words that no reference of the corpus has; numbered behind the corpus's.
    new_words: Words,
    numbers: Vec<u32>,
    windows: Vec<Window>,
    texts: Vec<Vector>,
    /// How often the n-gram at hand occurs in each text; all 0 between n-grams.
    counts: Vec<u32>,
}

/// What is summed of a text's vectors for n = 1…4.
#[derive(Clone, Copy, Default)]
struct Vector {
    bigrams: usize,
    squared_norms: [f64; ORDERS],
    /// With the candidate's vectors.
    products: [f64; ORDERS],
}

impl Comparison {
    fn read(&mut self, item: &MetricItem<'_>, corpus: &Words) -> Result<()> {
        let Comparison { new_words, numbers, windows, texts, counts } = self;
        new_words.clear();
        windows.clear();
        texts.clear();
        for (number, text) in std::iter::once(item.candidate()).chain(item.references()).enumerate() {
            read(text, numbers, |word| match corpus.find(word) {
                NO_WORD => {
                    let number = corpus.count() + new_words.number(word)?;
                    if number > LAST_WORD { Err(too_many()) } else { Ok(number) }
                }
                number => Ok(number),
            })?;
            windows::push(windows, numbers, number as u32);
            texts.push(Vector { bigrams: grams(numbers.len(), 1), ..Vector::default() });
        }
        windows.sort_unstable();
        counts.clear();
        counts.resize(texts.len(), 0);
        Ok(())
    }

    /// Sums norms and products. An n-gram's component is its count times its weight.
    fn weigh(&mut self, frequencies: &Frequencies, variant: Variant) {
        let Comparison { windows, texts, counts, .. } = self;
        windows::walk(windows, Place::TOP, &mut |order, word, parent, run| {
            let (weight, place) = frequencies.weight(parent, word);
            let weight = weight * weight;
            if let [window] = run {
                texts[tag(*window)].squared_norms[order] += weight;
                return Some(place);
            }
            run.iter().for_each(|window| counts[tag(*window)] += 1);
            let candidate = f64::from(counts[0]);
            for window in run {
                let count = f64::from(std::mem::take(&mut counts[tag(*window)]));
                let text = &mut texts[tag(*window)];
                text.squared_norms[order] += weight * count * count;
                let shared = if variant == Variant::D { candidate.min(count) } else { candidate };
                text.products[order] += weight * shared * count;
            }
            Some(place)
        });
    }

    /// 10 × the mean over references and n of the cosines.
    fn value(&self, variant: Variant) -> f64 {
        let Some((candidate, references)) = self.texts.split_first() else { return 0.0 };
        let mut sum = 0.0;
        for reference in references {
            let mut cosines = 0.0;
            for order in 0..ORDERS {
                let norms = candidate.squared_norms[order].sqrt() * reference.squared_norms[order].sqrt();
                if norms > 0.0 {
                    cosines += reference.products[order] / norms;
                }
            }
            if variant == Variant::D {
                let difference = candidate.bigrams.abs_diff(reference.bigrams) as f64;
                cosines *= (-difference * difference / (2.0 * SIGMA * SIGMA)).exp();
            }
            sum += cosines;
        }
        10.0 * sum / ORDERS as f64 / references.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::LogLevel;
    use plugin_api::testing::{Recorder, TestItem, score};

    fn values(variant: Variant, items: &[TestItem]) -> Vec<f64> {
        let scored = score(&mut Cider::new(variant, Host::silent()), items).unwrap();
        scored.items.iter().map(|item| item.values[0]).collect()
    }

    #[track_caller]
    fn close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-12, "{actual}, not {expected}");
    }

    #[test]
    fn a_small_corpus_scores_as_worked_out_by_hand() {
        // N = 2. "a" and "b" are in both items' references and weigh 0, as does "a b"; all else weighs ln 2.
        let items = [TestItem::new("a b c c d", &["a b c d"]), TestItem::new("a b", &["a b e", "b a a b"])];
        // c twice and d against c and d; "b c", "c c", "c d" against "b c", "c d"; "a b c", "b c c", "c c d" against "a b c", "b c d";
        // "a b c c", "b c c d" against "a b c d". All in units of ln 2, which the cosines lose.
        let bigrams = 2.0 / (3.0_f64.sqrt() * 2.0_f64.sqrt());
        let trigrams = 1.0 / (3.0_f64.sqrt() * 2.0_f64.sqrt());
        let plain = 10.0 * (3.0 / (5.0_f64.sqrt() * 2.0_f64.sqrt()) + bigrams + trigrams) / 4.0;
        let penalty = (-1.0_f64 / 72.0).exp();
        let clipped = 10.0 * penalty * (2.0 / (5.0_f64.sqrt() * 2.0_f64.sqrt()) + bigrams + trigrams) / 4.0;
        let found = values(Variant::Plain, &items);
        close(found[0], plain);
        close(found[1], 0.0);
        let found = values(Variant::D, &items);
        close(found[0], clipped);
        close(found[1], 0.0);
    }

    #[test]
    fn the_penalty_counts_bigrams_and_so_none_in_captions_of_one_word_or_none() {
        let rest = TestItem::new("x", &["y"]);
        // One word is as long as none, and two words are one longer.
        let of = |reference| values(Variant::D, &[TestItem::new("c", &[reference]), rest.clone()])[0];
        close(of("c"), 2.5);
        close(of("c d"), 2.5 / 2.0_f64.sqrt() * (-1.0_f64 / 72.0).exp());
    }

    #[test]
    fn words_that_no_reference_has_lengthen_the_candidates_vector() {
        let rest = TestItem::new("x", &["y"]);
        let of = |candidate| values(Variant::Plain, &[TestItem::new(candidate, &["c"]), rest.clone()])[0];
        close(of("c new"), 2.5 / 2.0_f64.sqrt());
        close(of("c new newer"), 2.5 / 3.0_f64.sqrt());
        // A repeated new word counts twice, squared.
        close(of("c new new"), 2.5 / 5.0_f64.sqrt());
    }

    #[test]
    fn a_corpus_of_one_item_scores_zero_with_one_warning() {
        for variant in [Variant::D, Variant::Plain] {
            let recorder = Recorder::new();
            let mut cider = Cider::new(variant, recorder.host());
            assert_eq!(score(&mut cider, &[TestItem::new("a dress", &["a dress"])]).unwrap().corpus, [0.0]);
            let messages = recorder.messages();
            assert_eq!(messages.len(), 1, "{messages:?}");
            assert_eq!(messages[0].0, LogLevel::Warning);
            assert!(messages[0].1.contains("one item"), "{messages:?}");
        }
    }

    #[test]
    fn a_corpus_of_two_items_has_no_warning_and_takes_no_third_once_it_is_scored() {
        let recorder = Recorder::new();
        let mut cider = Cider::new(Variant::D, recorder.host());
        let items = [TestItem::new("a dress", &["a dress"]), TestItem::new("jeans", &["jeans"])];
        score(&mut cider, &items).unwrap();
        assert_eq!(recorder.messages(), []);
        let error = score(&mut cider, &items).unwrap_err();
        assert!(error.message.contains("after the first was scored"), "{error}");
    }
}
