//! The plugin `category`: the share of captions that are classified as their item's true category.
//!
//! The classifier comes with the prepared dataset (`host prepare`); here is the metric.

mod metric;

pub use metric::{CategoryAccuracy, Judgement};

plugin_api::export_plugin!();

plugin_api::register_metric!(
    "category-accuracy",
    "Share of captions classified as their item's category",
    CategoryAccuracy::new
);
