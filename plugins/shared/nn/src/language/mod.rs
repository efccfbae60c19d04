//! Language models: from embeddings to scores of the next token. How tokens are chosen from scores is `generation`'s affair.

mod llama;
mod needs;
mod opt;
mod rotary;
mod state;
mod t5;

pub use llama::{Llama, LlamaConfig};
pub use opt::{Opt, OptConfig};
pub use rotary::Turn;
#[cfg(all(test, feature = "cuda"))]
pub(crate) use rotary::table as rotary_table;
pub use state::{Prompt, State};
pub use t5::{T5, T5Config};

use crate::training::{Labels, Tape, Var};
use burn::tensor::{Int, Tensor};

/// A model that continues a prompt token by token, alone (decoder-only) or with an encoder before it.
pub trait LanguageModel: Send + Sync {
    /// Reads the prompt and scores the first new token: the state to go on from and `[rows, vocabulary]`. The state has room for
    /// `new_tokens` tokens.
    fn start(&self, prompt: Prompt, new_tokens: usize) -> (State, Tensor<2>);

    /// Reads one more token of every row, `[rows]`, and scores the next one: `[rows, vocabulary]`.
    fn step(&self, state: &mut State, tokens: Tensor<1, Int>) -> Tensor<2>;

    /// Scores of the tokens to learn behind a prompt without padding, `[1, counted tokens, vocabulary]`: a decoder reads the prompt and then the
    /// caption; behind an encoder, the encoder reads the prompt and the decoder alone the caption.
    fn learn<'m>(&'m self, tape: &mut Tape<'m>, prompt: &Var, labels: &Labels) -> Var;

    /// The vectors of tokens, `[n, width]`. Every id must be below [`LanguageModel::vocabulary`].
    fn embed(&self, ids: &[u32]) -> Tensor<2>;

    /// Number of tokens with a vector.
    fn vocabulary(&self) -> usize;

    /// How many positions prompt and new tokens may fill together; `None` is no limit.
    fn positions(&self) -> Option<usize>;
}
