//! METEOR 1.5 for English: normaliser, matchers, aligner and score, written from the papers of Denkowski and Lavie and from
//! what the reference program shows from outside. The word data's formats live in `plugins/shared/meteor-data`.

pub mod aligner;
pub mod matches;
mod metric;
pub mod normalise;
pub mod scorer;
pub mod statistics;
mod synonyms;
pub mod vocabulary;

pub use metric::Meteor;

plugin_api::register_metric!(
    "meteor",
    "METEOR 1.5: exact, stem, synonym and paraphrase matches, aligned",
    Meteor::create
);
plugin_api::register_asset!(
    "meteor",
    "METEOR's paraphrase table (104 MB to fetch)",
    meteor_data::PIP_REQUIREMENT,
    meteor_data::PARAPHRASE_FILE,
    metric::install_paraphrases
);
plugin_api::export_plugin!();
