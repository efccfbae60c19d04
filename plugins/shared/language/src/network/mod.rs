//! The network that tags and parses: BiLSTM layers over word features; linear heads for tags and lemma rules, a biaffine scorer of
//! arcs (Dozat and Manning 2017) and a scorer of their labels. Here is what runs; how it is trained is in `training`.

pub mod activation;
pub mod features;
mod file;
pub mod matrix;
mod run;
pub mod weights;

pub use file::{ModelError, to_bytes};
pub use run::{Network, Parsed, ParsedWord};
pub use weights::{Inventory, Sizes, Weights};
