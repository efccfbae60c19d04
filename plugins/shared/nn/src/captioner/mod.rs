//! A whole captioner, of any family: a vision side, a language model, and words around the image. What differs from family to family a plugin
//! tells, by [`Family`] and [`Shapes`] on its configuration; loading, captions, training, needs and timing are the same for all and stand here.

mod bench;
mod checkpoint;
mod model;
mod needs;
mod trainer;

pub use checkpoint::FamilyCaptioner;
pub use model::Model;
pub use needs::{inspect, measure, step_parameters};
pub use trainer::{FamilyTrainer, merge};

use crate::generation::Settings;
use crate::image::ImageConfig;
use crate::language::LanguageModel;
use crate::memory::PerImage;
use crate::text::Tokenizer;
use crate::training::{PathOf, Tape, Var};
use crate::weights::Loader;
use crate::{Error, Result};
use burn::tensor::Tensor;
use plugin_api::EmbeddingSpace;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// A family of captioners, told by the configuration of one of its checkpoints.
pub trait Family: Shapes {
    /// The vision side on a device.
    type Vision: Send + Sync;

    /// What the model is asked where nothing else is said, in use and in training.
    const PROMPT: Option<&'static str>;

    /// From the content of `config.json`.
    ///
    /// # Errors
    /// A sentence that says what cannot be run, for the caller to add the file's name.
    fn from_value(value: Value) -> Result<Self, String>;

    /// As people call it.
    fn architecture(&self) -> &'static str;

    /// Loads the vision side, with whatever brings its vectors to the language model's width.
    ///
    /// # Errors
    /// As the loader's.
    fn vision(&self, loader: &Loader) -> Result<Self::Vision>;

    /// Images `[rows, 3, side, side]` to the vectors that stand for them in the prompt, `[rows, vectors, text width]`.
    fn see<'m>(&self, vision: &'m Self::Vision, tape: &mut Tape<'m>, pixels: Tensor<4>) -> Var;

    /// Loads the language model.
    ///
    /// # Errors
    /// As the loader's.
    fn language(&self, loader: &Loader) -> Result<Arc<dyn LanguageModel>>;

    /// The image processor of a directory without one.
    fn image_processor(&self) -> ImageConfig;

    /// What ends a caption where no generation_config.json says so.
    fn end(&self) -> Value;

    /// What ends a caption whatever generation_config.json says, as in transformers.
    fn overriding_end(&self) -> Option<Value> {
        None
    }

    /// The tokens of a prompt, an image token among them where the family writes one.
    ///
    /// # Errors
    /// The tokenizer cannot encode it, or is another model's.
    fn text(&self, tokenizer: &Tokenizer, prompt: Option<&str>) -> Result<Vec<u32>>;

    /// What of a prompt's tokens stands before the image, and what behind.
    ///
    /// # Errors
    /// The image has no place in it, or several.
    fn around<'t>(&self, text: &'t [u32]) -> Result<Around<'t>>;

    /// What counts as said before the first new token, as the reference counts it.
    fn said(&self, text: &[u32]) -> Vec<u32>;

    /// Whether a caption begins anew, and does not go on where the prompt ends: the decoder behind an encoder.
    fn begins_anew(&self) -> bool {
        false
    }

    /// From a layer's name here to its path in the reference implementation.
    fn reference_path(&self) -> PathOf;

    /// What the model embeds, if it embeds anything.
    fn spaces(&self) -> Vec<EmbeddingSpace> {
        Vec::new()
    }

    /// Reads a Hugging Face directory's `config.json`.
    ///
    /// # Errors
    /// It is missing, malformed, another family's, or of a model that cannot be run here.
    fn read(directory: &Path) -> Result<Self> {
        let path = directory.join("config.json");
        let value: Value = crate::read_json(&path)?;
        if value.get("model_type").is_none() {
            return Err(Error::malformed(
                path,
                "there is no model_type: this is no Hugging Face model's configuration",
            ));
        }
        Self::from_value(value).map_err(|reason| Error::malformed(path, reason))
    }

    /// How many positions a prompt fills with its image.
    ///
    /// # Errors
    /// As [`Family::around`].
    fn positions(&self, text: &[u32]) -> Result<usize> {
        let Around { before, behind } = self.around(text)?;
        Ok(before.len() + self.image_vectors() + behind.len())
    }

    /// The settings in force: the directory's, with a run's in their place.
    ///
    /// # Errors
    /// A file that cannot be understood, or a setting that is out of range.
    fn settings(&self, directory: &Path, generation: &plugin_api::Generation) -> Result<Settings> {
        let mut overrides = crate::plugin::overrides(generation);
        if let (Some(end), Some(map)) = (self.overriding_end(), overrides.as_object_mut()) {
            map.insert("eos_token_id".into(), end);
        }
        Settings::read(directory, Some(&self.end()), &overrides)
    }

    /// How images are prepared for it.
    ///
    /// # Errors
    /// As [`ImageConfig::read_square`].
    fn images(&self, directory: &Path) -> Result<ImageConfig> {
        ImageConfig::read_square(directory, self.image_processor(), self.image_side())
    }
}

/// The sizes of a family's models, by which their needs are known without their weights.
pub trait Shapes: Clone + Send + Sync + 'static {
    /// The configuration of a published repository, known without its files.
    fn published(repository: &str) -> Option<Self>;

    /// Side of the images in pixels.
    fn image_side(&self) -> usize;

    /// How many vectors an image becomes.
    fn image_vectors(&self) -> usize;

    /// Tokens with a vector.
    fn vocabulary(&self) -> usize;

    /// The prompt that measuring takes, as long as the usual one.
    fn bench_text(&self) -> Vec<u32>;

    /// What an image takes, with a prompt of so many positions.
    fn per_image(&self, prompt: usize, settings: &Settings) -> PerImage;

    /// Multiplications and additions from pixels to the language model's vectors, for one image.
    fn vision_flop(&self) -> f64;

    /// Whether a decoding step reads a tensor whole, by its name.
    fn read_in_a_step(&self, name: &str) -> bool;
}

/// A prompt's tokens on both sides of its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around<'t> {
    pub before: &'t [u32],
    pub behind: &'t [u32],
}
