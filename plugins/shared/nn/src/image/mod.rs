//! From decoded pixels to what a vision tower reads. Decoding files is the host's work; the towers are in `vision`.

mod config;
mod process;
mod resample;

pub use config::{Filter, ImageConfig, Middle, Resize};
pub use process::{Pixels, prepare};
