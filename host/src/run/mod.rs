//! The run directory: what lies where, written so that a crash at any moment loses nothing that was saved.

mod directory;
mod files;
mod found;
mod items;
mod journal;
mod kind;
mod lock;
mod merge;
mod plan;
mod predictions;
mod shard;

pub use directory::{CellFailure, RunDir, refuse_other_plan};
pub use files::{
    add_to_digest, clear_unfinished, create_folder, file_digest, hex, replace_file, replace_folder, sync_folder,
};
pub use found::Found;
pub use items::{read_items, write_items};
pub use journal::{Journal, read_journal};
pub use kind::Kind;
pub use lock::RunLock;
pub use merge::merge;
pub use plan::{Environment, Plan, PlannedDataset, PlannedMetric, PlannedModel, PlannedPlugin, differences};
pub use predictions::{Outcome, Prediction, PredictionWriter, read_predictions};
pub use shard::Shard;
