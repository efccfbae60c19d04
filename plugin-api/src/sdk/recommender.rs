//! Recommenders: from interactions and item features to ranked items.

use super::{Host, PluginError, Result, Settings};
use serde::{Deserialize, Serialize};

/// What a recommender is made with.
#[derive(Clone)]
pub struct RecommenderConfig {
    /// Of everything random in it.
    pub seed: u64,
    /// CPU threads; 0 is one a core. The result must not depend on it.
    pub threads: usize,
    /// One trial's parameters, as in the experiment's file.
    pub settings: Settings,
    pub host: Host,
}

/// What a recommender says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecommenderDescription {
    /// It learns from item features and cannot do without.
    #[serde(default)]
    pub needs_features: bool,
    /// Epochs of a whole fit; 0: it is fitted in one step.
    #[serde(default)]
    pub epochs: usize,
}

/// Who has what: training interactions, users in rows, compressed.
#[derive(Debug, Clone, Copy)]
pub struct Interactions<'a> {
    items: usize,
    offsets: &'a [u64],
    indices: &'a [u32],
    values: &'a [f32],
}

impl<'a> Interactions<'a> {
    /// `offsets` is `[users + 1]`; user `u` has the items `indices[offsets[u]..offsets[u + 1]]`, ascending and distinct, with the ratings
    /// `values[…]`, or with 1 everywhere if `values` is empty.
    ///
    /// # Errors
    /// The slices do not fit each other, or an item is out of range.
    pub fn new(items: usize, offsets: &'a [u64], indices: &'a [u32], values: &'a [f32]) -> Result<Self> {
        let whole = offsets.first() == Some(&0)
            && offsets.last() == Some(&(indices.len() as u64))
            && offsets.is_sorted()
            && (values.is_empty() || values.len() == indices.len())
            && indices.iter().all(|item| (*item as usize) < items);
        if !whole {
            return Err(PluginError::internal("the interactions' slices do not fit each other"));
        }
        Ok(Interactions { items, offsets, indices, values })
    }

    pub(crate) fn trusted(items: usize, offsets: &'a [u64], indices: &'a [u32], values: &'a [f32]) -> Self {
        Interactions { items, offsets, indices, values }
    }

    pub fn users(&self) -> usize {
        self.offsets.len() - 1
    }

    pub fn items(&self) -> usize {
        self.items
    }

    /// Interactions in all.
    pub fn count(&self) -> usize {
        self.indices.len()
    }

    /// A user's items, ascending.
    pub fn row(&self, user: usize) -> &'a [u32] {
        &self.indices[self.offsets[user] as usize..self.offsets[user + 1] as usize]
    }

    /// A user's ratings, in the order of [`Interactions::row`]; empty if all are 1.
    pub fn ratings(&self, user: usize) -> &'a [f32] {
        if self.values.is_empty() {
            return &[];
        }
        &self.values[self.offsets[user] as usize..self.offsets[user + 1] as usize]
    }

    pub fn offsets(&self) -> &'a [u64] {
        self.offsets
    }

    pub fn indices(&self) -> &'a [u32] {
        self.indices
    }

    pub fn values(&self) -> &'a [f32] {
        self.values
    }
}

/// One modality's features of all items.
#[derive(Debug, Clone, Copy)]
pub struct Features<'a> {
    pub name: &'a str,
    pub width: usize,
    /// `[items, width]`; a row of an item without features holds what the experiment's policy put there.
    pub values: &'a [f32],
    /// `[items]`: 0 where an item has no features of its own.
    pub present: &'a [u8],
}

impl<'a> Features<'a> {
    pub fn row(&self, item: usize) -> &'a [f32] {
        &self.values[item * self.width..][..self.width]
    }
}

/// How far a fit has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitStep {
    /// Epochs so far.
    pub epoch: usize,
    /// Nothing is left to fit.
    pub finished: bool,
    /// The last epoch's mean loss.
    pub loss: Option<f64>,
}

impl FitStep {
    /// Of a recommender that is fitted in one step.
    pub fn whole() -> FitStep {
        FitStep { epoch: 0, finished: true, loss: None }
    }
}

/// Ranks items for users.
///
/// The host calls `fit` until it is finished, with the same interactions and features each time, and may rank in between: a model of many
/// epochs is judged on validation every few of them, and the best state is kept (`keep`) and brought back (`restore`). All indices
/// are the host's, from 0. Long loops look at [`Host::cancelled`].
pub trait Recommender: Send + Sync + 'static {
    fn describe(&self) -> RecommenderDescription {
        RecommenderDescription::default()
    }

    /// Fits on, by at most `epochs` epochs.
    fn fit(&mut self, train: Interactions<'_>, features: &[Features<'_>], epochs: usize) -> Result<FitStep>;

    /// Remembers the parameters as they are. A recommender that is fitted in one step has nothing to do.
    fn keep(&mut self) -> Result<()> {
        Ok(())
    }

    /// Goes back to the remembered parameters.
    fn restore(&mut self) -> Result<()> {
        Ok(())
    }

    /// Writes the scores of all items for `users`, `[users, items]`; more is better.
    fn score(&self, train: Interactions<'_>, users: &[u32], scores: &mut [f64]) -> Result<()>;

    /// The best `count` items of each user that are not among the user's training items, best first; of equal scores the lower index is
    /// the better. Items whose score is −∞ or no number are never ranked. The default ranks what [`Recommender::score`] gives.
    fn top(&self, train: Interactions<'_>, users: &[u32], count: usize) -> Result<Vec<Vec<Ranked>>> {
        const BLOCK: usize = 64;
        let mut scores = vec![0.0; BLOCK.min(users.len()) * train.items()];
        let mut lists = Vec::with_capacity(users.len());
        for block in users.chunks(BLOCK) {
            let scores = &mut scores[..block.len() * train.items()];
            self.score(train, block, scores)?;
            for (user, scores) in block.iter().zip(scores.chunks_exact(train.items().max(1))) {
                lists.push(best_unseen(scores, train.row(*user as usize), count));
            }
        }
        Ok(lists)
    }
}

/// An item and its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    pub item: u32,
    pub score: f64,
}

impl Ranked {
    /// Better first: by score, then by index.
    pub fn order(&self, other: &Ranked) -> std::cmp::Ordering {
        other.score.total_cmp(&self.score).then(self.item.cmp(&other.item))
    }
}

/// The best `count` of `scores` (one an item), without the items of `seen` (ascending).
pub fn best_unseen(scores: &[f64], seen: &[u32], count: usize) -> Vec<Ranked> {
    let mut best = Best::new(count);
    let mut seen = seen.iter().copied().peekable();
    for (item, score) in scores.iter().enumerate() {
        let item = item as u32;
        if seen.next_if_eq(&item).is_none() {
            best.offer(Ranked { item, score: *score });
        }
    }
    best.finish()
}

/// Keeps the best few of many.
#[derive(Debug)]
pub struct Best {
    count: usize,
    /// At most twice `count`, cut back now and then.
    kept: Vec<Ranked>,
    /// The worst that still counts, once `count` are known.
    bar: Option<Ranked>,
}

impl Best {
    pub fn new(count: usize) -> Best {
        Best { count, kept: Vec::with_capacity(count.saturating_mul(2).min(1 << 16)), bar: None }
    }

    pub fn offer(&mut self, ranked: Ranked) {
        let hopeless = self.bar.is_some_and(|bar| ranked.order(&bar).is_gt());
        if self.count == 0 || hopeless || ranked.score.is_nan() || ranked.score == f64::NEG_INFINITY {
            return;
        }
        self.kept.push(ranked);
        if self.kept.len() >= self.count.saturating_mul(2) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.kept.len() >= self.count && self.count > 0 {
            self.kept.select_nth_unstable_by(self.count - 1, Ranked::order);
            self.kept.truncate(self.count);
            self.bar = Some(self.kept[self.count - 1]);
        }
    }

    /// The best, in order.
    pub fn finish(mut self) -> Vec<Ranked> {
        self.cut();
        self.kept.sort_unstable_by(Ranked::order);
        self.kept
    }
}
