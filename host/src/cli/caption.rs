//! `host caption`

use super::Done;
use super::common::{Common, GenerationFlags, LimitFlags};
use super::printing::{print, print_json_line};
use crate::error::{Error, Result};
use crate::eval::{captioner_of_model, captioner_of_weights, check_generation, overridden};
use crate::progress::{printable, tell};
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

    // A name that is no UTF-8 cannot be told to the worker: it costs that image alone.
    let (told, untold): (Vec<usize>, Vec<usize>) =
        (0..arguments.images.len()).partition(|index| arguments.images[*index].to_str().is_some());
    let mut failed = 0;
    let mut tell = |index: usize, outcome: &Outcome| {
        failed += usize::from(matches!(outcome, Outcome::Failed { .. }));
        print_outcome(&arguments.images[index], outcome, arguments.json, arguments.images.len())
    };
    for index in untold {
        let name = arguments.images[index].display();
        let error = format!("the name of the image {name} is no UTF-8; rename it, or link it under another name");
        tell(index, &Outcome::Failed { error })?;
    }
    if !told.is_empty() {
        let items = told.into_iter().map(|index| {
            let path = &arguments.images[index];
            let seed = crate::eval::item_seed(common.seed, &path.to_string_lossy());
            CaptionItem { index, image: ImagePlace::File(path.clone()), seed }
        });
        let items = items.collect();
        let caption = Command::Caption { dataset: None, items, batch_size: arguments.batch_size, loaders: 2 };
        let mut worker = Worker::start(limits, common.threads)?;
        worker.send(&Command::Load { captioner })?;
        let mut loading = true;
        loop {
            match worker.next(loading) {
                Reply::Event(Event::Loaded { .. }) => {
                    loading = false;
                    worker.send(&caption)?;
                }
                Reply::Event(Event::Captions { results, .. }) => {
                    for result in results {
                        tell(result.index, &result.outcome)?;
                    }
                }
                Reply::Event(Event::Done) => break,
                Reply::Event(Event::Failed(failure)) => return Err(failure.into()),
                Reply::Event(Event::Log { level, message }) => reporter.plugin(&level, &message),
                Reply::Event(_) => {}
                Reply::Died(death) => return Err(Error::failed(death.reason)),
            }
        }
    }
    match failed {
        0 => Ok(Done::All),
        failed if failed == arguments.images.len() => Err(Error::failed("no image could be captioned")),
        _ => Ok(Done::SomeFailed),
    }
}

fn print_outcome(image: &std::path::Path, outcome: &Outcome, json: bool, images: usize) -> Result<()> {
    let name = image.to_string_lossy();
    match (outcome, json) {
        (Outcome::Caption { caption, token_ids, finish }, true) => print_json_line(
            &serde_json::json!({ "image": name, "caption": caption, "token_ids": token_ids, "finish": finish }),
        ),
        (Outcome::Failed { error }, true) => print_json_line(&serde_json::json!({ "image": name, "error": error })),
        (Outcome::Caption { caption, .. }, false) if images == 1 => print(&(printable(caption) + "\n")),
        (Outcome::Caption { caption, .. }, false) => print(&printable(&format!("{name}: {caption}\n"))),
        (Outcome::Failed { error }, false) => {
            tell(&format!("error: {error}"));
            Ok(())
        }
    }
}
