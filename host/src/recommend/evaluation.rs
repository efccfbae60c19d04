//! `[evaluation]` of an experiment: which values are measured, which of them chooses, and how long lists have to be for it.

use super::metrics::{GREATEST_ABOVE_THRESHOLD, Metric, Value};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// `[evaluation]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Evaluation {
    pub cutoffs: Vec<usize>,
    pub metrics: Vec<String>,
    /// Ratings from here on are relevant.
    pub threshold: f32,
    /// What chooses among trials and epochs, on validation: `recall@20`. By default the first metric at the largest cut-off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub select: Option<String>,
    /// Models of many epochs are judged every so many of them.
    pub every: usize,
    /// Judgements without a gain after which a fit ends; 0: never.
    pub patience: usize,
    /// Adds `cold-…` values: only relevant items with at most so many users in training count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cold: Option<usize>,
}

impl Default for Evaluation {
    fn default() -> Evaluation {
        Evaluation {
            cutoffs: vec![5, 10, 20],
            metrics: ["ndcg", "map", "recall"].map(str::to_owned).to_vec(),
            threshold: 0.0,
            select: None,
            every: 10,
            patience: 0,
            cold: None,
        }
    }
}

impl Evaluation {
    /// Every metric at every cut-off, once each, cold ones behind.
    pub fn values(&self) -> Result<Vec<Value>> {
        if self.cutoffs.is_empty() || self.cutoffs.contains(&0) {
            return Err(Error::usage("[evaluation] cutoffs are counts from 1 on, and at least one"));
        }
        let metrics: Vec<Metric> = self.metrics.iter().map(|name| name.parse()).collect::<Result<_>>()?;
        if metrics.is_empty() {
            return Err(Error::usage("[evaluation] metrics names none"));
        }
        let mut values = Vec::new();
        for cold in [false, true] {
            for metric in metrics.iter().filter(|metric| !cold || metric.is_per_user() && self.cold.is_some()) {
                for cutoff in &self.cutoffs {
                    let value = Value { metric: *metric, cutoff: *cutoff, cold };
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
            }
        }
        Ok(values)
    }

    /// Can all of it be measured?
    pub fn check(&self) -> Result<()> {
        if !self.threshold.is_finite() {
            return Err(Error::usage(format!("[evaluation] threshold: {} is no rating", self.threshold)));
        }
        self.values()?;
        self.selection().map(|_| ())
    }

    /// What chooses.
    pub fn selection(&self) -> Result<Value> {
        let value: Value = match &self.select {
            Some(select) => select.parse().map_err(|error: Error| error.context("[evaluation] select"))?,
            None => {
                let values = self.values()?;
                let first = values.iter().find(|value| value.metric.is_per_user()).copied();
                let first = first.unwrap_or(Value { metric: Metric::Recall, cutoff: 20, cold: false });
                Value { cutoff: self.cutoffs.iter().copied().max().unwrap_or(20), ..first }
            }
        };
        if !value.metric.is_per_user() {
            return Err(Error::usage(format!("[evaluation] select: {value} says nothing of what users want"))
                .help("select by ndcg, recall or the like"));
        }
        if value.cold && self.cold.is_none() {
            return Err(Error::usage(format!("[evaluation] select: {value} has no meaning without `cold`"))
                .help("cold = 5 says that items with at most 5 users in training are cold"));
        }
        Ok(value)
    }

    /// Why `choice`, such as that of an epoch, cannot be made: on validation the selecting value is none.
    pub fn cannot_choose(&self, choice: &str) -> Error {
        let select = self.selection().map_or_else(|_| "the selecting value".to_owned(), |value| value.to_string());
        let cold = match self.cold.filter(|_| select.starts_with("cold-")) {
            Some(users) => format!(" with at most {users} users in training"),
            None => String::new(),
        };
        Error::failed(format!(
            "{choice} cannot be chosen by {select}: no user of validation has an item{cold} rated {} or higher",
            self.threshold
        ))
        .help("select by another value, or lower the threshold")
    }

    /// The greatest rating that what is measured can be computed of.
    pub fn greatest_rating(&self) -> Result<Option<f64>> {
        let selection = self.selection()?;
        let has_gains = self.values()?.iter().chain([&selection]).any(|value| value.metric == Metric::Ndcg);
        Ok(has_gains.then(|| f64::from(self.threshold) + GREATEST_ABOVE_THRESHOLD))
    }

    /// The longest list that anything needs, of so many items.
    pub fn length(&self, items: usize) -> Result<usize> {
        let longest = self.cutoffs.iter().copied().max().unwrap_or(0);
        Ok(longest.max(self.selection()?.cutoff).min(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_measured_chooses_nothing() {
        let mut evaluation = Evaluation { select: Some("cold-recall@20".into()), ..Evaluation::default() };
        let error = evaluation.check().unwrap_err();
        assert!(error.message.contains("cold-recall@20 has no meaning without `cold`"), "{error}");
        assert!(error.help.unwrap().contains("cold = 5"));
        evaluation.cold = Some(3);
        evaluation.check().unwrap();
        let error = evaluation.cannot_choose("an epoch");
        assert!(error.message.contains("no user of validation has an item with at most 3 users"), "{error}");
        evaluation.threshold = f32::NAN;
        assert!(evaluation.check().unwrap_err().message.contains("NaN is no rating"));
    }

    #[test]
    fn lists_are_as_long_as_the_longest_need() {
        let evaluation = Evaluation { cutoffs: vec![5, 12], select: Some("recall@20".into()), ..Evaluation::default() };
        assert_eq!(evaluation.length(100).unwrap(), 20);
        // No list has more places than there are items.
        assert_eq!(evaluation.length(7).unwrap(), 7);
    }

    #[test]
    fn a_value_that_is_asked_for_twice_is_measured_once() {
        let metrics = ["recall", "ndcg", "recall"].map(str::to_owned).to_vec();
        let evaluation = Evaluation { cutoffs: vec![5, 3, 5], metrics, cold: Some(1), ..Evaluation::default() };
        let values: Vec<String> = evaluation.values().unwrap().iter().map(ToString::to_string).collect();
        let warm = ["recall@5", "recall@3", "ndcg@5", "ndcg@3"];
        assert_eq!(values[..4], warm);
        assert_eq!(values[4..], warm.map(|name| format!("cold-{name}")));
    }
}
