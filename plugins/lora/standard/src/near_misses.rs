//! What a person is told when a strategy matches nothing: what would have nearly matched.

use crate::options::Filter;
use crate::selection::{Pattern, Selection, name};
use plugin_api::{LinearLayer, PluginError};

/// How many names are listed.
const SHOWN: usize = 6;

/// The error of a strategy that chose no layer.
pub fn error(strategy: &str, selection: &Selection, filter: &Filter, layers: &[LinearLayer]) -> PluginError {
    if layers.is_empty() {
        return PluginError::configuration("the model offers no linear layer to adapt");
    }
    let picked: Vec<&LinearLayer> = layers.iter().filter(|layer| selection.picks(layer)).collect();
    let wanted = selection.describe();
    if !picked.is_empty() {
        let message = format!(
            "strategy `{strategy}` matches no layer: {} fit, and none in the towers and blocks asked for",
            picked.len()
        );
        let towers = list(picked.iter().map(|layer| layer.tower.as_str()));
        return PluginError::configuration(message)
            .help(format!("their towers are {towers}; for example `{}`", picked[0].path));
    }
    let pattern = match selection {
        Selection::Path(pattern) => Some(pattern),
        _ => None,
    };
    PluginError::configuration(format!(
        "strategy `{strategy}` matches no layer: the model has {} linear layers, and not {wanted}",
        layers.len()
    ))
    .help(help(pattern, filter, layers))
}

/// What the layers are, nearest first.
pub fn help(pattern: Option<&Pattern>, filter: &Filter, layers: &[LinearLayer]) -> String {
    if let Some(towers) = &filter.towers
        && let Some(unknown) = towers.iter().find(|tower| layers.iter().all(|layer| layer.tower != **tower))
    {
        return format!(
            "there is no tower `{unknown}`; there are {}",
            list(layers.iter().map(|layer| layer.tower.as_str()))
        );
    }
    let Some(pattern) = pattern else {
        return format!("the layers are named {}", list(layers.iter().map(|layer| name(&layer.path))));
    };
    let parts: Vec<&str> =
        layers.iter().filter(|layer| pattern.matches_part(&layer.path)).map(|layer| layer.path.as_str()).collect();
    if !parts.is_empty() {
        return format!(
            "the pattern must match a whole path; it matches a part of {}: did you mean `.*{}.*`?",
            list(parts.into_iter()),
            pattern.source
        );
    }
    let mut paths: Vec<&str> = layers.iter().map(|layer| layer.path.as_str()).collect();
    paths.sort_by_cached_key(|path| {
        let whole = strsim::jaro_winkler(path, &pattern.source);
        let part = strsim::jaro_winkler(name(path), &name_of(&pattern.source));
        // Nearest first; similarities are in 0…1.
        ((1.0 - whole.max(part)) * 1e6) as u64
    });
    format!("the nearest are {}", list(paths.into_iter()))
}

/// The last part of a pattern without its signs.
fn name_of(pattern: &str) -> String {
    let last = pattern.rsplit(['.', '/']).next().unwrap_or(pattern);
    last.chars().filter(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

/// The first few different names, quoted.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut different: Vec<&str> = Vec::new();
    for name in names {
        if !different.contains(&name) {
            different.push(name);
        }
    }
    let more = different.len().saturating_sub(SHOWN);
    let mut text = different.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}
