//! BPRMF and VBPR: score = γu·γi + Σ θu·normalised(W f_i + b), one such term a modality (or one for all of them beside each other).
//!
//! The loss of a batch is mean softplus(−(score⁺ − score⁻)) + l2 · ½ · Σ‖γu‖² + ‖γ⁺‖² + ‖γ⁻‖² + ‖θu‖² / batch, as in Elliot's VBPR.

mod parameters;
#[cfg(test)]
mod tests;

use crate::batch::Batch;
use crate::options::{BilinearOptions, Combine};
use crate::scorer::Scorer;
use crate::trained::{Model, Trained};
use crate::training::{Learner, Schedule};
use parameters::{Input, Parameters};
use plugin_api::{Features, Interactions, RecommenderConfig, Result};
use std::borrow::Cow;

/// BPRMF, or with content VBPR.
pub struct Bilinear {
    options: BilinearOptions,
    seed: u64,
}

impl Bilinear {
    /// # Errors
    /// The settings make no model, or threads cannot be started.
    pub fn recommender(content: bool, config: &RecommenderConfig) -> Result<Trained<Bilinear>> {
        let options = BilinearOptions::read(config)?;
        let schedule = Schedule {
            epochs: options.epochs,
            batch_size: options.batch_size,
            sampling: options.sampling,
            seed: config.seed,
            host: config.host,
        };
        Trained::new(Bilinear { options, seed: config.seed }, content.then_some("vbpr"), schedule, config)
    }

    /// The feature vectors as the model takes them: values and width.
    fn inputs<'a>(&self, items: usize, features: &[Features<'a>]) -> Vec<Input<'a>> {
        match features {
            several @ [_, _, ..] if self.options.combine == Combine::Concat => {
                let width = several.iter().map(|modality| modality.width).sum();
                let mut values = Vec::with_capacity(items * width);
                for item in 0..items {
                    for modality in several {
                        values.extend_from_slice(modality.row(item));
                    }
                }
                vec![(Cow::Owned(values), width)]
            }
            each => each.iter().map(|modality| (Cow::Borrowed(modality.values), modality.width)).collect(),
        }
    }
}

impl Model for Bilinear {
    type Parameters = Parameters;

    fn learner<'a>(
        &'a mut self,
        parameters: &'a mut Option<Parameters>,
        train: Interactions<'a>,
        features: &'a [Features<'a>],
    ) -> impl Learner + 'a {
        let (users, items, options) = (train.users(), train.items(), &self.options);
        let inputs = self.inputs(items, features);
        let parameters = parameters.get_or_insert_with(|| Parameters::fresh(self.seed, options, users, items, &inputs));
        Learning { parameters, inputs, options }
    }
}

/// The model while it is trained.
struct Learning<'a> {
    parameters: &'a mut Parameters,
    inputs: Vec<Input<'a>>,
    options: &'a BilinearOptions,
}

impl Learner for Learning<'_> {
    fn step(&mut self, batch: &Batch) -> f64 {
        let gradients = self.parameters.gradients(batch, &self.inputs, self.options.l2 as f32);
        self.parameters.apply(batch, &gradients, self.options.learning_rate);
        gradients.loss
    }

    fn scorer(&self) -> Scorer {
        self.parameters.scorer(&self.inputs)
    }
}
