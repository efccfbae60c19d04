//! `host caption`

use super::Done;
use super::common::{Common, GenerationFlags, LimitFlags, print, print_json};
use crate::error::{Error, Result};
use crate::eval::{captioner_of_model, captioner_of_weights, check_generation, overridden};
use crate::run::Outcome;
use crate::worker::{CaptionItem, Command, Event, ImagePlace, Limits, Reply, Worker};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Arguments {
    /// A model of the registry
    #[arg(long, conflicts_with = "weights")]
    model: Option<String>,
    /// Any Hugging Face directory; its config.json tells which plugin loads it
    #[arg(long, value_name = "DIR")]
    weights: Option<PathBuf>,
    /// A PEFT adapter to apply
    #[arg(long, value_name = "DIR")]
    adapter: Option<PathBuf>,
    /// Text that the model continues or obeys [default: the model's usual prompt]
    #[arg(long)]
    prompt: Option<String>,
    /// Images in a batch
    #[arg(long, default_value_t = 8, value_name = "N")]
    batch_size: usize,
    /// Print a JSON object a line for each image
    #[arg(long)]
    json: bool,
    /// JPEG, PNG or WebP files
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
    #[command(flatten)]
    generation: GenerationFlags,
    #[command(flatten)]
    limits: LimitFlags,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    let mut captioner = match (&arguments.model, &arguments.weights) {
        (Some(name), _) => captioner_of_model(&registry, &lock, name)?,
        (None, Some(directory)) => captioner_of_weights(&registry, &lock, directory)?,
        (None, None) => return Err(Error::usage("no model was named").help("give --model NAME or --weights DIR")),
    };
    let message = &mut captioner.message;
    message.device = common.device;
    message.threads = common.threads;
    message.generation = overridden(&message.generation, &(&arguments.generation).into());
    check_generation(&message.generation)?;
    message.prompt = arguments.prompt.clone().or(message.prompt.take());
    message.adapter = arguments.adapter.clone().or(message.adapter.take());
    let limits: Limits = (&arguments.limits).into();
    let reporter = common.reporter();

    let mut worker = Worker::start(limits, common.threads)?;
    worker.send(&Command::Load { captioner })?;
    let images = arguments.images.iter().enumerate().map(|(index, path)| {
        let seed = crate::eval::item_seed(common.seed, &path.to_string_lossy());
        CaptionItem { index, image: ImagePlace::File(path.clone()), seed }
    });
    let caption =
        Command::Caption { dataset: None, items: images.collect(), batch_size: arguments.batch_size, loaders: 2 };
    let (mut loading, mut failed) = (true, 0);
    loop {
        match worker.next(loading) {
            Reply::Event(Event::Loaded { .. }) => {
                loading = false;
                worker.send(&caption)?;
            }
            Reply::Event(Event::Captions { results, .. }) => {
                for result in results {
                    let image = &arguments.images[result.index];
                    failed += usize::from(matches!(result.outcome, Outcome::Failed { .. }));
                    print_outcome(image, &result.outcome, arguments.json, arguments.images.len())?;
                }
            }
            Reply::Event(Event::Done) => break,
            Reply::Event(Event::Failed(failure)) => return Err(failure.into()),
            Reply::Event(Event::Log { level, message }) => reporter.plugin(&level, &message),
            Reply::Event(_) => {}
            Reply::Died(death) => return Err(Error::failed(death.reason)),
        }
    }
    match failed {
        0 => Ok(Done::All),
        failed if failed == arguments.images.len() => Err(Error::failed("no image could be captioned")),
        _ => Ok(Done::SomeFailed),
    }
}

fn print_outcome(image: &std::path::Path, outcome: &Outcome, json: bool, images: usize) -> Result<()> {
    match (outcome, json) {
        (Outcome::Caption { caption, token_ids, finish }, true) => print_json(
            &serde_json::json!({ "image": image, "caption": caption, "token_ids": token_ids, "finish": finish }),
        ),
        (Outcome::Failed { error }, true) => print_json(&serde_json::json!({ "image": image, "error": error })),
        (Outcome::Caption { caption, .. }, false) if images == 1 => print(&format!("{caption}\n")),
        (Outcome::Caption { caption, .. }, false) => print(&format!("{}: {caption}\n", image.display())),
        (Outcome::Failed { error }, false) => {
            eprintln!("error: {error}");
            Ok(())
        }
    }
}
