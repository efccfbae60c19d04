//! The plugin `lora-standard`: which linear layers of a model are adapted, at which rank, alpha, dropout and scaling.
//!
//! `selection` says which layers a strategy means, `options` what the registry may set, `strategy` joins the two, and
//! `near_misses` helps where nothing matched.

mod near_misses;
mod options;
mod selection;
mod strategy;

pub use selection::Selection;
pub use strategy::Standard;

use plugin_api::{Result, Settings};

plugin_api::export_plugin!();

plugin_api::register_lora_strategy!(
    "query-value",
    "attention's query and value projections, by name: q, v, q_proj, v_proj",
    |settings: &Settings| -> Result<Standard> { Standard::new("query-value", Selection::QueryValue, settings) }
);

plugin_api::register_lora_strategy!(
    "all-linear",
    "every linear layer but the output head",
    |settings: &Settings| -> Result<Standard> { Standard::new("all-linear", Selection::AllLinear, settings) }
);

plugin_api::register_lora_strategy!(
    "attention",
    "attention's query, key, value and output projections",
    |settings: &Settings| -> Result<Standard> { Standard::new("attention", Selection::Attention, settings) }
);

plugin_api::register_lora_strategy!(
    "mlp",
    "the linear layers of the feed-forward blocks",
    |settings: &Settings| -> Result<Standard> { Standard::new("mlp", Selection::Mlp, settings) }
);

plugin_api::register_lora_strategy!(
    "regex",
    "layers whose whole path matches the option `pattern`",
    |settings: &Settings| -> Result<Standard> { Standard::from_pattern(settings) }
);
