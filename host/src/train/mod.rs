//! `host train`: the loop of fine-tuning. `options` and `schedule` say what is done, `resolve` finds the plugins and data, `course` starts
//! the worker and follows it (`ask`: or asks what can be asked for another machine), `distance` tells how far it is, `divergence` whether it made the
//! model worse; in the worker `fit` goes through the steps that `order` lays out and keeps `log`, `checkpoints` and plots.
//! Forward, backward and the adapter's files are the plugin's.

mod ask;
mod captions;
mod checkpoints;
mod course;
mod distance;
mod divergence;
mod events;
mod fit;
mod job;
mod log;
mod loss_plot;
mod merge;
mod options;
mod order;
mod plan;
mod resolve;
mod schedule;

pub use ask::{plan_asking, plan_training};
pub use course::{Trained, train};
pub use distance::Distance;
pub use fit::fit;
pub use job::{TrainJob, TrainNews};
pub use log::{Record, read_log};
pub use merge::merge_adapter;
pub use options::TrainOptions;
pub use plan::{TrainPlan, TrainResult};
pub use resolve::{TrainRequest, strategies};
pub use schedule::{Schedule, ScheduleKind};
