//! What a Lookbook plugin depends on, and nothing else.
//!
//! Authors use the [`sdk`], re-exported here: plain traits ([`Captioner`], [`Encoder`], [`Metric`], [`Dataset`], [`LoraStrategy`], [`Trainer`],
//! [`Recommender`]),
//! plain types and one error type. The host uses [`abi`], the `#[repr(C)]` shapes that really cross the library's border.
//! `adapter` joins the two. See `docs/plugin-author.md`.

// `#[sabi_trait]` expands to impls inside constants.
#[allow(non_local_definitions)]
pub mod abi;
mod adapter;
pub mod sdk;
pub mod testing;

pub use sdk::*;

/// What the macros expand to; not part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::adapter::{captioner, dataset, encoder, export, lora_strategy, metric, recommender, trainer};
    pub use abi_stable;
    pub use inventory;
}
