//! `host demo`

use super::Done;
use super::common::Common;
use super::eval;
use super::printing::{print, print_tables};
use crate::error::{Error, Result};
use crate::eval::{Jobs, Request, evaluate};
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use crate::report::{self, Document};
use crate::run::{RunDir, Shard, create_folder};
use crate::worker::Limits;
use clap::Args;
use plugin_api::Generation;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Fetch nothing: metrics whose data files are absent are skipped
    #[arg(long)]
    offline: bool,
    /// Articles in the sample catalogue
    #[arg(long, default_value_t = 600, value_name = "N")]
    articles: usize,
    /// The run directory [default: runs/demo beside the registry]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
}

/// The generator's seed: the nano models were trained on the training part of this catalogue.
const SAMPLE_SEED: u64 = 42;

/// Marks a folder as made by the generator, and with which numbers.
const MARK: &str = "made-by-host-demo.txt";

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    let reporter = common.reporter();
    let data = registry.dir().join("data");
    make_catalogues(&data, arguments.articles, &|text| reporter.note(text))?;
    for name in ["hm", "fashiongen"] {
        prepare_sample(&registry, &lock, name, &data, &reporter)?;
    }
    if !arguments.offline {
        fetch_assets(&registry, &lock, &reporter);
    }
    let run = arguments.run.clone().unwrap_or_else(|| registry.dir().join("runs").join("demo"));
    let request = Request {
        models: vec!["all".to_owned()],
        datasets: vec!["hm".to_owned(), "fashiongen".to_owned()],
        metrics: vec!["all".to_owned()],
        split: "test".to_owned(),
        limit: None,
        undescribed: false,
        run: Some(run.clone()),
        device: common.device,
        batch_size: 8,
        jobs: Jobs::ONE,
        shard: Shard::WHOLE,
        threads: common.threads,
        seed: common.seed,
        generation: Generation::default(),
        limits: Limits::default(),
    };
    let evaluated = evaluate(&registry, &lock, &request, &reporter)?;
    let (_, plan) = RunDir::existing(&run)?;
    print_tables(&pre_trained_and_fine_tuned(report::collect(&evaluated.run, &plan).document()))?;
    let done = eval::done(&evaluated)?;
    print(&format!(
        "\nThe report: {}\nThe captions: {}\nYour own data and weights: see README.md\n",
        run.join("report.html").display(),
        run.join("predictions").display()
    ))?;
    Ok(done)
}

/// The tables in the study's layout, where there are adapters: a row a model, in its cells the pre-trained model's score and that of the
/// model fine-tuned for the dataset. The intervals are in the run's files.
fn pre_trained_and_fine_tuned(document: Document) -> Document {
    let mut paired = false;
    let tables = document.tables.into_iter().map(|table| match table.paired() {
        Some(pairs) => {
            paired = true;
            pairs
        }
        None => table,
    });
    let tables = tables.collect();
    let notes = match paired {
        true => vec![
            "Scores are multiplied by 100. A cell of two is pre-trained / fine-tuned for the catalogue; one alone has its 95 % interval below. table.md has all."
                .to_owned(),
        ],
        false => document.notes,
    };
    Document { tables, notes }
}

/// Prepares a sample catalogue. Somebody's own prepared dataset of that name is never touched.
fn prepare_sample(registry: &Registry, lock: &Lock, name: &str, data: &Path, reporter: &Reporter) -> Result<()> {
    let ours = data.join(name).canonicalize().unwrap_or_default();
    let earlier = crate::eval::prepared(registry, name)?;
    if let Some(earlier) = earlier.filter(|earlier| earlier.manifest.root != ours) {
        return Err(Error::usage(format!(
            "{} is there already, prepared from {}",
            earlier.folder.display(),
            earlier.manifest.root.display()
        ))
        .help(format!(
            "if that was the demo's, before it was moved here: remove {} and run it again; to evaluate your own data: host eval --models all \
             --datasets hm,fashiongen",
            earlier.folder.display()
        )));
    }
    super::prepare::prepare_sample(registry, lock, name, SAMPLE_SEED, reporter)
}

/// Gets the data files that metrics lack, where pip is there; without them those metrics are skipped, and said to be.
fn fetch_assets(registry: &Registry, lock: &Lock, reporter: &Reporter) {
    let Some(folder) = crate::score::assets_dir() else { return };
    for entry in registry.metrics().values() {
        let missing: Vec<String> =
            lock.missing_assets(&entry.plugin, Some(&folder)).map(|asset| asset.name.clone()).collect();
        for asset in missing {
            reporter.note(&format!("fetching {asset}: a data file of the metrics, once"));
            match super::assets::add(registry, lock, &asset, &folder) {
                Ok(installed) => reporter.note(&installed),
                Err(error) => reporter.note(&format!("{asset} is not here and cannot be fetched: {}", error.message)),
            }
        }
    }
}

/// Draws the sample catalogue, unless it is there already. Somebody's own files are never touched.
fn make_catalogues(data: &Path, articles: usize, say: &dyn Fn(&str)) -> Result<()> {
    let mark = data.join(MARK);
    let wanted = format!("{articles} articles, seed {}\n", SAMPLE_SEED);
    match std::fs::read_to_string(&mark) {
        Ok(made) if made == wanted => return Ok(()),
        _ => {}
    }
    let marked = mark.exists();
    for folder in ["hm", "fashiongen"] {
        if data.join(folder).exists() && !marked {
            return Err(Error::usage(format!(
                "{} is there already and was not made by the demo",
                data.join(folder).display()
            ))
            .help("to evaluate your own data: host eval --models all --datasets hm,fashiongen"));
        }
    }
    say(&format!("drawing a sample catalogue of {articles} articles in {}", data.display()));
    create_folder(data)?;
    std::fs::write(&mark, "unfinished\n").map_err(|error| Error::io("write", &mark, &error))?;
    for folder in ["hm", "fashiongen"] {
        let folder = data.join(folder);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(|error| Error::io("replace", &folder, &error))?;
        }
    }
    samples::write_catalogues(data, articles, SAMPLE_SEED).map_err(|error| Error::failed(error.to_string()))?;
    std::fs::write(&mark, wanted).map_err(|error| Error::io("write", &mark, &error))
}
