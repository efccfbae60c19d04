//! Checkpoints: folders `checkpoints/step-00000120` with the adapter, the plugin's state and the loop's own, and an index that says which
//! is the last and which the best. A folder is put in place whole before the index names it, so there is always a last one to go on from.

use crate::error::{Error, Result};
use crate::loader::Trainer;
use crate::run::{replace_file, replace_folder};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where the loop is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Optimizer steps made.
    pub step: usize,
    pub best: Option<Best>,
    /// Validations since the best one.
    pub without_improvement: usize,
    /// Training ended here because of them.
    pub stopped_early: bool,
    /// A validation belongs behind this step and was not through when the training was asked to stop.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaits_validation: bool,
}

/// The best validation so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    pub step: usize,
    #[serde(with = "exact")]
    pub validation_loss: f64,
}

/// A number as a text, which gives the same number back; JSON's numbers are read with an error in the last digit.
mod exact {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&value.to_string())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// `index.json`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Index {
    last: String,
    best: String,
}

/// The checkpoints of a training.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    pub fn of(training: &Path) -> Checkpoints {
        Checkpoints { folder: training.join("checkpoints") }
    }

    fn index(&self) -> Result<Option<Index>> {
        read(&self.folder.join("index.json"))
    }

    /// The last checkpoint: where the loop was, and the folder of the plugin's state.
    pub fn last(&self) -> Result<Option<(Progress, PathBuf)>> {
        let Some(index) = self.index()? else { return Ok(None) };
        let folder = self.folder.join(index.last);
        let progress = read(&folder.join("progress.json"))?.ok_or_else(|| {
            Error::failed(format!("the checkpoint {} has no progress.json", folder.display()))
                .help("it was damaged; start the training anew in another folder")
        })?;
        Ok(Some((progress, folder.join("state"))))
    }

    /// The PEFT adapter of the best checkpoint (without validation: the last).
    pub fn best_adapter(&self) -> Result<Option<PathBuf>> {
        Ok(self.index()?.map(|index| self.folder.join(index.best).join("adapter")))
    }

    /// Saves the trainer as it is, as the last checkpoint and, if `progress` says so, as the best one; then tidies.
    pub fn save(&self, trainer: &Trainer, progress: &Progress) -> Result<()> {
        let name = format!("step-{:08}", progress.step);
        replace_folder(&self.folder.join(&name), |aside| {
            for (part, save) in
                [("adapter", Trainer::save_adapter as fn(&Trainer, &Path) -> _), ("state", Trainer::save_state)]
            {
                let folder = aside.join(part);
                std::fs::create_dir(&folder).map_err(|error| Error::io("write", &folder, &error))?;
                save(trainer, &folder).map_err(|error| {
                    Error::from(error).context(format!("cannot save the checkpoint of step {}", progress.step))
                })?;
            }
            write(&aside.join("progress.json"), progress)
        })?;
        let improved = progress.best.as_ref().is_none_or(|best| best.step == progress.step);
        let best = match self.index()? {
            Some(earlier) if !improved => earlier.best,
            _ => name.clone(),
        };
        let index = Index { last: name, best };
        write(&self.folder.join("index.json"), &index)?;
        self.tidy()
    }

    /// Removes what is neither the last nor the best, which a training may have been killed before doing.
    pub fn tidy(&self) -> Result<()> {
        let Some(index) = self.index()? else { return Ok(()) };
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("step-") && name != index.last && name != index.best {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| Error::failed(format!("{} is damaged: {error}", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path, &error)),
    }
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::failed(format!("cannot write {}: {error}", path.display())))?;
    replace_file(path, (text + "\n").as_bytes())
}
