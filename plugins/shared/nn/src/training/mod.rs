//! Fine-tuning with low-rank adapters: a forward pass that remembers what the backward pass needs, the loss, the optimizer, and the
//! state that a resumed run goes on from. The models run their blocks on a [`Tape`]; what a batch is, the plugins say.
//!
//! The backward pass is written by hand, one rule an operation, and not burn's `autodiff`: the base is frozen, so a few coarse
//! operations are all there is, each keeps only its inputs, blocks can be recomputed whole, and plugins build without a second
//! backend. Tests hold every rule against finite differences, and whole trainings against PEFT.

mod adapters;
mod loss;
mod merge;
mod operations;
mod optimizer;
mod session;
mod tape;

pub use adapters::PathOf;
pub use loss::Labels;
pub use merge::merge;
pub use operations::{Attention, Heads};
pub use session::{Batch, Learner, Session};
pub use tape::{Gradients, Mode, Tape, Var};
