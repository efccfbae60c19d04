//! Joins the SDK's traits to the ABI's objects: one file a kind. Every entry point catches panics here, because one that crossed
//! the border would abort the process.

mod asset;
mod batches;
mod captioner;
mod dataset;
mod encoder;
mod guard;
mod lora;
mod metric;
mod recommender;
mod root;
mod trainer;
mod weights;

pub use captioner::captioner;
pub use dataset::dataset;
pub use encoder::encoder;
pub use lora::lora_strategy;
pub use metric::metric;
pub use recommender::recommender;
pub use root::export;
pub use trainer::trainer;
