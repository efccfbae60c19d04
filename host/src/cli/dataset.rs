//! `host dataset`

use super::Done;
use super::common::Common;
use super::printing::{print, print_json};
use crate::catalogue::{Manner, decode, flatten};
use crate::error::{Error, Result};
use crate::eval::{dataset_spec, prepared, prepared_spec};
use crate::loader::Dataset;
use crate::prepare::{PackIndex, Prepared};
use crate::progress::{printable, tell};
use crate::terminal::Protocol;
use clap::Subcommand;
use plugin_api::{ImageSource, Item};
use std::fmt::Write;
use std::io::IsTerminal;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Show an item: image, text, attributes, category
    Show {
        /// A dataset of the registry
        dataset: String,
        /// The item, by its id or its product's [default: the first]
        #[arg(long)]
        id: Option<String>,
        /// How the terminal takes pictures [default: as its environment says]
        #[arg(long, value_name = "PROTOCOL")]
        images: Option<Protocol>,
        /// Print the item as JSON
        #[arg(long)]
        json: bool,
    },
    /// Copy or link a tree of images into one folder; images of one name are refused
    Flatten {
        /// The tree, such as H&M's images/
        tree: PathBuf,
        /// The folder
        folder: PathBuf,
        /// Link instead of copying
        #[arg(long)]
        link: bool,
    },
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    match arguments {
        Arguments::Flatten { tree, folder, link } => {
            let result = flatten(tree, folder, if *link { Manner::Link } else { Manner::Copy })?;
            let there = if result.there > 0 { format!(", {} were there", result.there) } else { String::new() };
            print(&format!("{} images{there}\n", result.placed))?;
        }
        Arguments::Show { dataset, id, images, json } => {
            let (registry, lock) = common.registry_and_lock()?;
            let prepared = prepared(&registry, dataset)?;
            let spec = match &prepared {
                Some(prepared) => prepared_spec(&registry, &lock, dataset, prepared)?,
                None => dataset_spec(&registry, &lock, dataset)?,
            };
            let open = || spec.library.open()?.dataset(spec.component.as_deref(), dataset, &spec.message);
            let item = match &prepared {
                Some(prepared) => find_prepared(prepared, id.as_deref())?,
                None => find(&open()?, id.as_deref())?,
            };
            let item = item.ok_or_else(|| match id {
                Some(id) => Error::usage(format!("dataset `{dataset}` has no item `{id}`"))
                    .help("prepared/…/dropped.csv tells which records are no items, and why"),
                None => Error::failed(format!("dataset `{dataset}` has no items")),
            })?;
            if *json {
                print_json(&item)?;
                return Ok(Done::All);
            }
            let source = image(prepared.as_ref(), &item, &open)?;
            let place = match &source {
                ImageSource::File(path) => path.display().to_string(),
                _ => item.image.clone(),
            };
            let terminal = std::io::stdout().is_terminal();
            let guessed =
                if terminal { Protocol::of_environment(|name| std::env::var(name).ok()) } else { Protocol::None };
            let protocol = images.unwrap_or(guessed);
            if protocol != Protocol::None {
                match decode(source) {
                    Ok(picture) => print(&protocol.shown(&picture).unwrap_or_default())?,
                    Err(reason) => tell(&format!("warning: {reason}")),
                }
            }
            print(&described(&item, &place))?;
        }
    }
    Ok(Done::All)
}

fn is_wanted(item: &Item, id: Option<&str>) -> bool {
    let same = |own: &str, id: &str| own == id || (!id.is_empty() && own.trim_start_matches('0') == id);
    id.is_none_or(|id| same(&item.id, id) || same(&item.product, id))
}

fn find_prepared(prepared: &Prepared, id: Option<&str>) -> Result<Option<Item>> {
    let mut items = prepared.items()?;
    items.find(|item| item.as_ref().map_or(true, |item| is_wanted(item, id))).transpose()
}

fn find(dataset: &Dataset, id: Option<&str>) -> Result<Option<Item>> {
    let mut found = None;
    dataset.read(|record| {
        found = record.ok().filter(|item| is_wanted(item, id));
        found.is_none()
    })?;
    Ok(found)
}

fn image(prepared: Option<&Prepared>, item: &Item, open: &dyn Fn() -> Result<Dataset>) -> Result<ImageSource> {
    if let Some(index) = prepared.map(Prepared::pack).transpose()?.flatten()
        && let Some((offset, bytes)) = index.place(&item.id)
    {
        let image = PackIndex::image(&index.pack, offset, bytes);
        return image.map(ImageSource::Encoded).map_err(|error| Error::io("read", &index.pack, &error));
    }
    Ok(open()?.image(&item.image)?)
}

fn described(item: &Item, image: &str) -> String {
    let mut out = String::new();
    let mut line = |label: &str, text: &str| {
        let _ = writeln!(out, "{:<12} {}", printable(label), printable(text));
    };
    line("id", &item.id);
    line("product", &item.product);
    line("category", item.category.as_deref().unwrap_or("-"));
    line("split", item.split.as_deref().unwrap_or("-"));
    for reference in &item.references {
        line("text", reference);
    }
    let mut attributes: Vec<String> =
        item.references.iter().flat_map(|text| language::attributes::attributes(text)).collect();
    attributes.sort();
    attributes.dedup();
    line("attributes", &attributes.join(", "));
    line("image", image);
    for (key, value) in &item.metadata {
        line(key, value);
    }
    out
}
