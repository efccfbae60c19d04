//! The shapes that cross a library's border: `#[repr(C)]`, layout-checked by abi_stable when a plugin is opened.
//!
//! They are small and frozen per version. The root module hands out *interfaces* by name (`metric/1`), each checked by itself:
//! a newer host asks for more names, an older plugin simply has fewer, and neither refuses the other. Whatever is open-ended
//! (settings, descriptions) crosses as JSON text; what is hot (pixels, tokens, scores) crosses as slices.

mod asset;
mod captioner;
mod dataset;
mod encoder;
mod failure;
mod host;
mod lora;
pub mod messages;
mod metric;
mod recommender;
mod root;
mod trainer;
mod weights;

pub use asset::*;
pub use captioner::*;
pub use dataset::*;
pub use encoder::*;
pub use failure::*;
pub use host::*;
pub use lora::*;
pub use metric::*;
pub use recommender::*;
pub use root::*;
pub use trainer::*;
pub use weights::*;

/// The version of these shapes; it stands in `registry.lock`.
pub const API_VERSION: &str = env!("CARGO_PKG_VERSION");
