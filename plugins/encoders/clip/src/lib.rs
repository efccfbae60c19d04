//! The CLIP encoder (Radford et al. 2021): images and texts in one space, from any Hugging Face directory. The layers are the `nn`
//! library's.

mod config;
mod encoder;
mod model;

pub use config::{ClipModelConfig, TextConfig};
pub use encoder::{Batch, ClipEncoder};
pub use model::Clip;

plugin_api::register_encoder!(
    "clip",
    "CLIP: images and texts in one space, from a Hugging Face directory",
    &["clip"],
    ClipEncoder::load
);

plugin_api::export_plugin!();
