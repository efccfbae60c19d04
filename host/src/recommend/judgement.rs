//! Of each model's trials the best on validation, scored on test; and every two models compared.

use super::config::ModelConfig;
use super::data::{Data, read_npy};
use super::experiment::Experiment;
use super::fitting::{Planned, Tried};
use super::metrics::{Scores, Truth, Value, score};
use super::plan::RecommendPlan;
use super::results::{FailedTrial, ModelResult, Results};
use super::significance::compare;
use super::trial::read_lists;
use crate::error::Result;
use crate::run::replace_file;
use crate::stop;
use indexmap::IndexMap;
use std::fmt::Write;

impl Experiment<'_> {
    /// Chooses on validation, scores the chosen on test, compares.
    pub fn results(
        &self,
        plan: &RecommendPlan,
        trials: &[Planned<'_>],
        data: &Data,
        tried: &[Tried],
    ) -> Result<Results> {
        let (values, selection) = (self.config.evaluation.values()?, self.config.evaluation.selection()?.to_string());
        let truth = Truth {
            part: &data.test,
            threshold: self.config.evaluation.threshold,
            train: &data.train,
            items: data.items.len(),
            cold: self.config.evaluation.cold.unwrap_or(0),
        };
        let (_, listed) = read_npy::<u32>(&self.data_folder().join("ranked.npy"))?;
        let mut models = Vec::new();
        let mut scored: Vec<(&str, Scores)> = Vec::new();
        for model in &self.config.models {
            stop::check()?;
            let own: Vec<usize> = (0..trials.len()).filter(|place| trials[*place].model.name == model.name).collect();
            let finished: Vec<usize> = own.iter().copied().filter(|place| tried[*place].is_ok()).collect();
            let selected = |place: &usize| tried[*place].as_ref().ok()?.validation.get(&selection).copied()?;
            let best = match finished[..] {
                // There is no choice.
                [only] => Some(only),
                // The first of equals, so that the choice does not depend on anything else.
                _ => (finished.iter().rev().filter_map(|place| Some((*place, selected(place)?))))
                    .max_by(|(_, a), (_, b)| a.total_cmp(b))
                    .map(|(place, _)| place),
            };
            let failed = own.iter().filter_map(|place| {
                let reason = tried[*place].as_ref().err()?.clone();
                Some(FailedTrial { parameters: trials[*place].trial.parameters.clone(), reason })
            });
            let mut result = ModelResult {
                name: model.name.clone(),
                recommender: model.recommender.clone(),
                trials: own.len(),
                failed: failed.collect(),
                ..ModelResult::default()
            };
            match best.and_then(|place| Some((place, tried[place].as_ref().ok()?))) {
                None => {
                    result.failure = Some(match result.failed.first() {
                        Some(failed) if finished.is_empty() => failed.reason.clone(),
                        _ => self.config.evaluation.cannot_choose("a trial").to_string(),
                    });
                }
                Some((place, record)) => {
                    let lists = read_lists(&trials[place].work.lists)?;
                    let scores = score(&lists, &listed, &truth, &values, Some(self.config.seed));
                    result.parameters = trials[place].trial.parameters.clone();
                    result.epoch = record.epoch;
                    result.users = scores.users.len();
                    result.without_features = record.without_features.clone();
                    // A value that only chooses is not among the results.
                    result.validation = (values.iter())
                        .filter_map(|value| {
                            let name = value.to_string();
                            Some((name.clone(), *record.validation.get(&name)?))
                        })
                        .collect();
                    result.test = named(&values, |place| Some(scores.values[place].value));
                    result.test_intervals = named(&values, |place| scores.values[place].interval);
                    self.write_users(model, &scores, data)?;
                    scored.push((model.name.as_str(), scores));
                }
            }
            models.push(result);
        }
        let resamples = scored.first().map_or(0, |(_, scores)| scores.resamples);
        let pairs: Vec<(&str, &Scores)> = scored.iter().map(|(name, scores)| (*name, scores)).collect();
        Ok(Results {
            command: plan.command.clone(),
            title: plan.title.clone(),
            data: data.counts.clone(),
            select: selection,
            values: values.iter().map(ToString::to_string).collect(),
            resamples,
            captions: self.captioner.clone(),
            models,
            comparisons: compare(&pairs, &values),
        })
    }

    /// `users/MODEL.tsv`: every user's values.
    fn write_users(&self, model: &ModelConfig, scores: &Scores, data: &Data) -> Result<()> {
        let values = self.config.evaluation.values()?;
        let kept: Vec<String> =
            values.iter().filter(|value| value.metric.is_per_user()).map(ToString::to_string).collect();
        let mut text = format!("user\t{}\n", kept.join("\t"));
        for (user, row) in scores.users.iter().zip(scores.per_user.chunks_exact(kept.len().max(1))) {
            text.push_str(&data.users[*user as usize]);
            for value in row {
                let _ = if value.is_nan() { write!(text, "\t") } else { write!(text, "\t{value}") };
            }
            text.push('\n');
        }
        replace_file(&self.run.join("users").join(format!("{}.tsv", model.name)), text.as_bytes())
    }
}

fn named<T>(values: &[Value], of: impl Fn(usize) -> Option<T>) -> IndexMap<String, T> {
    values.iter().enumerate().filter_map(|(place, value)| Some((value.to_string(), of(place)?))).collect()
}
