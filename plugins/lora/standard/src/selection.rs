//! Which layers a strategy means, by name or role; and where a layer stands in its tower.

use plugin_api::{LinearLayer, PluginError, Result};
use regex::Regex;

/// What a strategy picks before towers and layer ranges narrow it.
#[derive(Debug, Clone)]
pub enum Selection {
    /// By name, as PEFT's `target_modules = ["q", "v", "q_proj", "v_proj"]`: a Q-Former's `query` is not meant, nor a fused
    /// `qkv`.
    QueryValue,
    /// Every layer but the output head, which may share its weights with the embedding.
    AllLinear,
    Attention,
    Mlp,
    /// The whole path matches.
    Path(Pattern),
}

impl Selection {
    pub fn picks(&self, layer: &LinearLayer) -> bool {
        match self {
            Selection::QueryValue => matches!(name(&layer.path), "q" | "v" | "q_proj" | "v_proj"),
            Selection::AllLinear => layer.role != "head",
            Selection::Attention => {
                matches!(layer.role.as_str(), "query" | "key" | "value" | "output") || name(&layer.path) == "qkv"
            }
            Selection::Mlp => layer.role == "mlp",
            Selection::Path(pattern) => pattern.matches(&layer.path),
        }
    }

    /// For people: what was looked for.
    pub fn describe(&self) -> String {
        match self {
            Selection::QueryValue => "a layer named q, v, q_proj or v_proj".into(),
            Selection::AllLinear => "a layer that is no output head".into(),
            Selection::Attention => "a layer of role query, key, value or output".into(),
            Selection::Mlp => "a layer of role mlp".into(),
            Selection::Path(pattern) => format!("a layer whose whole path matches `{}`", pattern.source),
        }
    }
}

/// A regular expression for whole paths, as PEFT's `target_modules` text is one.
#[derive(Debug, Clone)]
pub struct Pattern {
    pub source: String,
    whole: Regex,
    anywhere: Regex,
}

impl Pattern {
    pub fn new(source: &str) -> Result<Pattern> {
        let compile = |text: &str| {
            Regex::new(text).map_err(|error| {
                PluginError::configuration(format!("`{source}` is no regular expression: {error}")).help(
                    "look-around and back-references are not supported; other syntax is that of Rust's regex crate",
                )
            })
        };
        // The plain text first: its errors show the text that the user wrote.
        let anywhere = compile(source)?;
        Ok(Pattern { source: source.to_owned(), whole: compile(&format!("^(?:{source})$"))?, anywhere })
    }

    pub fn matches(&self, path: &str) -> bool {
        self.whole.is_match(path)
    }

    pub fn matches_part(&self, path: &str) -> bool {
        self.anywhere.is_match(path)
    }
}

/// A module's own name: the last part of its path.
pub fn name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// The number of the block that a layer stands in: the first part of its path that is a number.
pub fn block(path: &str) -> Option<usize> {
    path.split('.').find_map(|part| part.parse().ok())
}
