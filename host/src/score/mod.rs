//! From captions and references to scores: texts tokenized once, metrics over them in parallel, corpus values with intervals. Works in
//! memory; who asks for it (a worker, `host score`) brings the texts and takes the results.

mod bootstrap;
mod corpus;
mod family;
mod input;
mod item_scores;
mod paired;
mod results;
#[cfg(test)]
mod scipy_parity;
mod wilcoxon;

pub use bootstrap::{Interval, Resampler};
pub use corpus::{Corpus, CorpusItem};
pub use family::{ScoredFamily, score_whole};
pub use input::ScoreInput;
pub use item_scores::ItemLines;
pub use paired::{PairedComparison, PairedItems, compare, holm, without_noise};
pub use results::{CorpusScore, FamilyScores};
pub use wilcoxon::{ranks, wilcoxon};

use std::path::PathBuf;

/// The resamples behind every interval.
pub const RESAMPLES: usize = 2000;

/// Where installed assets lie: `$LOOKBOOK_ASSETS`, else `lookbook` in the user's data folder.
pub fn assets_dir() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("LOOKBOOK_ASSETS") {
        return Some(PathBuf::from(dir));
    }
    let data = match std::env::var_os("XDG_DATA_HOME") {
        Some(data) => PathBuf::from(data),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".local/share"),
    };
    Some(data.join("lookbook"))
}
