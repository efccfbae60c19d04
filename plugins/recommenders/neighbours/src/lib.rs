//! The plugin `neighbours`: Random, MostPop, and the nearest-neighbour recommenders by Elliot's definitions (Anelli et al. 2021,
//! `elliot/recommender/knn`).
//!
//! `matrix` holds compressed rows, `similarity` the measures, `nearest` finds every column's top k, `ranking` scores sparsely, and the recommenders
//! put them together.

mod baselines;
mod knn;
mod matrix;
mod nearest;
mod options;
mod ranking;
mod similarity;

pub use baselines::{MostPop, Random};
pub use knn::{Knn, Side};
pub use options::Options;

use plugin_api::{RecommenderConfig, Result};

plugin_api::export_plugin!();

plugin_api::register_recommender!("random", "unseen items in a seeded random order", |config: &RecommenderConfig| {
    config.settings.none().map(|()| Random::new(config.seed))
});

plugin_api::register_recommender!(
    "most-pop",
    "the items that most users have",
    |config: &RecommenderConfig| -> Result<MostPop> { config.settings.none().map(|()| MostPop::default()) }
);

plugin_api::register_recommender!(
    "user-knn",
    "what the nearest users have",
    |config: &RecommenderConfig| -> Result<Knn> { Knn::new(Side::Users, config) }
);

plugin_api::register_recommender!(
    "item-knn",
    "items near those that the user has, by who has them",
    |config: &RecommenderConfig| -> Result<Knn> { Knn::new(Side::Items, config) }
);

plugin_api::register_recommender!(
    "attribute-item-knn",
    "items near those that the user has, by their features",
    |config: &RecommenderConfig| -> Result<Knn> { Knn::new(Side::Attributes, config) }
);
