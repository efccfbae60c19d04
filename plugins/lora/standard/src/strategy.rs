//! A strategy: a selection narrowed by the options, each chosen layer with its rank, alpha, scaling and dropout.

use crate::near_misses;
use crate::options::{Filter, Options, Override, check};
use crate::selection::{Pattern, Selection};
use plugin_api::{LinearLayer, LoraStrategy, LoraTarget, PluginError, Result, Settings};

/// Any of this plugin's strategies.
#[derive(Debug)]
pub struct Standard {
    name: &'static str,
    selection: Selection,
    options: Options,
    filter: Filter,
    overrides: Vec<(Filter, Override)>,
}

impl Standard {
    /// A strategy whose selection needs no option.
    pub fn new(name: &'static str, selection: Selection, settings: &Settings) -> Result<Standard> {
        let options: Options = settings.parse()?;
        if options.pattern.is_some() {
            return Err(PluginError::configuration(format!("strategy `{name}` has no option `pattern`"))
                .help("strategy `regex` takes a pattern; an override may have one too"));
        }
        Standard::build(name, selection, options)
    }

    /// The strategy `regex`.
    pub fn from_pattern(settings: &Settings) -> Result<Standard> {
        let options: Options = settings.parse()?;
        let pattern = options.pattern.as_deref().ok_or_else(|| {
            PluginError::configuration("strategy `regex` needs the option `pattern`")
                .help(r"for example: pattern = '.*\.self_attn\.[qv]_proj'")
        })?;
        Standard::build("regex", Selection::Path(Pattern::new(pattern)?), options)
    }

    fn build(name: &'static str, selection: Selection, options: Options) -> Result<Standard> {
        check(options.rank, options.alpha, options.dropout)?;
        let filter = Filter::new(None, options.towers.clone(), options.layers.as_deref())?;
        let overrides = options
            .overrides
            .iter()
            .map(|rule| {
                let towers = rule.tower.clone().map(|tower| vec![tower]);
                Ok((Filter::new(rule.pattern.as_deref(), towers, rule.layers.as_deref())?, rule.clone()))
            })
            .collect::<Result<_>>()?;
        Ok(Standard { name, selection, options, filter, overrides })
    }

    /// What is done with a chosen layer; `None` where an override skips it. `used` takes note of the overrides that fit.
    fn target(&self, layer: &LinearLayer, used: &mut [bool]) -> Result<Option<LoraTarget>> {
        let Options { mut rank, mut alpha, mut dropout, mut scaling, .. } = self.options;
        let mut skip = false;
        for ((filter, rule), used) in self.overrides.iter().zip(used) {
            if filter.fits(layer) {
                *used = true;
                rank = rule.rank.unwrap_or(rank);
                alpha = rule.alpha.unwrap_or(alpha);
                dropout = rule.dropout.unwrap_or(dropout);
                scaling = rule.scaling.unwrap_or(scaling);
                skip = rule.skip;
            }
        }
        if skip {
            return Ok(None);
        }
        check(rank, alpha, dropout)?;
        let most = layer.inputs.min(layer.outputs);
        if rank > most {
            return Err(PluginError::configuration(format!(
                "rank {rank} is larger than `{}`, which maps {} inputs to {} outputs",
                layer.path, layer.inputs, layer.outputs
            ))
            .help(format!("use a rank of at most {most}, or give this layer its own by an override")));
        }
        Ok(Some(LoraTarget { path: layer.path.clone(), rank, alpha, scaling: scaling.factor(alpha, rank), dropout }))
    }
}

impl LoraStrategy for Standard {
    fn targets(&self, layers: &[LinearLayer]) -> Result<Vec<LoraTarget>> {
        let mut used = vec![false; self.overrides.len()];
        let mut targets = Vec::new();
        let chosen: Vec<&LinearLayer> =
            layers.iter().filter(|layer| self.selection.picks(layer) && self.filter.fits(layer)).collect();
        if chosen.is_empty() {
            return Err(near_misses::error(self.name, &self.selection, &self.filter, layers));
        }
        for layer in chosen {
            targets.extend(self.target(layer, &mut used)?);
        }
        if let Some(unused) = used.iter().position(|used| !used) {
            return Err(PluginError::configuration(format!(
                "override {} of strategy `{}` fits none of the layers that it chooses",
                unused + 1,
                self.name
            ))
            .help(near_misses::help(
                self.overrides[unused].0.pattern.as_ref(),
                &self.overrides[unused].0,
                layers,
            )));
        }
        if targets.is_empty() {
            return Err(PluginError::configuration(format!(
                "the overrides of strategy `{}` skip every layer",
                self.name
            )));
        }
        Ok(targets)
    }
}
