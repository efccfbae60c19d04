//! Vision towers: pixels in, one vector a patch out.

mod clip;
mod groups;
mod patches;
mod vit;

pub use clip::{ClipConfig, ClipVision, Layer as ClipLayer};
pub use groups::{group_size, in_groups};
pub use vit::{Vit, VitConfig};
