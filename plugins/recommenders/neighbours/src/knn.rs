//! UserKNN, ItemKNN and attribute ItemKNN: score = W·R for users and R·W for items, without a denominator.

use crate::matrix::Rows;
use crate::nearest::{Weights, nearest};
use crate::options::Options;
use crate::ranking::SparseScores;
use crate::similarity::Similarity;
use plugin_api::{
    ErrorKind, Features, FitStep, Host, Interactions, PluginError, Ranked, Recommender, RecommenderConfig,
    RecommenderDescription, Result,
};
use rayon::prelude::*;

/// Who is compared to whom, by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Users, by their items.
    Users,
    /// Items, by their users.
    Items,
    /// Items, by their features.
    Attributes,
}

/// A nearest-neighbour recommender.
pub struct Knn {
    side: Side,
    options: Options,
    weights: Weights,
    pool: rayon::ThreadPool,
    host: Host,
}

impl Knn {
    pub fn new(side: Side, config: &RecommenderConfig) -> Result<Knn> {
        let options = Options::read(config)?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(config.threads)
            .build()
            .map_err(|error| PluginError::internal(format!("cannot start threads: {error}")))?;
        Ok(Knn { side, options, weights: Weights::default(), pool, host: config.host })
    }

    fn add(&self, train: Interactions<'_>, user: usize, scores: &mut SparseScores) {
        let implicit = self.options.implicit;
        let rating = |ratings: &[f32], place: usize| match ratings.get(place) {
            Some(rating) if !implicit => f64::from(*rating),
            _ => 1.0,
        };
        match self.side {
            Side::Users => {
                for (other, weight) in self.weights.row(user) {
                    let ratings = train.ratings(other as usize);
                    for (place, item) in train.row(other as usize).iter().enumerate() {
                        scores.add(*item, weight * rating(ratings, place));
                    }
                }
            }
            Side::Items | Side::Attributes => {
                let ratings = train.ratings(user);
                for (place, item) in train.row(user).iter().enumerate() {
                    let own = rating(ratings, place);
                    for (other, weight) in self.weights.row(*item as usize) {
                        scores.add(other, own * weight);
                    }
                }
            }
        }
    }
}

/// Users between two looks at the host.
const BATCH: usize = 8192;

impl Recommender for Knn {
    fn describe(&self) -> RecommenderDescription {
        RecommenderDescription { needs_features: self.side == Side::Attributes, epochs: 0 }
    }

    fn fit(&mut self, train: Interactions<'_>, features: &[Features<'_>], _epochs: usize) -> Result<FitStep> {
        let implicit = self.options.implicit || self.options.similarity.is_boolean();
        let similarity = Similarity::new(&self.options);
        let (count, alpha, host) = (self.options.neighbours, self.options.asymmetric_alpha, self.host);
        self.weights = self.pool.install(|| match self.side {
            Side::Users => {
                let rows = Rows::of(train, implicit);
                nearest(&rows, &rows.transposed(), &similarity, count, alpha, host)
            }
            Side::Items => {
                let columns = Rows::of(train, implicit);
                nearest(&columns.transposed(), &columns, &similarity, count, alpha, host)
            }
            Side::Attributes => {
                if features.is_empty() {
                    return Err(PluginError::configuration("attribute-item-knn compares items by their features")
                        .help("name some: features = [\"…\"]"));
                }
                let mut rows = Rows::of_features(train.items(), features);
                if implicit {
                    rows.values = Vec::new().into();
                }
                nearest(&rows, &rows.transposed(), &similarity, count, alpha, host)
            }
        })?;
        Ok(FitStep::whole())
    }

    fn score(&self, train: Interactions<'_>, users: &[u32], scores: &mut [f64]) -> Result<()> {
        let items = train.items();
        if items == 0 {
            return Ok(());
        }
        self.pool.install(|| {
            users.par_iter().zip(scores.par_chunks_exact_mut(items)).for_each_init(
                || SparseScores::new(items),
                |sparse, (user, row)| {
                    self.add(train, *user as usize, sparse);
                    sparse.write(row);
                },
            );
        });
        Ok(())
    }

    fn top(&self, train: Interactions<'_>, users: &[u32], count: usize) -> Result<Vec<Vec<Ranked>>> {
        let mut lists = Vec::with_capacity(users.len());
        for batch in users.chunks(BATCH) {
            if self.host.cancelled() {
                return Err(PluginError::new(ErrorKind::Internal, "stopped on request"));
            }
            let found: Vec<Vec<Ranked>> = self.pool.install(|| {
                let each = batch.par_iter().map_init(
                    || SparseScores::new(train.items()),
                    |sparse, user| {
                        self.add(train, *user as usize, sparse);
                        sparse.best(train.row(*user as usize), count)
                    },
                );
                each.collect()
            });
            lists.extend(found);
        }
        Ok(lists)
    }
}
