//! The plugin `factors`: recommenders that learn factors of users and items by Bayesian personalised ranking (Rendle et al. 2009).
//!
//! `sampler` draws triples, `batch` groups them, `table` and `dense` hold parameters with their Adam state, `product` multiplies. `training` is the loop of
//! them all and `trained` the recommender around it; `bilinear` is BPRMF and VBPR, `graph` LightGCN and FREEDOM on `adjacency`; `scorer` ranks for all of
//! them. Nothing depends on the number of threads: whatever is summed is summed in one order.

mod adjacency;
mod batch;
mod bilinear;
mod dense;
mod graph;
mod options;
mod product;
mod random;
mod sampler;
mod scorer;
mod table;
mod trained;
mod training;

pub use bilinear::Bilinear;
pub use graph::Graph;
pub use options::{BilinearOptions, GraphOptions};
pub use trained::Trained;

use plugin_api::{RecommenderConfig, Result};

plugin_api::export_plugin!();

plugin_api::register_recommender!(
    "bpr-mf",
    "matrix factorisation, ranked pairwise (Rendle et al. 2009)",
    |config: &RecommenderConfig| -> Result<Trained<Bilinear>> { Bilinear::recommender(false, config) }
);

plugin_api::register_recommender!(
    "vbpr",
    "matrix factorisation with item features (He and McAuley 2016)",
    |config: &RecommenderConfig| -> Result<Trained<Bilinear>> { Bilinear::recommender(true, config) }
);

plugin_api::register_recommender!(
    "light-gcn",
    "factors smoothed over the graph of users and items (He et al. 2020)",
    |config: &RecommenderConfig| -> Result<Trained<Graph>> { Graph::recommender(false, config) }
);

plugin_api::register_recommender!(
    "freedom",
    "LightGCN with a frozen graph of items by their features (Zhou and Shen 2023)",
    |config: &RecommenderConfig| -> Result<Trained<Graph>> { Graph::recommender(true, config) }
);
