//! Training of the analyser from a treebank. Only the training command uses it.
//!
//! What was tried on the treebank's development part, and what it gave, is in `data/method.md`.

mod boundaries;
mod examples;
mod gradient;
mod linear;
mod lstm;
mod optimizer;
mod parser;
mod templates;
mod vectors;

pub use boundaries::{Running, running_text, train_boundaries};
pub use gradient::Dropout;
pub use parser::{Plan, Trained, Watch, reparse, train};
pub use templates::Lexicon;
