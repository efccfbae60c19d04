//! A component's own options: from `registry.toml`, or of a training from its command line.

use super::{PluginError, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The keys of the component's registry entry that the host does not know itself, as JSON; of a LoRA strategy what `host train` or a
/// sweep gives.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    given: Value,
    source: Source,
}

/// Where options come from: what an error names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Source {
    #[default]
    Registry,
    Training,
}

impl Settings {
    /// From a JSON object; `Value::Null` is no settings.
    pub fn new(value: Value) -> Settings {
        Settings { given: value, source: Source::Registry }
    }

    /// A LoRA strategy's, from a training's options.
    pub(crate) fn of_training(value: Value) -> Settings {
        Settings { given: value, source: Source::Training }
    }

    /// Reads the options into the author's struct. Give it `#[serde(deny_unknown_fields)]`, and a wrong key is an error
    /// that names it.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        match self.source {
            Source::Registry => self.parse_as("the options in the registry"),
            Source::Training => self.read().map_err(|error| {
                PluginError::configuration(match self.culprit::<T>() {
                    Some(flag) => format!("{flag} is not understood: {error}"),
                    None => format!("the strategy's options are not understood: {error}"),
                })
            }),
        }
    }

    /// The same, for settings that come from elsewhere: `what` begins the sentence of an error, such as "the parameters".
    pub fn parse_as<T: DeserializeOwned>(&self, what: &str) -> Result<T> {
        self.read().map_err(|error| PluginError::configuration(format!("{what} are not understood: {error}")))
    }

    /// For a component without options: any key is an error.
    pub fn none(&self) -> Result<()> {
        let Value::Object(map) = &self.given else { return Ok(()) };
        if map.is_empty() {
            return Ok(());
        }
        let list = |told: fn(&str, &Value) -> String| -> String {
            map.iter().map(|(key, value)| told(key, value)).collect::<Vec<_>>().join(", ")
        };
        Err(PluginError::configuration(match self.source {
            Source::Registry => {
                format!("this component has no options, but the registry gives {}", list(|key, _| format!("`{key}`")))
            }
            Source::Training => format!("this strategy has no options, but there is {}", list(flag)),
        }))
    }

    fn read<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_value(match &self.given {
            Value::Null => Value::Object(Default::default()),
            value => value.clone(),
        })
    }

    /// The one option without which the others are understood, as it stands on the command line.
    fn culprit<T: DeserializeOwned>(&self) -> Option<String> {
        let Value::Object(map) = &self.given else { return None };
        map.iter().find_map(|(key, value)| {
            let mut others = map.clone();
            others.remove(key);
            serde_json::from_value::<T>(Value::Object(others)).ok().map(|_| flag(key, value))
        })
    }
}

/// `--scaling foo`, `--set towers=["vision"]`: an option as `host train` takes it.
fn flag(key: &str, value: &Value) -> String {
    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match key {
        "rank" | "alpha" | "dropout" | "scaling" => format!("--{key} {value}"),
        _ => format!("--set {key}={value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Options {
        rank: usize,
        scaling: Option<bool>,
    }

    impl Default for Options {
        fn default() -> Options {
            Options { rank: 32, scaling: None }
        }
    }

    #[test]
    fn an_option_of_a_training_is_named_as_it_was_given() {
        let said = |value: Value| Settings::of_training(value).parse::<Options>().unwrap_err().message;
        assert!(said(json!({ "rank": 8, "scaling": "foo" })).starts_with("--scaling foo is not understood: "));
        assert!(said(json!({ "foo": 1, "rank": 8 })).starts_with("--set foo=1 is not understood: unknown field `foo`"));
        assert!(said(json!({ "foo": 1, "bar": 2 })).starts_with("the strategy's options are not understood: "));
        assert_eq!(Settings::of_training(json!({ "rank": 8 })).parse::<Options>().unwrap().rank, 8);
        let none = Settings::of_training(json!({ "rank": 4 })).none().unwrap_err().message;
        assert_eq!(none, "this strategy has no options, but there is --rank 4");
    }

    #[test]
    fn an_option_of_the_registry_is_named_as_such() {
        let settings = Settings::new(json!({ "foo": 1 }));
        let said = settings.parse::<Options>().unwrap_err().message;
        assert!(said.starts_with("the options in the registry are not understood: unknown field `foo`"), "{said}");
        assert!(settings.none().unwrap_err().message.ends_with("the registry gives `foo`"));
        assert!(Settings::new(Value::Null).none().is_ok() && Settings::default().parse::<Options>().is_ok());
    }
}
