//! Choosing tokens: greedily, at random or with beams, for any language model of this library. One loop serves decoders alone
//! and decoders behind an encoder; what differs stands behind [`LanguageModel`].

mod beam;
mod scores;
mod settings;
mod single;

pub use scores::distribution;
pub use settings::{EarlyStopping, Settings};

use crate::Result;
use crate::language::{LanguageModel, Prompt};

/// A batch to continue.
pub struct Request {
    pub prompt: Prompt,
    /// For every row, the tokens that count as already said for the repetition penalty and for n-grams.
    pub said: Vec<Vec<u32>>,
    /// For every row, what its random draws derive from.
    pub seeds: Vec<u64>,
}

/// What was generated for one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// New tokens only, with the end token if it was reached.
    pub ids: Vec<u32>,
    /// Whether an end token was reached (else the limit on new tokens was).
    pub ended: bool,
}

/// Continues every row of a batch.
///
/// Rows are independent: what a row gets depends neither on its neighbours nor on how many there are, except where a device's
/// kernels round differently by shape. `cancelled` is asked at every token.
///
/// # Errors
/// The prompt with its new tokens exceeds the model's positions, the settings contradict each other, or the user asked to stop.
pub fn generate(
    model: &dyn LanguageModel,
    request: Request,
    settings: &Settings,
    cancelled: &dyn Fn() -> bool,
) -> Result<Vec<Generated>> {
    settings.check()?;
    let [rows, length, _] = request.prompt.embeddings.dims();
    debug_assert!(request.said.len() == rows && request.seeds.len() == rows && request.prompt.padding.len() == rows);
    settings.check_room(length, model.positions())?;
    let limits = settings.limits(if model.positions().is_some() { length } else { 0 });
    if settings.num_beams > 1 {
        beam::search(model, request, settings, limits, cancelled)
    } else {
        single::search(model, request, settings, limits, cancelled)
    }
}

/// How many tokens a row may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    /// No end token before so many.
    least: usize,
    most: usize,
}
