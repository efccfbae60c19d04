//! Preparing with a dataset plugin that the test links, in folders of its own.

use host::error::Error;
use host::prepare::{Catalogue, Outcome, PrepareOptions, Request, STEPS, Step, prepare};
use host::progress::Reporter;
use plugin_api::{Dataset, ImageSource, Item, ItemError, PluginError};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub struct Linked<D>(pub D);

impl<D: Dataset> Catalogue for Linked<D> {
    fn read(&self, sink: &mut dyn FnMut(Result<Item, ItemError>) -> bool) -> Result<(), PluginError> {
        let flow = |go_on| if go_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
        self.0.read(&mut |record| flow(sink(record)))
    }

    fn image(&self, locator: &str) -> Result<ImageSource, PluginError> {
        self.0.image(locator)
    }
}

/// What a test may ask for besides the usual.
#[derive(Clone)]
pub struct Asked {
    pub options: PrepareOptions,
    pub splits: Option<PathBuf>,
    pub steps: Vec<Step>,
    pub pack: bool,
    pub force: bool,
}

impl Default for Asked {
    fn default() -> Asked {
        let options = PrepareOptions { attribute_minimum: 2, ..PrepareOptions::default() };
        let steps = STEPS.iter().map(|(_, step)| *step).collect();
        Asked { options, splits: None, steps, pack: false, force: false }
    }
}

pub fn prepared(catalogue: &dyn Catalogue, root: &Path, out: &Path, asked: &Asked) -> Result<Outcome, Error> {
    let request = Request {
        dataset: "sample",
        plugin: "sample",
        plugin_sha256: "",
        root,
        settings: Default::default(),
        splits: asked.splits.clone(),
        out,
        options: asked.options.clone(),
        steps: asked.steps.clone(),
        pack: asked.pack,
        force: asked.force,
        seed: 42,
    };
    prepare(catalogue, &request, &Reporter::new(true))
}

pub fn items(outcome: &Outcome) -> Vec<Item> {
    outcome.prepared.items().unwrap().map(Result::unwrap).collect()
}

/// No product may stand on two sides.
pub fn assert_products_are_apart(items: &[Item]) {
    let mut sides = std::collections::HashMap::new();
    for item in items {
        let side = sides.entry(item.product.as_str()).or_insert(item.split.as_deref());
        assert_eq!(*side, item.split.as_deref(), "product {}", item.product);
    }
}
