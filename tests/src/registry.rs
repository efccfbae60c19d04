//! A registry.toml, written entry by entry.

use crate::{library, repository, sample_catalogue};
use std::fmt::Write;
use std::path::Path;

/// The text of a registry.
#[derive(Debug, Clone, Default)]
pub struct Registry(String);

impl Registry {
    /// The plugins of the tests, both sample datasets, four metrics, and a model `fine` that does what it should.
    pub fn usual() -> Registry {
        let catalogue = sample_catalogue();
        let metrics = [("bleu", "ngram"), ("rouge-l", "ngram"), ("cider", "ngram"), ("trial-words", "trial")];
        let registry = ["trial", "hm", "fashiongen", "ngram", "lora-standard"]
            .iter()
            .fold(Registry::default(), |registry, name| registry.plugin(name, &library(name)))
            .dataset("hm", "hm", &catalogue.join("hm"))
            .dataset("fashiongen", "fashiongen", &catalogue.join("fashiongen"))
            .model("fine", "");
        metrics.iter().fold(registry, |registry, (name, plugin)| registry.metric(name, plugin, ""))
    }

    pub fn plugin(mut self, name: &str, library: &Path) -> Registry {
        let _ = writeln!(self.0, "[plugins.{name}]\nlibrary = {:?}\n", library.display().to_string());
        self
    }

    /// A model of the trial plugin; `options` are lines of TOML.
    pub fn model(mut self, name: &str, options: &str) -> Registry {
        let _ = writeln!(self.0, "[models.{name}]\nplugin = \"trial\"\nweights = \"weights\"\n{options}\n");
        self
    }

    /// The nano BLIP-2 of the samples, with its plugin.
    pub fn nano(mut self) -> Registry {
        let weights = repository().join("samples/nano/blip2-opt");
        self = self.plugin("blip2", &library("blip2"));
        let _ = writeln!(
            self.0,
            "[models.nano]\nplugin = \"blip2\"\nweights = {:?}\ngeneration = {{ max_new_tokens = 12 }}\n",
            weights.display().to_string()
        );
        self
    }

    pub fn dataset(mut self, name: &str, plugin: &str, root: &Path) -> Registry {
        let _ = writeln!(self.0, "[datasets.{name}]\nplugin = {plugin:?}\nroot = {:?}\n", root.display().to_string());
        self
    }

    pub fn metric(mut self, name: &str, plugin: &str, options: &str) -> Registry {
        let _ = writeln!(self.0, "[metrics.{name}]\nplugin = {plugin:?}\n{options}\n");
        self
    }

    /// Lines of TOML as they are.
    pub fn entry(mut self, text: &str) -> Registry {
        let _ = writeln!(self.0, "{text}\n");
        self
    }

    pub fn recommender(mut self, name: &str, plugin: &str) -> Registry {
        let _ = writeln!(self.0, "[recommenders.{name}]\nplugin = {plugin:?}\n");
        self
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}
