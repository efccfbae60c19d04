//! A folder of its own for a test: a registry, its lock, weights for the trial captioner, and room for run directories.

use crate::{Host, Registry, RunFiles};
use std::fs;
use std::path::{Path, PathBuf};

/// Removed with all that is in it when dropped.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// With the usual registry.
    pub fn new() -> Place {
        Place::with(Registry::usual())
    }

    /// With this registry, whose plugins are added.
    pub fn with(registry: Registry) -> Place {
        let place = Place::without_lock(registry);
        place.host(&["plugin", "add", "--all"]).run().expect_code(0);
        place
    }

    /// With this registry, none of whose plugins is added.
    pub fn without_lock(registry: Registry) -> Place {
        let place = Place { folder: tempfile::tempdir().expect("temporary folders can be made") };
        fs::create_dir(place.path("weights")).expect("a fresh folder is empty");
        place.write("weights/config.json", "{\"model_type\": \"trial\"}\n");
        place.write("registry.toml", registry.text());
        place
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, relative: &str, text: &str) {
        fs::write(self.path(relative), text).expect("a file in a place of one's own can be written");
    }

    /// A command of the host in this folder.
    pub fn host(&self, arguments: &[&str]) -> Host {
        Host::new(self.folder.path(), arguments)
    }

    /// `host eval` of models on datasets into `runs/NAME`, all splits together.
    pub fn eval(&self, run: &str, models: &str, datasets: &str) -> Host {
        let run = self.path("runs").join(run);
        self.host(&["eval", "--models", models, "--datasets", datasets, "--split", "all", "--run"]).with(&[run])
    }

    /// What is in `runs/NAME`.
    pub fn run(&self, name: &str) -> RunFiles {
        RunFiles::of(&self.path("runs").join(name))
    }
}

impl Default for Place {
    fn default() -> Place {
        Place::new()
    }
}
