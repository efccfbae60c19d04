//! Vision towers: pixels in, one vector a patch out.

mod clip;
mod groups;
mod patches;
mod vit;

pub use clip::{ClipConfig, ClipVision, Layer as ClipLayer};
pub use groups::{in_groups, learnt, seen_at_once};
pub use vit::{Vit, VitConfig};
