//! The plugin `attributes`: the share of a caption's attributes that its references hold, and the other way round.
//!
//! What an attribute is, and the vocabulary, is `language::attributes`; here is the metric.

mod metric;

pub use metric::{Attributes, Sets};

plugin_api::export_plugin!();

plugin_api::register_metric!(
    "attributes",
    "attribute-precision and attribute-recall over nouns and adjectives",
    Attributes::new
);
