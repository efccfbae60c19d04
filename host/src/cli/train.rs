//! `host train`

use super::Done;
use super::common::{Common, LimitFlags};
use super::printing::{print, print_json};
use crate::error::{Error, Result};
use crate::stop;
use crate::train::{TrainOptions, TrainRequest, Trained, train};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 75: asked to stop by SIGTERM or SIGUSR1; what is done is saved, and the same command with --resume goes on."
)]
pub struct Arguments {
    #[command(flatten)]
    training: Training,
    /// Go on with the training in that folder; begin it where there is none
    #[arg(long)]
    resume: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What a training is made of: shared with `host submit`.
#[derive(Debug, Args)]
pub struct Training {
    #[command(flatten)]
    options: TrainOptions,
    /// A further option of the strategy, such as layers=8- or pattern=.*q_proj; any number of them
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The folder of the training; its `adapter` is a PEFT adapter
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    pub limits: LimitFlags,
}

impl Training {
    pub fn request(&self, common: &Common, resume: bool) -> Result<TrainRequest> {
        let mut options = TrainOptions { seed: common.seed, ..self.options.clone() };
        for setting in &self.set {
            let (key, value) = setting.split_once('=').ok_or_else(|| {
                Error::usage(format!("--set {setting} is no KEY=VALUE")).help("for example --set layers=8-")
            })?;
            options.strategy_options.insert(key.to_owned(), value_of(value));
        }
        Ok(TrainRequest {
            options,
            out: self.out.clone(),
            resume,
            device: common.device,
            threads: common.threads,
            limits: (&self.limits).into(),
            patience: Duration::ZERO,
        })
    }
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    stop::listen();
    let (registry, lock) = common.registry_and_lock()?;
    let request = arguments.training.request(common, arguments.resume)?;
    let Some(trained) = train(&registry, &lock, &request, &common.reporter())? else { return Ok(Done::Stopped) };
    match arguments.json {
        true => print_json(&trained)?,
        false => print(&summary(&trained))?,
    }
    Ok(Done::All)
}

/// TOML where it is (numbers, lists, `true`), else a text.
fn value_of(text: &str) -> toml::Value {
    let parsed = toml::from_str::<toml::Table>(&format!("value = {text}")).ok();
    parsed.and_then(|mut table| table.remove("value")).unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

fn summary(trained: &Trained) -> String {
    let result = &trained.result;
    let end = if result.stopped_early { ", ended by patience" } else { "" };
    let mut text = format!("{} steps, {:.1} epochs{end}\n", result.steps, result.epochs);
    if let Some(loss) = result.validation_loss {
        text += &format!("validation loss {loss:.4} at step {}\n", result.best_step);
    }
    if let (Some(kwh), Some(kg)) = (trained.kwh, trained.kg_co2e) {
        let used = match kwh < 0.1 {
            true => format!("{:.3} Wh, {:.3} g CO₂e", kwh * 1e3, kg * 1e3),
            false => format!("{kwh:.2} kWh, {kg:.2} kg CO₂e"),
        };
        text += &format!("energy {used} ({})\n", trained.folder.join("energy.json").display());
    }
    text + &format!("adapter {}\n", trained.adapter.display())
}
