//! Weights: from a Hugging Face directory of safetensors files to tensors on a device, and the list of what a model expects.
//! What the tensors mean is the models' affair.

mod checkpoint;
mod convert;
mod examine;
mod loader;
mod names;
mod write;

pub use checkpoint::{Checkpoint, StoredTensor};
pub use convert::{all_finite, f32_numbers};
pub use examine::{Examined, examine};
pub use loader::{Expected, Loader};
pub use names::{canonical, canonical_module};
pub use write::{write_safetensors, write_stored, write_text};
