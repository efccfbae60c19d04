//! Grids: a parameter that is a list stands for each of its values.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// One combination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    pub parameters: toml::Table,
}

/// More trials than anyone means to run.
const MOST: usize = 10_000;

/// All combinations of the lists' values, the last list's changing fastest.
pub fn expand(parameters: &toml::Table) -> Result<Vec<Trial>> {
    let mut tables = vec![toml::Table::new()];
    for (name, value) in parameters {
        let choices = match value {
            toml::Value::Array(choices) if choices.is_empty() => {
                return Err(Error::usage(format!("`{name} = []` leaves nothing to try"))
                    .help("give it a value, or leave it out"));
            }
            toml::Value::Array(choices) => choices.as_slice(),
            one => std::slice::from_ref(one),
        };
        if tables.len() * choices.len() > MOST {
            return Err(Error::usage(format!("the grid has more than {MOST} trials")));
        }
        let with = |table: &toml::Table, choice: &toml::Value| {
            let mut table = table.clone();
            table.insert(name.clone(), choice.clone());
            table
        };
        tables = tables.iter().flat_map(|table| choices.iter().map(move |choice| with(table, choice))).collect();
    }
    Ok(tables.into_iter().map(|parameters| Trial { parameters }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_comes_once() {
        let parameters = toml::from_str("a = [1, 2]\nb = 7\nc = [\"x\", \"y\", \"z\"]").unwrap();
        let trials = expand(&parameters).unwrap();
        assert_eq!(trials.len(), 6);
        let told: Vec<String> = trials
            .iter()
            .map(|trial| format!("{}{}{}", trial.parameters["a"], trial.parameters["b"], trial.parameters["c"]))
            .collect();
        assert_eq!(told[1], "17\"y\"");
        assert!(expand(&toml::from_str("a = []").unwrap()).is_err());
        assert_eq!(expand(&toml::Table::new()).unwrap().len(), 1);
    }
}
