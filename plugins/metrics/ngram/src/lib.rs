//! The plugin `ngram`: BLEU, ROUGE-L, CIDEr-D and plain CIDEr, as pycocoevalcap reports them.
//!
//! Each metric has its module. `words` numbers words, `windows` finds the n-grams of numbered texts, `frequencies` says how many items of
//! the corpus have one. Written from the papers and from what the reference does, not from its code.

mod bleu;
mod cider;
mod frequencies;
mod rouge;
mod windows;
mod words;

pub use bleu::Bleu;
pub use cider::{Cider, Variant};
pub use rouge::RougeL;

use plugin_api::{MetricConfig, Result};

plugin_api::export_plugin!();

plugin_api::register_metric!(
    "bleu",
    "BLEU-1 to BLEU-4, closest reference length",
    |config: &MetricConfig| -> Result<Bleu> { config.settings.none().map(|()| Bleu) }
);

plugin_api::register_metric!("rouge-l", "ROUGE-L, F with beta 1.2", |config: &MetricConfig| -> Result<RougeL> {
    config.settings.none().map(|()| RougeL)
});

plugin_api::register_metric!("cider", "CIDEr-D: clipped counts, penalty on length", |config: &MetricConfig| {
    config.settings.none().map(|()| Cider::new(Variant::D, config.host))
});

plugin_api::register_metric!("cider-plain", "CIDEr without clipping and length penalty", |config: &MetricConfig| {
    config.settings.none().map(|()| Cider::new(Variant::Plain, config.host))
});
