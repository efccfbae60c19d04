//! All that a training may be told: on the command line, in a sweep's file and in the plan, under the same names.

use super::schedule::{Schedule, ScheduleKind};
use crate::error::{Error, Result};
use clap::Args;
use plugin_api::{ErrorKind, PluginError};
use serde::{Deserialize, Serialize};

/// The options of `host train`; the defaults are the study's. What a strategy does not take it refuses by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Args)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct TrainOptions {
    /// A model of the registry
    #[arg(long)]
    pub model: String,
    /// A dataset of the registry
    #[arg(long)]
    pub dataset: String,
    /// Which layers are adapted: a LoRA strategy of the registered plugins
    #[arg(long, default_value_t = defaults().strategy)]
    pub strategy: String,
    /// Rank of the adapters [default: the strategy's own, 32]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<u32>,
    /// Alpha of the adapters [default: the strategy's own, 64]
    #[arg(long, value_name = "X")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// Probability that an adapter's input is dropped [default: the strategy's own, 0.05]
    #[arg(long, value_name = "P")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// classic (alpha / rank) or rank-stabilised (alpha / √rank) [default: the strategy's own, rank-stabilised]
    #[arg(long, value_name = "HOW")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<String>,
    /// Further options of the strategy
    #[arg(skip)]
    #[serde(skip_serializing_if = "toml::Table::is_empty")]
    pub strategy_options: toml::Table,

    /// Passes over the training items
    #[arg(long, value_name = "N", default_value_t = defaults().epochs)]
    pub epochs: usize,
    /// Optimizer steps, instead of epochs
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// Items of an optimizer step
    #[arg(long, value_name = "N", default_value_t = defaults().batch_size)]
    pub batch_size: usize,
    /// Items that the device works on at once; their gradients are summed to the step's
    #[arg(long, value_name = "N", default_value_t = defaults().micro_batch)]
    pub micro_batch: usize,
    /// Learning rate
    #[arg(long, value_name = "X", default_value_t = defaults().learning_rate)]
    pub learning_rate: f64,
    /// How the learning rate changes
    #[arg(long, value_enum, default_value_t = defaults().schedule)]
    pub schedule: ScheduleKind,
    /// Steps from the learning rate to the floor [default: cosine 500, linear all steps]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_steps: Option<usize>,
    /// The least learning rate of the schedule
    #[arg(long, value_name = "X", default_value_t = defaults().floor)]
    pub floor: f64,
    /// Steps in which the learning rate rises from zero
    #[arg(long, value_name = "N", default_value_t = defaults().warmup)]
    pub warmup: usize,
    /// AdamW's weight decay
    #[arg(long, value_name = "X", default_value_t = defaults().weight_decay)]
    pub weight_decay: f64,
    /// Scale longer gradients down to this norm [default: no limit]
    #[arg(long, value_name = "X")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_grad_norm: Option<f64>,
    /// Compute the blocks again in the backward pass: less memory, more time, the same numbers
    #[arg(long)]
    pub gradient_checkpointing: bool,

    /// The split that is learnt
    #[arg(long, value_name = "SPLIT", default_value_t = defaults().train_split)]
    pub train_split: String,
    /// The split whose loss decides what is best; `none` for no validation
    #[arg(long, value_name = "SPLIT", default_value_t = defaults().validation_split)]
    pub validation_split: String,
    /// The first N items of the training split
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The first N items of the validation split
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_limit: Option<usize>,
    /// Steps between validations [default: an epoch's]
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate_every: Option<usize>,
    /// Validations without a better loss after which training stops; 0 for never
    #[arg(long, value_name = "N", default_value_t = defaults().patience)]
    pub patience: usize,
    /// Metrics of captions at each validation, separated by commas
    #[arg(long, value_name = "METRICS", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caption_metrics: Vec<String>,
    /// Validation items that are captioned for them
    #[arg(long, value_name = "N", default_value_t = defaults().captions)]
    pub captions: usize,
    /// Steps between checkpoints, besides those at validations
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save_every: Option<usize>,
    /// Seed of the adapters' first weights, of dropout and of the items' order; on the command line it is the common `--seed`
    #[arg(skip = defaults().seed)]
    pub seed: u64,
}

fn defaults() -> TrainOptions {
    TrainOptions::default()
}

impl Default for TrainOptions {
    fn default() -> TrainOptions {
        TrainOptions {
            model: String::new(),
            dataset: String::new(),
            strategy: "query-value".to_owned(),
            rank: None,
            alpha: None,
            dropout: None,
            scaling: None,
            strategy_options: toml::Table::new(),
            epochs: 10,
            steps: None,
            batch_size: 16,
            micro_batch: 4,
            learning_rate: 1e-4,
            schedule: ScheduleKind::Cosine,
            schedule_steps: None,
            floor: 1e-6,
            warmup: 0,
            weight_decay: 1e-6,
            max_grad_norm: None,
            gradient_checkpointing: false,
            train_split: "train".to_owned(),
            validation_split: "validation".to_owned(),
            limit: None,
            validation_limit: None,
            validate_every: None,
            patience: 3,
            caption_metrics: Vec::new(),
            captions: 64,
            save_every: None,
            seed: 42,
        }
    }
}

impl TrainOptions {
    /// A trainer's error, with which of these options takes less memory where that was wanting. None of them changes what is learnt, but for rounding.
    pub fn advise(&self, error: PluginError) -> Error {
        let out_of_memory = error.kind == ErrorKind::OutOfMemory;
        let error = Error::from(error);
        let smaller = format!("a smaller --micro-batch than {} takes less", self.micro_batch);
        match (out_of_memory, self.micro_batch, self.gradient_checkpointing) {
            (false, ..) | (true, ..=1, true) => error,
            (true, 2.., true) => error.help(smaller),
            (true, ..=1, false) => error.help("--gradient-checkpointing takes less"),
            (true, 2.., false) => error.help(format!("{smaller}, and so does --gradient-checkpointing")),
        }
    }

    /// # Errors
    /// The first option that makes no sense, by its name.
    pub fn check(&self) -> Result<()> {
        let wrong = |name: &str, value: String, help: &str| {
            Err(Error::usage(format!("`{name}` is {value}")).help(help.to_owned()))
        };
        let counts = [
            ("batch-size", self.batch_size),
            ("micro-batch", self.micro_batch),
            ("epochs", self.epochs),
            ("steps", self.steps.unwrap_or(1)),
            ("validate-every", self.validate_every.unwrap_or(1)),
            ("save-every", self.save_every.unwrap_or(1)),
            ("schedule-steps", self.schedule_steps.unwrap_or(1)),
        ];
        if let Some((name, _)) = counts.iter().find(|(_, count)| *count == 0) {
            return wrong(name, "0".to_owned(), "give a number of at least 1");
        }
        let rates = [
            ("learning-rate", self.learning_rate),
            ("floor", self.floor),
            ("weight-decay", self.weight_decay),
            ("max-grad-norm", self.max_grad_norm.unwrap_or(1.0)),
        ];
        if let Some((name, value)) = rates.iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0)) {
            return wrong(name, value.to_string(), "give a number that is not negative");
        }
        // JSON, in which a strategy is told them, has no such numbers.
        let adapters = [("alpha", self.alpha), ("dropout", self.dropout)];
        if let Some((name, Some(value))) =
            adapters.iter().find(|(_, value)| value.is_some_and(|value| !value.is_finite()))
        {
            return wrong(name, value.to_string(), "give a number");
        }
        if self.max_grad_norm == Some(0.0) {
            return wrong("max-grad-norm", "0".to_owned(), "nothing would be learnt; leave it out for no limit");
        }
        if !self.validates() && !self.caption_metrics.is_empty() {
            return wrong(
                "caption-metrics",
                "given without a validation split".to_owned(),
                "name a --validation-split",
            );
        }
        Ok(())
    }

    /// Is there a validation split?
    pub fn validates(&self) -> bool {
        self.validation_split != "none"
    }

    /// The schedule of a training of so many steps.
    pub fn schedule(&self, steps: usize) -> Schedule {
        let period = self.schedule_steps.unwrap_or(match self.schedule {
            ScheduleKind::Cosine => 500,
            _ => steps.saturating_sub(self.warmup),
        });
        let (kind, learning_rate, floor, warmup) = (self.schedule, self.learning_rate, self.floor, self.warmup);
        Schedule { kind, learning_rate, floor, period, warmup }
    }

    /// What the strategy is told: only what was given, so that one without these options can be used too.
    pub fn strategy_settings(&self) -> Result<serde_json::Value> {
        let mut settings = crate::eval::json_settings(&self.strategy_options)?;
        let given = [
            ("rank", self.rank.map(serde_json::Value::from)),
            ("alpha", self.alpha.map(serde_json::Value::from)),
            ("dropout", self.dropout.map(serde_json::Value::from)),
            ("scaling", self.scaling.clone().map(serde_json::Value::from)),
        ];
        if let serde_json::Value::Object(map) = &mut settings {
            map.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_with_a_few_keys_is_the_defaults_with_those_changed() {
        let options: TrainOptions = toml::from_str("model = 'a'\nrank = 8\nschedule = 'linear'").unwrap();
        assert_eq!((options.rank, options.batch_size, options.patience), (Some(8), 16, 3));
        assert_eq!(options.strategy_settings().unwrap(), serde_json::json!({ "rank": 8 }));
        let again: TrainOptions = toml::from_str(&toml::to_string(&options).unwrap()).unwrap();
        assert_eq!(again, options);
        assert!(toml::from_str::<TrainOptions>("learningrate = 1").is_err());
    }

    #[test]
    fn options_that_make_no_sense_are_named() {
        let of = |text: &str| toml::from_str::<TrainOptions>(text).unwrap().check();
        assert!(of("batch-size = 0").unwrap_err().message.contains("batch-size"));
        assert!(of("learning-rate = -1.0").unwrap_err().message.contains("learning-rate"));
        assert!(of("learning-rate = nan").is_err());
        assert!(of("alpha = nan").unwrap_err().message.contains("`alpha` is NaN"));
        assert!(of("dropout = inf").unwrap_err().message.contains("`dropout` is inf"));
        assert!(of("validation-split = 'none'\ncaption-metrics = ['bleu']").is_err());
        assert!(of("").is_ok());
    }

    #[test]
    fn schedules_have_the_studys_period_or_the_trainings_length() {
        let options = TrainOptions::default();
        assert_eq!(options.schedule(20).period, 500);
        let linear = TrainOptions { schedule: ScheduleKind::Linear, warmup: 5, ..TrainOptions::default() };
        assert_eq!(linear.schedule(20).period, 15);
    }
}
