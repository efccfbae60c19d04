//! `host recommend`. `experiment` is the order of work: a file (`config`, `evaluation`, `grid`) becomes a plan (`inputs`, `plan`); features named by a model
//! are embedded (`embedding`, `features`); a log (`blocks`, `lines`, `timestamps`, `log`) is filtered and split (`preparation`, `split`, `by_row`, `data`); every trial is a worker's
//! (`fitting`, `trial`: fit, choose the epoch on validation, save lists); the host chooses on validation, scores the chosen lists on test (`judgement`,
//! `metrics`, `significance`) and tabulates (`results`).

mod blocks;
mod by_row;
mod config;
mod data;
mod embedding;
mod evaluation;
mod experiment;
mod features;
mod fitting;
mod grid;
mod inputs;
mod judgement;
mod lines;
mod log;
mod metrics;
mod plan;
mod preparation;
mod results;
mod significance;
mod split;
mod timestamps;
mod trial;

pub use config::Config;
pub use evaluation::Evaluation;
pub use experiment::{Request, all_failed, recommend};
pub use features::{FeatureSource, Missing};
pub use log::{Columns, Interaction, Log, Names};
pub use plan::RecommendPlan;
pub use results::{Results, collect, write_tables};
pub use trial::{TrialWork, run_trial};

use crate::registry::nearest_or_list;

/// "did you mean `x`?", or what there is.
fn suggestion(name: &str, known: &[&str]) -> String {
    nearest_or_list(name, known)
}
