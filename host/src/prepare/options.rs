//! What `[datasets.NAME.prepare]` in the registry can choose.

use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Options of preparation. The defaults keep every category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct PrepareOptions {
    /// The fewest items that a category must have.
    pub minimum: usize,
    /// The categories to keep, by name without regard to case; empty: all.
    pub allow: Vec<String>,
    /// The categories to leave out.
    pub deny: Vec<String>,
    /// Lowercase the references.
    pub lowercase: bool,
    /// The most characters that a description may have: a longer one is no description.
    pub longest: usize,
    /// How often an attribute must occur in the training references to be in the vocabulary.
    pub attribute_minimum: u64,
}

impl Default for PrepareOptions {
    fn default() -> Self {
        PrepareOptions {
            minimum: 1,
            allow: Vec::new(),
            deny: Vec::new(),
            lowercase: true,
            longest: 20_000,
            attribute_minimum: language::attributes::LEAST,
        }
    }
}

/// The allow and deny lists, ready to be asked.
pub struct CategoryLists {
    allow: HashSet<String>,
    deny: HashSet<String>,
}

impl CategoryLists {
    pub fn of(options: &PrepareOptions) -> CategoryLists {
        let folded = |names: &[String]| names.iter().map(|name| folded(name)).collect();
        CategoryLists { allow: folded(&options.allow), deny: folded(&options.deny) }
    }

    /// Why a category is left out by its name; none if it stays.
    pub fn refusal(&self, category: &str) -> Option<String> {
        let name = folded(category);
        if self.deny.contains(&name) {
            return Some(format!("its category `{category}` is on the list of those left out"));
        }
        let allowed = self.allow.is_empty() || self.allow.contains(&name);
        (!allowed).then(|| format!("its category `{category}` is not on the list of those kept"))
    }

    /// Is an item without any category of no use?
    pub fn need_category(&self, minimum: usize) -> bool {
        !self.allow.is_empty() || minimum > 1
    }
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_asked_without_regard_to_case_and_deny_wins() {
        let options = PrepareOptions {
            allow: vec!["T-shirt".into(), "Side table".into()],
            deny: vec!["side TABLE".into()],
            ..PrepareOptions::default()
        };
        let lists = CategoryLists::of(&options);
        assert_eq!(lists.refusal("t-shirt "), None);
        assert!(lists.refusal("Side table").unwrap().contains("left out"));
        assert!(lists.refusal("Shirt").unwrap().contains("not on the list"));
    }

    #[test]
    fn an_unknown_option_is_an_error_that_names_it() {
        let error = toml::from_str::<PrepareOptions>("minimun = 7").unwrap_err();
        assert!(error.to_string().contains("minimun"), "{error}");
    }
}
