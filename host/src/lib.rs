//! Lookbook's host. Data flows one way: `registry` → `eval` (plan) → `worker`s → `run` (predictions) → `score` → `report`; `cli` turns
//! arguments into calls and prints what they return. No model, metric or dataset is known here by name.

// `progress::tell` instead.
#![deny(clippy::print_stderr)]

pub mod catalogue;
pub mod cli;
pub mod embed;
pub mod encoding;
pub mod energy;
pub mod error;
pub mod eval;
pub mod loader;
pub mod machine;
pub mod models;
pub mod prepare;
pub mod progress;
pub mod recommend;
pub mod registry;
pub mod report;
pub mod run;
pub mod score;
pub mod status;
pub mod stop;
pub mod submit;
pub mod sweep;
pub mod terminal;
pub mod train;
pub mod web;
pub mod worker;
