//! A corpus in memory: every text with its tokens in one arena, in the form that metrics take.

use crate::error::{Error, Result};
use crate::loader::{BatchScores, Metric};
use abi_stable::std_types::{ROption, RSlice, RStr};
use language::ptb::TokenBuffer;
use plugin_api::PluginError;
use plugin_api::abi::{MetricItemRef, ReferenceSetRef, TextRef};
use rayon::prelude::*;

/// Items that a metric is asked for at once.
const CHUNK: usize = 64;

/// Items, each with a candidate and its references, tokenized.
#[derive(Debug, Default)]
pub struct Corpus {
    ids: Vec<String>,
    categories: Vec<Option<String>>,
    /// Item i has `texts[starts[i]]` as its candidate and those up to `starts[i + 1]` as its references.
    texts: Vec<TokenizedText>,
    starts: Vec<usize>,
}

/// A text, and its tokens as one string with their ends.
#[derive(Debug, Default)]
struct TokenizedText {
    raw: String,
    tokens: Box<str>,
    ends: Box<[u32]>,
}

impl TokenizedText {
    /// `buffer` is scratch space of the thread.
    fn new(raw: String, buffer: &mut TokenBuffer) -> TokenizedText {
        buffer.clear();
        language::ptb::tokenize_into(&raw, buffer);
        let mut end = 0;
        let ends = buffer.iter().map(|token| {
            end += token.len() as u32;
            end
        });
        TokenizedText { ends: ends.collect(), tokens: buffer.iter().collect::<String>().into(), raw }
    }

    fn tokens(&self) -> impl Iterator<Item = RStr<'_>> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|end| *end as usize));
        starts.zip(&self.ends).map(|(start, end)| RStr::from_str(&self.tokens[start..*end as usize]))
    }
}

/// One item of a corpus before tokenizing.
#[derive(Debug, Clone, Default)]
pub struct CorpusItem {
    pub id: String,
    pub candidate: String,
    pub references: Vec<String>,
    pub category: Option<String>,
}

impl Corpus {
    /// Tokenizes every text once, in parallel.
    pub fn new(items: Vec<CorpusItem>) -> Corpus {
        let mut corpus = Corpus { starts: vec![0], ..Corpus::default() };
        let mut raw = Vec::new();
        for item in items {
            corpus.ids.push(item.id);
            corpus.categories.push(item.category);
            raw.push(item.candidate);
            raw.extend(item.references);
            corpus.starts.push(raw.len());
        }
        corpus.texts = raw
            .into_par_iter()
            .with_min_len(CHUNK)
            .map_init(TokenBuffer::new, |buffer, text| TokenizedText::new(text, buffer))
            .collect();
        corpus
    }

    /// For checks: `(id, candidate, references)`.
    pub fn from_texts(items: &[(&str, &str, &[&str])]) -> Corpus {
        let item = |(id, candidate, references): &(&str, &str, &[&str])| CorpusItem {
            id: (*id).to_owned(),
            candidate: (*candidate).to_owned(),
            references: references.iter().map(|text| (*text).to_owned()).collect(),
            category: None,
        };
        Corpus::new(items.iter().map(item).collect())
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub fn id(&self, item: usize) -> &str {
        &self.ids[item]
    }

    /// Shows every item's references to the metric, in order.
    pub fn observed_by(&self, metric: &mut Metric) -> Result<()> {
        let all: Vec<usize> = (0..self.len()).collect();
        for chunk in all.chunks(CHUNK) {
            self.with_items(chunk, |items| {
                let truths: Vec<ReferenceSetRef<'_>> = items.iter().map(|item| item.truth).collect();
                metric.observe(&truths)
            })?;
        }
        Ok(())
    }

    /// Scores every item, in parallel.
    pub fn scored_by(&self, metric: &Metric) -> Result<BatchScores> {
        let all: Vec<usize> = (0..self.len()).collect();
        self.scored_in_order(metric, &all)
    }

    /// Scores the items at these places, in this order.
    pub fn scored_in_order(&self, metric: &Metric, places: &[usize]) -> Result<BatchScores> {
        let parts: Result<Vec<BatchScores>, PluginError> =
            places.par_chunks(CHUNK).map(|chunk| self.with_items(chunk, |items| metric.score(items))).collect();
        let parts = parts?;
        let width = parts.iter().map(|part| part.width).max().unwrap_or(0);
        let detailed = parts.iter().any(|part| !part.details.is_empty());
        let mut all = BatchScores { values: Vec::new(), statistics: Vec::new(), width, details: Vec::new() };
        let values_each = metric.values.len().max(1);
        for part in parts {
            if part.width != width {
                return Err(Error::failed("the metric gives items statistics of different lengths"));
            }
            let items = part.values.len() / values_each;
            all.values.extend(part.values);
            all.statistics.extend(part.statistics);
            if detailed {
                let mut details = part.details;
                details.resize(items, String::new());
                all.details.extend(details);
            }
        }
        Ok(all)
    }

    /// Lays these items out as the ABI has them, for the time of the visit.
    fn with_items<T>(&self, places: &[usize], visit: impl FnOnce(&[MetricItemRef<'_>]) -> T) -> T {
        let range = |place: usize| self.starts[place]..self.starts[place + 1];
        let mut tokens: Vec<RStr<'_>> = Vec::new();
        let mut ends = Vec::new();
        for text in places.iter().flat_map(|place| &self.texts[range(*place)]) {
            tokens.extend(text.tokens());
            ends.push(tokens.len());
        }
        let mut begin = 0;
        let mut texts: Vec<TextRef<'_>> = Vec::with_capacity(ends.len());
        for (text, end) in places.iter().flat_map(|place| &self.texts[range(*place)]).zip(&ends) {
            texts.push(TextRef { raw: RStr::from_str(&text.raw), tokens: RSlice::from_slice(&tokens[begin..*end]) });
            begin = *end;
        }
        let mut rest = texts.as_slice();
        let items: Vec<MetricItemRef<'_>> = places
            .iter()
            .map(|place| {
                let (own, others) = rest.split_at(range(*place).len());
                rest = others;
                let category = self.categories[*place].as_deref();
                MetricItemRef {
                    candidate: own[0],
                    truth: ReferenceSetRef {
                        id: RStr::from_str(&self.ids[*place]),
                        references: RSlice::from_slice(&own[1..]),
                        category: category.map_or(ROption::RNone, |name| ROption::RSome(RStr::from_str(name))),
                    },
                }
            })
            .collect();
        visit(&items)
    }
}
