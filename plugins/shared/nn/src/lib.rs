//! Layers, weights and generation that the model plugins share, on burn.
//!
//! A model is put together from `vision`, `qformer` and `language`, read by `weights`, fed by `image` and `text`, and run by
//! `generation`. `captioner` makes a whole of them for any family, which a plugin describes.

mod config;
#[cfg(feature = "flex")]
mod cpu;
mod device;
mod error;
#[cfg(feature = "cuda")]
mod gpu;
#[cfg(not(feature = "cuda"))]
mod gpu {
    //! A build without CUDA: no batch ever stands on a GPU.

    pub enum Pace {}
}
pub mod parallel;
mod random;

pub mod adapter;
pub mod captioner;
pub mod generation;
pub mod image;
pub mod language;
pub mod layers;
pub mod memory;
pub mod plugin;
pub mod qformer;
pub mod text;
pub mod training;
pub mod vision;
pub mod weights;

pub use burn::tensor::{Int, Tensor, TensorData};
pub use config::read_json;
pub use device::{Placement, limit_threads};
pub use error::{Error, Result};
