//! Which steps are to be done: a step whose inputs, options and files are as they were is reused, and that is said.

use super::files::{DROPPED, ITEMS};
use super::manifest::{FORMAT, MadeStep, Manifest, Prepared, refuse_changes};
use super::options::PrepareOptions;
use super::output::OutputFile;
use super::select::Selecting;
use super::source::{Catalogue, changes, source_files};
use super::{attributes, categories, pack, read, summary};
use crate::error::{Error, Result};
use crate::progress::Reporter;
use crate::run::{Kind, RunLock, Shard, file_digest, hex};
use crate::stop;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A part of preparation that can be done by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reading, filtering, normalising and splitting: the items.
    Split,
    Attributes,
    Categories,
}

/// All steps with their names, in order.
pub const STEPS: [(&str, Step); 3] =
    [("split", Step::Split), ("attributes", Step::Attributes), ("categories", Step::Categories)];

impl Step {
    pub fn name(self) -> &'static str {
        STEPS.iter().find(|(_, step)| *step == self).map_or("", |(name, _)| name)
    }
}

/// What is to be prepared, and how.
pub struct Request<'a> {
    /// The name in the registry.
    pub dataset: &'a str,
    pub plugin: &'a str,
    pub plugin_sha256: &'a str,
    /// The vendor's folder.
    pub root: &'a Path,
    /// The plugin's own options.
    pub settings: toml::Table,
    /// A folder of ids by split.
    pub splits: Option<PathBuf>,
    pub out: &'a Path,
    pub options: PrepareOptions,
    pub steps: Vec<Step>,
    pub pack: bool,
    /// Prepare although the source has changed.
    pub force: bool,
    pub seed: u64,
}

/// What came of it.
pub struct Outcome {
    pub prepared: Prepared,
    /// Steps that were done, and those whose results were there.
    pub done: Vec<String>,
    pub reused: Vec<String>,
    /// The text of `summary.txt`.
    pub summary: String,
}

/// Prepares a dataset, or what is missing of it.
///
/// # Errors
/// The folder holds something else, or another host is at work in it; the source changed since the folder was made (and `force` is not set),
/// the catalogue cannot be read, no item is left, or a step needs items that are not there. Asked to stop: the steps that are done are kept.
pub fn prepare(catalogue: &dyn Catalogue, request: &Request<'_>, reporter: &Reporter) -> Result<Outcome> {
    let whole = |path: &Path| path.canonicalize().ok();
    if whole(request.out).is_some_and(|out| whole(request.root) == Some(out)) {
        return Err(Error::usage(format!(
            "the prepared dataset would go among the vendor's files in {}",
            request.root.display()
        ))
        .help("choose another folder with --out DIR"));
    }
    let _held = RunLock::take(request.out, Kind::Prepared, Shard::WHOLE)?;
    let earlier = Manifest::read(request.out)?;
    if let Some(earlier) = &earlier {
        if earlier.dataset != request.dataset {
            return Err(Error::usage(format!("{} holds the dataset `{}`", request.out.display(), earlier.dataset))
                .help("choose another folder with --out DIR"));
        }
        if !request.force {
            let changed = changes(request.root, request.splits.as_deref(), &earlier.sources)?;
            refuse_changes(request.dataset, &changed)?;
        }
    }
    let sources = source_files(request.root, request.splits.as_deref())?;
    let mut work = Work { catalogue, request, reporter, done: Vec::new(), reused: Vec::new() };
    let from = digest(&json!({
        "format": FORMAT,
        "plugin": request.plugin_sha256,
        "host": env!("CARGO_PKG_VERSION"),
        "sources": sources.iter().map(|file| (&file.path, &file.sha256)).collect::<Vec<_>>(),
        "settings": request.settings,
        "seed": request.seed,
        "options": PrepareOptions { attribute_minimum: 0, ..request.options.clone() },
    }));
    let mut prepared = work.items(earlier, sources, from)?;
    let items = prepared.items_sha256().to_owned();
    if request.steps.contains(&Step::Attributes) {
        prepared.manifest.options.attribute_minimum = request.options.attribute_minimum;
        let from = digest(&json!([items, request.options.attribute_minimum, env!("CARGO_PKG_VERSION")]));
        work.step(&mut prepared, "attributes", from, |prepared| attributes::write(prepared, reporter))?;
    }
    if request.steps.contains(&Step::Categories) {
        let from = digest(&json!([items, request.seed, env!("CARGO_PKG_VERSION")]));
        work.step(&mut prepared, "categories", from, |prepared| categories::write(prepared, reporter))?;
    }
    if request.pack {
        let from = digest(&json!([items, env!("CARGO_PKG_VERSION")]));
        work.step(&mut prepared, "pack", from, |prepared| pack::write(prepared, catalogue, reporter))?;
    }
    let summary = summary::write(&prepared)?;
    Ok(Outcome { prepared, done: work.done, reused: work.reused, summary })
}

struct Work<'a> {
    catalogue: &'a dyn Catalogue,
    request: &'a Request<'a>,
    reporter: &'a Reporter,
    done: Vec<String>,
    reused: Vec<String>,
}

impl Work<'_> {
    /// The items: as they are, if they are up to date or not asked for; else made.
    fn items(
        &mut self,
        earlier: Option<Manifest>,
        sources: Vec<super::source::SourceFile>,
        from: String,
    ) -> Result<Prepared> {
        let request = self.request;
        let folder = request.out.to_owned();
        let name = Step::Split.name();
        if let Some(manifest) = earlier {
            let made = manifest.steps.get(name);
            let whole = made.is_some_and(|made| made.is_whole(&folder));
            let current = made.is_some_and(|made| made.from == from);
            if whole && (current || !request.steps.contains(&Step::Split)) {
                if !current {
                    self.reporter.warn("the items were prepared otherwise and are used as they are, because --steps leaves out `split`");
                }
                self.reused.push(name.to_owned());
                let mut manifest = manifest;
                if manifest.root != request.root && current {
                    // The same files in another place.
                    manifest.root = request.root.to_owned();
                    manifest.splits = request.splits.clone();
                    manifest.write(&folder)?;
                }
                return Ok(Prepared { folder, manifest });
            }
        } else if !request.steps.contains(&Step::Split) {
            return Err(Error::usage(format!("{} has no items yet", folder.display())).help(format!(
                "run `host prepare {}` with all steps, or with `--steps split` first",
                request.dataset
            )));
        }
        let mut dropped = OutputFile::create(&folder, DROPPED)?;
        dropped.csv(&["id", "step", "reason"])?;
        let records = read::read(self.catalogue, &request.options, &folder, &mut dropped)?;
        let selecting = Selecting {
            folder: &folder,
            options: &request.options,
            splits: request.splits.as_deref(),
            seed: request.seed,
        };
        let (counts, items) = selecting.write(records, &mut dropped)?;
        let files = BTreeMap::from([(ITEMS.to_owned(), items), (DROPPED.to_owned(), dropped.finish()?)]);
        let manifest = Manifest {
            format: FORMAT,
            dataset: request.dataset.to_owned(),
            plugin: request.plugin.to_owned(),
            plugin_sha256: request.plugin_sha256.to_owned(),
            host_version: env!("CARGO_PKG_VERSION").to_owned(),
            seed: request.seed,
            root: request.root.to_owned(),
            splits: request.splits.clone(),
            settings: request.settings.clone(),
            options: request.options.clone(),
            counts,
            sources,
            // What other steps made was made of other items: it is made anew or found to be of no use.
            steps: BTreeMap::from([(name.to_owned(), MadeStep { from, files })]),
        };
        self.forget_stale_files(&folder)?;
        manifest.write(&folder)?;
        self.done.push(name.to_owned());
        Ok(Prepared { folder, manifest })
    }

    /// Vocabulary, classifier and pack of other items must not be read with these.
    fn forget_stale_files(&self, folder: &Path) -> Result<()> {
        use super::files::{PACK, PACK_INDEX};
        use category_classifier::{CATEGORIES_FILE, MODEL_FILE};
        use language::attributes::VOCABULARY_FILE;
        for name in [VOCABULARY_FILE, CATEGORIES_FILE, MODEL_FILE, PACK, PACK_INDEX] {
            let path = folder.join(name);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io("replace", &path, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A step over the items: reused if it was made from the same, else made and noted.
    fn step(
        &mut self,
        prepared: &mut Prepared,
        name: &str,
        from: String,
        make: impl FnOnce(&Prepared) -> Result<BTreeMap<String, String>>,
    ) -> Result<()> {
        let made = prepared.manifest.steps.get(name);
        if made.is_some_and(|made| made.from == from && made.is_whole(&prepared.folder)) {
            self.reused.push(name.to_owned());
            return Ok(());
        }
        stop::check()?;
        self.reporter.note(&format!("preparing {name}"));
        let files = make(prepared)?;
        prepared.manifest.steps.insert(name.to_owned(), MadeStep { from, files });
        prepared.manifest.write(&prepared.folder)?;
        self.done.push(name.to_owned());
        Ok(())
    }
}

fn digest(value: &serde_json::Value) -> String {
    hex(&Sha256::digest(value.to_string().as_bytes()))
}

/// The digest of a prepared dataset as a plan records it: of the files that decide predictions and scores.
pub fn prepared_digest(folder: &Path) -> Result<String> {
    let prepared = Prepared::open(folder)?;
    let files: BTreeMap<&String, &String> = prepared.manifest.steps.values().flat_map(|step| &step.files).collect();
    for name in files.keys() {
        // A file that was changed by hand is found here, before hours of captioning.
        let path = folder.join(name);
        if !path.is_file() {
            return Err(Error::usage(format!("{} is missing", path.display()))
                .help(format!("run `host prepare {}` again", prepared.manifest.dataset)));
        }
    }
    let items = folder.join(ITEMS);
    if file_digest(&items)? != prepared.items_sha256() {
        return Err(Error::usage(format!("{} has changed since it was prepared", items.display()))
            .help(format!("run `host prepare {}` again", prepared.manifest.dataset)));
    }
    Ok(digest(&json!(files)))
}
