//! English text: the PTB tokenizer

pub mod conllu;
pub mod evaluate;
pub mod lemma;
pub mod network;
pub mod training;
pub mod tree;
pub mod wordnet;
