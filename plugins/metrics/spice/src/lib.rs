//! The plugin `spice`: captions as scene graphs, compared by F1 over their tuples (Anderson et al. 2016).
//!
//! `dependencies` turns a parse into collapsed dependencies, `scene` those into a graph (Schuster et al. 2015), `matching` compares
//! graphs; here is what the host sees.

pub mod categories;
pub mod dependencies;
pub mod matching;
pub mod metric;
pub mod scene;

pub use matching::{Comparison, compare};
pub use metric::Spice;
pub use scene::{SceneGraph, parse};

use plugin_api::{MetricConfig, Result};

plugin_api::export_plugin!();

plugin_api::register_metric!("spice", "SPICE: F1 over scene graphs", |config: &MetricConfig| -> Result<Spice> {
    config.settings.none().map(|()| Spice)
});
