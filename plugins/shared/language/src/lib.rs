//! English text: the PTB tokenizer (`ptb`), the analyser (`analyse`: words, tags, lemmas, trees), WordNet.

pub mod analysis;
pub mod attributes;
pub mod boundaries;
pub mod conllu;
pub mod evaluate;
pub mod lemma;
mod mending;
pub mod network;
pub mod ptb;
pub mod training;
pub mod tree;
pub mod wordnet;

pub use analysis::{Analysis, Sentence, Token, analyse, rewrite_conllu, text_to_conllu};
