//! The authors' layout: a JSON list of items with their images' addresses. An image's file is the last part of its address, as
//! download tools name it: `images/58d1a13f-b6b6-4e68-b2ff-3a3af47c422e.jpeg`.

use crate::Sink;
use crate::elements::Elements;
use crate::options::{Options, Views};
use crate::text::plain;
use plugin_api::{Host, ImageSource, Item, ItemError, PluginError, Result};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashSet};
use std::path::{Component, Path, PathBuf};

/// The list and its folder of images.
pub struct ListLayout {
    root: PathBuf,
    meta: PathBuf,
    images: String,
    views: Views,
    host: Host,
}

/// An element of the list; what is missing is empty.
#[derive(Deserialize)]
struct Entry {
    id: Value,
    #[serde(default)]
    images: Vec<Map<String, Value>>,
    #[serde(default)]
    title: Value,
    #[serde(default)]
    description: Value,
    #[serde(default)]
    detail_info: Value,
    #[serde(default)]
    category: Value,
    #[serde(default)]
    attr: Value,
}

/// One image of an entry.
struct View {
    colour: String,
    locator: String,
}

impl ListLayout {
    pub fn open(root: &Path, meta: PathBuf, options: &Options, host: Host) -> Result<ListLayout> {
        // Only to fail early; each pass opens it again.
        Elements::open(&meta)?;
        let folder = root.join(&options.images);
        if !inside(&options.images) || !folder.is_dir() {
            return Err(PluginError::data(format!("there is no folder of images at {}", folder.display())).help(
                "download the images that the list names into that folder, each under the last part of its address, \
                 or set `images` in the dataset's entry in registry.toml",
            ));
        }
        Ok(ListLayout { root: root.to_owned(), meta, images: options.images.clone(), views: options.views, host })
    }

    pub fn read(&self, sink: Sink<'_>) -> Result<()> {
        let mut elements = Elements::open(&self.meta)?;
        let mut ids = HashSet::new();
        let mut index = 0u64;
        while let Some(value) = elements.next()? {
            let entry = value.and_then(|value| Entry::deserialize(value).map_err(|error| error.to_string()));
            for record in self.records(index, entry, &mut ids) {
                if sink(record).is_break() {
                    return Ok(());
                }
            }
            index += 1;
            if index.is_multiple_of(1024) {
                self.host.progress(index, 0);
            }
        }
        Ok(())
    }

    fn records(
        &self,
        index: u64,
        entry: Result<Entry, String>,
        ids: &mut HashSet<String>,
    ) -> Vec<Result<Item, ItemError>> {
        let place = format!("{}, item {index}", self.meta.file_name().unwrap_or_default().to_string_lossy());
        let fault = |id: &str, message: String| {
            vec![Err(ItemError { id: id.to_owned(), message: format!("{place}: {message}") })]
        };
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return fault(&place, format!("no item: {error}")),
        };
        let id = plain(&entry.id);
        if id.is_empty() {
            return fault(&place, "no id".into());
        }
        if !ids.insert(id.clone()) {
            return fault(&id, format!("the id {id} stands in the list already"));
        }
        let description = plain(&entry.description);
        let views = self.views_of(&entry);
        let there: Vec<&View> = views.iter().filter(|view| self.root.join(&view.locator).is_file()).collect();
        let Some(first) = there.first() else {
            return match views.first() {
                _ if description.is_empty() => fault(&id, "no description".into()),
                Some(view) => fault(&id, format!("no image at {}", self.root.join(&view.locator).display())),
                None => fault(&id, "no images are named".into()),
            };
        };
        let item = |id: String, view: &View| {
            let mut metadata = BTreeMap::new();
            let facts = [
                ("title", plain(&entry.title)),
                ("details", plain(&entry.detail_info)),
                ("attributes", plain(&entry.attr)),
                ("colour", view.colour.clone()),
            ];
            metadata.extend(
                facts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.into(), value)),
            );
            let category = plain(&entry.category);
            Ok(Item {
                id,
                product: plain(&entry.id),
                split: None,
                references: Some(description.clone()).filter(|text| !text.is_empty()).into_iter().collect(),
                category: (!category.is_empty()).then_some(category),
                metadata,
                image: view.locator.clone(),
            })
        };
        match self.views {
            Views::First => vec![item(id, first)],
            Views::All => there.iter().zip(1..).map(|(view, number)| item(format!("{id}-{number}"), view)).collect(),
        }
    }

    /// The images in the list's order: colour by colour, each from its image 0.
    fn views_of(&self, entry: &Entry) -> Vec<View> {
        let mut views = Vec::new();
        for images in &entry.images {
            let colour = images.get("color").map(plain).unwrap_or_default();
            let mut numbered: Vec<(u32, &str)> =
                images.iter().filter_map(|(key, value)| Some((key.parse().ok()?, value.as_str()?))).collect();
            numbered.sort_unstable_by_key(|(number, _)| *number);
            for (_, address) in numbered {
                let path = address.split(['?', '#']).next().unwrap_or_default();
                let name = path.rsplit('/').next().unwrap_or_default();
                if inside(name) {
                    views.push(View { colour: colour.clone(), locator: format!("{}/{name}", self.images) });
                }
            }
        }
        views
    }

    pub fn image(&self, locator: &str) -> Result<ImageSource> {
        match inside(locator) && Path::new(locator).starts_with(&self.images) {
            true => Ok(ImageSource::File(self.root.join(locator))),
            false => Err(PluginError::data(format!("`{locator}` is no image of this catalogue"))),
        }
    }
}

/// Whether a path stays below the folder that it is joined to.
fn inside(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}
