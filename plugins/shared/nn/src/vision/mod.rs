//! Vision towers: pixels in, one vector a patch out.

mod clip;
mod patches;
mod vit;

pub use clip::{ClipConfig, ClipVision, Layer as ClipLayer};
pub use vit::{Vit, VitConfig};
