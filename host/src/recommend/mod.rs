//! `host recommend`: an experiment's file (`config`, `grid`) becomes a plan (`plan`); a log (`log`) is filtered and split (`split`, `data`); every trial is a worker's
//! (`trial`: fit, choose the epoch on validation, save lists); the host chooses on validation, scores the chosen lists on test (`metrics`, `significance`) and
//! tabulates (`results`). `experiment` is the order of work.

mod config;
mod data;
mod experiment;
mod features;
mod grid;
mod log;
mod metrics;
mod plan;
mod results;
mod significance;
mod split;
mod trial;

pub use config::{Config, Evaluation};
pub use experiment::{Request, all_failed, recommend};
pub use features::{FeatureSource, Missing};
pub use log::Columns;
pub use plan::RecommendPlan;
pub use results::{Results, collect, write_tables};
pub use trial::{TrialWork, run_trial};

use crate::registry::nearest_or_list;

/// "did you mean `x`?", or what there is.
fn suggestion(name: &str, known: &[&str]) -> String {
    nearest_or_list(name, known)
}
