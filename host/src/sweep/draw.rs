//! Random search: values drawn of lists and ranges, the same for the same seed.

use crate::error::{Error, Result};
use indexmap::IndexMap;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};
use serde::Deserialize;
use toml::Value;

/// What an option is drawn of.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Choices {
    /// One of these.
    List(Vec<Value>),
    Range(Range),
}

/// A number from `min` to `max`; a whole one if both are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    min: Value,
    max: Value,
    #[serde(default)]
    scale: Scale,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scale {
    #[default]
    Linear,
    /// Every order of magnitude is as likely.
    Log,
}

fn number(value: &Value) -> Option<f64> {
    value.as_float().or(value.as_integer().map(|value| value as f64)).filter(|value| value.is_finite())
}

impl Choices {
    pub fn check(&self) -> Result<()> {
        match self {
            Choices::List(values) if values.is_empty() => Err(Error::usage("there is nothing to draw from")),
            Choices::List(_) => Ok(()),
            Choices::Range(Range { min, max, scale }) => match (number(min), number(max)) {
                (Some(least), Some(most)) if least > most => {
                    Err(Error::usage(format!("the range from {min} to {max} is empty")))
                }
                (Some(least), _) if *scale == Scale::Log && least <= 0.0 => {
                    Err(Error::usage(format!("a logarithmic scale cannot begin at {min}")))
                }
                (Some(_), Some(_)) => Ok(()),
                _ => Err(Error::usage(format!("{min} to {max} is no range of numbers"))),
            },
        }
    }

    /// Values that stand for all.
    pub fn examples(&self) -> Vec<Value> {
        match self {
            Choices::List(values) => values.clone(),
            Choices::Range(range) => vec![range.min.clone(), range.max.clone()],
        }
    }

    fn draw(&self, random: &mut Xoshiro256PlusPlus) -> Value {
        // The upper 53 bits, as a number from 0 up to but not including 1.
        let unit = (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        match self {
            Choices::List(values) => {
                values.get((unit * values.len() as f64) as usize).cloned().unwrap_or(Value::Boolean(false))
            }
            Choices::Range(Range { min: Value::Integer(least), max: Value::Integer(most), scale: Scale::Linear }) => {
                let width = *most as f64 - *least as f64 + 1.0;
                Value::Integer(least.saturating_add((unit * width) as i64).min(*most))
            }
            Choices::Range(Range { min, max, scale }) => {
                let (least, most) = (number(min).unwrap_or(0.0), number(max).unwrap_or(0.0));
                let drawn = match scale {
                    Scale::Linear => least + unit * (most - least),
                    Scale::Log => (least.ln() + unit * (most.ln() - least.ln())).exp().clamp(least, most),
                };
                match (min, max) {
                    (Value::Integer(_), Value::Integer(_)) => Value::Integer(drawn.round() as i64),
                    _ => Value::Float(drawn),
                }
            }
        }
    }
}

/// So many trials.
pub fn draw(options: &IndexMap<String, Choices>, trials: usize, seed: u64) -> Vec<IndexMap<String, Value>> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut trial = || options.iter().map(|(name, choices)| (name.clone(), choices.draw(&mut random))).collect();
    (0..trials).map(|_| trial()).collect()
}
