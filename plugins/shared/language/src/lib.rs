//! English text: the PTB tokenizer
