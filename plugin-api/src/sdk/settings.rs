//! A component's own options from `registry.toml`.

use super::{PluginError, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The keys of the component's registry entry that the host does not know itself, as JSON.
#[derive(Debug, Clone, Default)]
pub struct Settings(pub(crate) Value);

impl Settings {
    /// From a JSON object; `Value::Null` is no settings.
    pub fn new(value: Value) -> Settings {
        Settings(value)
    }

    /// Reads the options into the author's struct. Give it `#[serde(deny_unknown_fields)]`, and a wrong key is an error
    /// that names it.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        self.parse_as("the options in the registry")
    }

    /// The same, for settings that come from elsewhere: `what` begins the sentence of an error, such as "the parameters".
    pub fn parse_as<T: DeserializeOwned>(&self, what: &str) -> Result<T> {
        let object = match &self.0 {
            Value::Null => Value::Object(Default::default()),
            value => value.clone(),
        };
        serde_json::from_value(object)
            .map_err(|error| PluginError::configuration(format!("{what} are not understood: {error}")))
    }

    /// For a component without options: any key is an error.
    pub fn none(&self) -> Result<()> {
        match &self.0 {
            Value::Object(map) if !map.is_empty() => {
                let keys = map.keys().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
                Err(PluginError::configuration(format!("this component has no options, but the registry gives {keys}")))
            }
            _ => Ok(()),
        }
    }
}
