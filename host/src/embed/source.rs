//! What is embedded by what: from names to an encoder, items, and their images or texts.

use super::captions::{self, CaptionSource, Captions};
use super::folder::{Folder, Layout, Plan};
use crate::catalogue::{SplitRequest, check_split};
use crate::error::{Error, Result};
use crate::eval::{dataset_entry_splits, dataset_spec, one_answer, prepared, prepared_items, prepared_spec};
use crate::loader::Library;
use crate::prepare::{Prepared, prepared_digest};
use crate::progress::Reporter;
use crate::registry::{Lock, Registry, Weights, unknown_name, weights_digest};
use crate::run::{read_items, write_items};
use crate::worker::{Command, ComponentSpec, EmbedInput, EmbedItem, Event, ImagePlace, Limits};
use plugin_api::abi::messages::{DatasetMessage, EncoderMessage};
use plugin_api::{Device, EmbeddingSpace, Item, Modality};
use std::path::PathBuf;

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// An encoder, or a captioner whose plugin has an encoder too.
    pub model: String,
    pub space: Option<String>,
    pub dataset: String,
    pub split: String,
    pub limit: Option<usize>,
    pub out: PathBuf,
    pub layout: Layout,
    /// A run whose captions stand in for missing descriptions, and the model that made them.
    pub captions: Option<(PathBuf, Option<String>)>,
    pub device: Device,
    pub threads: usize,
    pub batch_size: usize,
    pub limits: Limits,
}

/// All that the work needs.
pub struct Source {
    pub plan: Plan,
    pub encoder: ComponentSpec<EncoderMessage>,
    pub dataset: ComponentSpec<DatasetMessage>,
    splits: Option<PathBuf>,
    prepared: Option<Prepared>,
    captions: Option<Captions>,
}

/// The registry's entry of the model.
struct Entry<'a> {
    plugin: &'a str,
    component: Option<&'a str>,
    weights: &'a str,
    revision: Option<&'a str>,
    adapter: Option<&'a str>,
    settings: &'a toml::Table,
}

/// Resolves a request against the registry and its lock. Opens no library.
pub fn resolve(registry: &Registry, lock: &Lock, request: &Request) -> Result<Source> {
    check_split(&request.split)?;
    let entry = entry(registry, lock, &request.model)?;
    let weights = Weights::named(registry, entry.weights, entry.revision);
    let directory = weights.present().ok_or_else(|| {
        Error::usage(format!("the weights of `{}` ({}) are not here", request.model, entry.weights))
            .help(weights.how_to_get())
    })?;
    let settings = serde_json::to_value(entry.settings)
        .map_err(|error| Error::usage(format!("the registry's options cannot be passed on: {error}")))?;
    let adapter = entry.adapter.map(|adapter| registry.dir().join(adapter));
    let prepared = prepared(registry, &request.dataset)?;
    let dataset = match &prepared {
        Some(prepared) => prepared_spec(registry, lock, &request.dataset, prepared)?,
        None => dataset_spec(registry, lock, &request.dataset)?,
    };
    let catalogue = registry.dataset(&request.dataset)?;
    let captions = request.captions.as_ref();
    let captions =
        captions.map(|(run, model)| captions::read(run, model.as_deref(), &request.dataset)).transpose()?.unzip();
    let locked = |plugin: &str| lock.plugin(plugin).map(|locked| (locked.version.clone(), locked.sha256.clone()));
    let (plugin_version, plugin_sha256) = locked(entry.plugin).unwrap_or_default();
    let plan = Plan {
        model: request.model.clone(),
        plugin: entry.plugin.to_owned(),
        plugin_version,
        plugin_sha256,
        weights: entry.weights.to_owned(),
        weights_sha256: weights_digest(directory)?,
        adapter_sha256: adapter.as_deref().map(weights_digest).transpose()?,
        settings: entry.settings.clone(),
        device: request.device.to_string(),
        dataset: request.dataset.clone(),
        dataset_root: catalogue.root.clone(),
        dataset_settings: catalogue.settings.clone(),
        prepared_sha256: prepared.as_ref().map(|prepared| prepared_digest(&prepared.folder)).transpose()?,
        split: request.split.clone(),
        limit: request.limit,
        captions: captions.0,
        layout: request.layout,
    };
    Ok(Source {
        encoder: ComponentSpec {
            library: Library::locked(registry, lock, entry.plugin)?,
            component: entry.component.map(str::to_owned),
            entry: request.model.clone(),
            message: EncoderMessage {
                weights: directory.to_owned(),
                adapter,
                device: request.device,
                threads: request.threads,
                settings,
            },
        },
        splits: dataset_entry_splits(registry, &request.dataset, &dataset.message.root)?,
        dataset,
        prepared,
        captions: captions.1,
        plan,
    })
}

/// An encoder of that name, else a captioner whose plugin has an encoder.
fn entry<'a>(registry: &'a Registry, lock: &Lock, name: &str) -> Result<Entry<'a>> {
    if let Some(entry) = registry.encoders().get(name) {
        return Ok(Entry {
            plugin: &entry.plugin,
            component: entry.component.as_deref(),
            weights: &entry.weights,
            revision: entry.revision.as_deref(),
            adapter: None,
            settings: &entry.settings,
        });
    }
    let Some(entry) = registry.models().get(name) else {
        let known = registry.encoders().keys().chain(registry.models().keys());
        return Err(unknown_name("encoder or model", name, known));
    };
    let encoders = lock
        .plugin(&entry.plugin)
        .map_or(0, |locked| locked.components.iter().filter(|component| component.kind == "encoder").count());
    if lock.plugin(&entry.plugin).is_some() && encoders == 0 {
        let known: Vec<&str> = registry.encoders().keys().map(String::as_str).collect();
        return Err(Error::usage(format!("`{name}` captions, and offers no embeddings (plugin `{}`)", entry.plugin))
            .help(format!("encoders are: {}; a captioner of BLIP-2 embeds too", known.join(", "))));
    }
    Ok(Entry {
        plugin: &entry.plugin,
        component: None,
        weights: &entry.weights,
        revision: entry.revision.as_deref(),
        adapter: entry.adapter.as_deref(),
        settings: &entry.settings,
    })
}

/// The items of the split, those without a description too; listed once a folder.
pub fn items(source: &Source, request: &Request, folder: &Folder, reporter: &Reporter) -> Result<Vec<Item>> {
    let file = folder.items_file();
    if file.is_file() {
        return read_items(&file);
    }
    if let Some(prepared) = &source.prepared {
        let items = prepared_items(prepared, &request.split, request.limit)?;
        write_items(&file, &items)?;
        return Ok(items);
    }
    let command = Command::List {
        dataset: source.dataset.clone(),
        request: SplitRequest {
            split: request.split.clone(),
            limit: request.limit,
            files: source.splits.clone(),
            undescribed: true,
        },
        items_file: file.clone(),
        dropped_file: folder.dropped_file(),
    };
    match one_answer(&command, request.limits, request.threads, reporter)? {
        Ok(Event::Listed { items, dropped }) => {
            let dropped = if dropped > 0 { format!("; {dropped} records are no items") } else { String::new() };
            reporter.note(&format!("{}: {items} items in split {}{dropped}", request.dataset, request.split));
            read_items(&file)
        }
        Ok(Event::NotSaved(failure)) => Err(failure.into()),
        Ok(_) => Err(Error::failed("the worker gave another answer than the list of items")),
        Err(reason) => Err(reason),
    }
}

/// All descriptions of an item in one text; nothing where it has none.
fn description(item: &Item) -> String {
    let described: Vec<&str> = item.references.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect();
    described.join(" ")
}

impl Source {
    /// What the worker is told of each item.
    pub fn inputs(&self, items: &[Item], modality: Modality) -> Result<Vec<EmbedItem>> {
        let pack = self.prepared.as_ref().map(Prepared::pack).transpose()?.flatten();
        let input = |item: &Item| match modality {
            Modality::Text => EmbedInput::Text(self.text(item)),
            Modality::Image => {
                let packed = pack.as_ref().and_then(|pack| Some((pack, pack.place(&item.id)?)));
                EmbedInput::Image(match packed {
                    Some((pack, (offset, bytes))) => ImagePlace::Packed { pack: pack.pack.clone(), offset, bytes },
                    None => ImagePlace::Locator(item.image.clone()),
                })
            }
        };
        let item = |(index, item): (usize, &Item)| EmbedItem { index, id: item.id.clone(), input: input(item) };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// The item's description, else its caption, else nothing.
    fn text(&self, item: &Item) -> String {
        let described = description(item);
        match &self.captions {
            Some(captions) if described.is_empty() => captions.get(&item.id).cloned().unwrap_or_default(),
            _ => described,
        }
    }

    /// How many descriptions are completed by captions, where some are asked for; and says so.
    ///
    /// # Errors
    /// They complete nothing that is missing, or the space takes no texts.
    pub fn completed(&self, items: &[Item], space: &EmbeddingSpace, reporter: &Reporter) -> Result<Option<usize>> {
        let (Some(captions), Some(CaptionSource { run, model, .. })) = (&self.captions, &self.plan.captions) else {
            return Ok(None);
        };
        let (run, dataset) = (run.display(), &self.plan.dataset);
        if space.input != Modality::Text {
            return Err(Error::usage(format!(
                "captions stand in for texts, and the space `{}` takes images",
                space.name
            ))
            .help("leave --captions out"));
        }
        let bare: Vec<&Item> = items.iter().filter(|item| description(item).is_empty()).collect();
        let has_caption = |item: &&&Item| captions.get(&item.id).is_some_and(|caption| !caption.trim().is_empty());
        let (completed, all) = (bare.iter().filter(has_caption).count(), bare.len());
        match completed {
            _ if all == 0 => {
                reporter.warn(&format!("all items of {dataset} have a description; {run} completes nothing"))
            }
            0 => {
                return Err(Error::usage(format!(
                    "{run} has captions by {model} of none of the {all} items of {dataset} without a description"
                ))
                .help(format!(
                    "`host eval --models {model} --datasets {dataset} --split all --undescribed` makes them"
                )));
            }
            _ if completed < all => reporter.warn(&format!(
                "{} of the {all} items of {dataset} without a description have no caption in {run} either",
                all - completed
            )),
            _ => reporter.note(&format!("{completed} missing descriptions of {dataset} are completed by {model}")),
        }
        Ok(Some(completed))
    }

    /// The dataset, where its plugin is needed for images.
    pub fn dataset_for(&self, modality: Modality) -> Option<&ComponentSpec<DatasetMessage>> {
        let packed = self.prepared.as_ref().is_some_and(|prepared| prepared.manifest.steps.contains_key("pack"));
        (modality == Modality::Image && !packed).then_some(&self.dataset)
    }
}
