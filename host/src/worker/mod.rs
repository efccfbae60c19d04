//! The worker: the same binary as a child process, with one plugin's native code loaded, so that whatever the plugin does costs
//! its own work and not the run. `protocol` is what both sides say, `process` the host's side, `serve` the child's.

mod ahead;
mod captioning;
mod checking;
mod comparing;
mod embedding;
mod picture;
mod process;
mod protocol;
mod resources;
mod scoring;
mod serve;

pub use ahead::load_ahead;
pub use captioning::open_dataset;
pub use checking::check_plugin;
pub use picture::pixels;
pub use process::{Death, Limits, Reply, Worker};
pub use protocol::{
    CaptionItem, CaptionResult, Command, ComponentSpec, EmbedInput, EmbedItem, EmbedResult, Event, ImagePlace,
    PluginFailure, RowsPlace, ScoreCell, ScoreMetric, ScoredCell,
};
pub use resources::{free_space, memory_of_machine};
pub use scoring::{Reported, captioned_items, details_of, make_metric};
pub use serve::{Speaker, serve};
