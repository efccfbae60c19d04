//! `host embed`

use super::Done;
use super::common::{Common, LimitFlags, limit};
use super::printing::{print, print_json};
use crate::embed::pca::{Keep, reduce};
use crate::embed::{Layout, Manifest, Request, embed};
use crate::error::{Error, Result};
use crate::stop;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Exit code 75: asked to stop by SIGTERM or SIGUSR1; what is done is saved, and the same command goes on."
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// An encoder of the registry, or a captioner that embeds
    #[arg(long, required = true)]
    model: Option<String>,
    /// Which of its embeddings [default: the only one]
    #[arg(long)]
    space: Option<String>,
    /// A dataset of the registry
    #[arg(long, required = true)]
    dataset: Option<String>,
    /// The folder of the features; run the command again to go on
    #[arg(long, required = true, value_name = "DIR")]
    out: Option<PathBuf>,
    /// train, validation, test or all
    #[arg(long, default_value = "all")]
    split: String,
    /// The first N items
    #[arg(long, value_name = "N", value_parser = limit)]
    limit: Option<usize>,
    /// How features are stored
    #[arg(long, value_enum, default_value_t = Layout::Matrix)]
    layout: Layout,
    /// A run whose captions stand in for missing descriptions, where texts are embedded
    #[arg(long, value_name = "RUN")]
    captions: Option<PathBuf>,
    /// The model of that run [default: the only one]
    #[arg(long, value_name = "NAME", requires = "captions")]
    captions_model: Option<String>,
    /// Items in a batch
    #[arg(long, default_value_t = 32, value_name = "N")]
    batch_size: usize,
    /// Print one JSON document: what embed.json holds
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitFlags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Narrow features to their principal components
    Pca(PcaArguments),
}

#[derive(Debug, Args)]
struct PcaArguments {
    /// A folder of features
    #[arg(long, value_name = "DIR")]
    features: PathBuf,
    /// The folder of the narrower features
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Keep as many components as explain more than this share of the variance
    #[arg(long, value_name = "SHARE", default_value_t = 0.95, conflicts_with = "components")]
    variance: f64,
    /// Keep so many components
    #[arg(long, value_name = "N")]
    components: Option<usize>,
    /// Print one JSON document: what pca.json holds
    #[arg(long)]
    json: bool,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    stop::listen();
    if let Some(Command::Pca(arguments)) = &arguments.command {
        return pca(common, arguments);
    }
    let (Some(model), Some(dataset), Some(out)) = (&arguments.model, &arguments.dataset, &arguments.out) else {
        return Err(Error::usage("nothing is to be embedded").help("give --model, --dataset and --out"));
    };
    if arguments.batch_size == 0 {
        return Err(Error::usage("a batch of 0 items cannot be embedded").help("give --batch-size 1 or more"));
    }
    let (registry, lock) = common.registry_and_lock()?;
    let request = Request {
        model: model.clone(),
        space: arguments.space.clone(),
        dataset: dataset.clone(),
        split: arguments.split.clone(),
        limit: arguments.limit,
        out: out.clone(),
        layout: arguments.layout,
        captions: arguments.captions.clone().map(|run| (run, arguments.captions_model.clone())),
        device: common.device,
        threads: common.threads,
        batch_size: arguments.batch_size,
        limits: (&arguments.limits).into(),
    };
    let manifest = embed(&registry, &lock, &request, &common.reporter())?;
    if arguments.json {
        print_json(&manifest)?;
    } else {
        print(&said(&manifest, out))?;
    }
    Ok(if manifest.counts.failed == 0 { Done::All } else { Done::SomeFailed })
}

fn said(manifest: &Manifest, out: &std::path::Path) -> String {
    let Manifest { plan, space, width, counts, .. } = manifest;
    let mut text = format!(
        "{}: {} of {} items in the space `{}` of {} ({width} numbers each), in {}\n",
        plan.dataset,
        counts.embedded,
        counts.items,
        space.name,
        plan.model,
        out.display()
    );
    if counts.truncated > 0 {
        text += &format!("{} texts were longer than the model reads, and were cut\n", counts.truncated);
    }
    if counts.failed > 0 {
        let failed = out.join("failed.jsonl");
        text += &format!("{} items have no features; why stands in {}\n", counts.failed, failed.display());
    }
    text
}

fn pca(common: &Common, arguments: &PcaArguments) -> Result<Done> {
    let keep = arguments.components.map_or(Keep::Variance(arguments.variance), Keep::Components);
    let summary = reduce(&arguments.features, &arguments.out, keep, common.seed, &common.reporter())?;
    if arguments.json {
        print_json(&summary)?;
    } else {
        print(&format!(
            "{} items: {} of {} dimensions hold {:.2} % of the variance, in {}\n",
            summary.items,
            summary.components,
            summary.width,
            100.0 * summary.explained,
            arguments.out.display()
        ))?;
    }
    Ok(Done::All)
}
