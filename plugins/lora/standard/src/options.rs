//! What the registry or a sweep may set: rank, alpha, dropout and scaling, for all layers and for some, and which towers and
//! blocks are adapted at all.

use crate::selection::{Pattern, block};
use plugin_api::{LinearLayer, PluginError, Result};
use serde::Deserialize;
use std::ops::RangeInclusive;

/// The options of every strategy; the defaults are the study's.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Options {
    /// Of strategy `regex` only.
    pub pattern: Option<String>,
    pub rank: usize,
    pub alpha: f64,
    pub dropout: f64,
    pub scaling: Scaling,
    /// Only these towers: `vision`, `qformer`, `projector`, `language`.
    pub towers: Option<Vec<String>>,
    /// Only these blocks, such as `8-11`, `8-`, `-3` or `5`; layers outside any block are then left out.
    pub layers: Option<String>,
    /// Other values for some of the chosen layers; where several fit, a later one wins.
    pub overrides: Vec<Override>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            pattern: None,
            rank: 32,
            alpha: 64.0,
            dropout: 0.05,
            scaling: Scaling::RankStabilised,
            towers: None,
            layers: None,
            overrides: Vec::new(),
        }
    }
}

/// The factor before B·A.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// alpha / rank (Hu et al. 2021).
    Classic,
    /// alpha / √rank (Kalajdzievski 2023).
    RankStabilised,
}

impl Scaling {
    pub fn factor(self, alpha: f64, rank: usize) -> f64 {
        match self {
            Scaling::Classic => alpha / rank as f64,
            Scaling::RankStabilised => alpha / (rank as f64).sqrt(),
        }
    }
}

/// Values for the layers that fit all of pattern, tower and layers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Override {
    /// A regular expression for the whole path.
    pub pattern: Option<String>,
    pub tower: Option<String>,
    pub layers: Option<String>,
    pub rank: Option<usize>,
    pub alpha: Option<f64>,
    pub dropout: Option<f64>,
    pub scaling: Option<Scaling>,
    /// Leaves the layers out.
    pub skip: bool,
}

/// Which layers a rule is for, ready to ask.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub pattern: Option<Pattern>,
    pub towers: Option<Vec<String>>,
    pub blocks: Option<RangeInclusive<usize>>,
}

impl Filter {
    pub fn new(pattern: Option<&str>, towers: Option<Vec<String>>, layers: Option<&str>) -> Result<Filter> {
        Ok(Filter { pattern: pattern.map(Pattern::new).transpose()?, towers, blocks: layers.map(blocks).transpose()? })
    }

    pub fn fits(&self, layer: &LinearLayer) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| pattern.matches(&layer.path))
            && self.towers.as_ref().is_none_or(|towers| towers.contains(&layer.tower))
            && self.blocks.as_ref().is_none_or(|blocks| block(&layer.path).is_some_and(|block| blocks.contains(&block)))
    }
}

/// Reads `8-11`, `8-`, `-3` or `5`.
fn blocks(text: &str) -> Result<RangeInclusive<usize>> {
    let number = |part: &str, open: usize| if part.is_empty() { Some(open) } else { part.parse().ok() };
    let range = match text.split_once('-') {
        Some((first, last)) if !(first.is_empty() && last.is_empty()) => {
            number(first.trim(), 0).zip(number(last.trim(), usize::MAX))
        }
        Some(_) => None,
        None => text.trim().parse().ok().map(|only| (only, only)),
    };
    match range {
        Some((first, last)) if first <= last => Ok(first..=last),
        _ => Err(PluginError::configuration(format!("`{text}` is no range of layers"))
            .help("write `8-11` (both ends included), `8-`, `-3` or `5`")),
    }
}

/// What is wrong with a value, if anything.
pub fn check(rank: usize, alpha: f64, dropout: f64) -> Result<()> {
    if rank == 0 {
        return Err(PluginError::configuration("rank 0 adapts nothing").help("use a rank of at least 1"));
    }
    if !(alpha.is_finite() && alpha > 0.0) {
        return Err(PluginError::configuration(format!("alpha {alpha} is no positive number")));
    }
    if !(0.0..1.0).contains(&dropout) {
        return Err(PluginError::configuration(format!("dropout {dropout} is no probability below 1")));
    }
    Ok(())
}
