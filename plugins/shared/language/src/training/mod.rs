//! Training of the analyser from a treebank. Only the training command uses it.

mod gradient;
mod linear;
mod lstm;
mod optimizer;
mod parser;
mod vectors;

pub use gradient::Dropout;
pub use parser::{Plan, Trained, reparse, train};
