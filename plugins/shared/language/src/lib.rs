//! English text: the PTB tokenizer

pub mod analysis;
pub mod boundaries;
pub mod conllu;
pub mod evaluate;
pub mod lemma;
pub mod network;
pub mod ptb;
pub mod training;
pub mod tree;
pub mod wordnet;

pub use analysis::{Analysis, Sentence, Token, analyse};
