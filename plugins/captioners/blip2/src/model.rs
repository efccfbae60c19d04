//! The model put together: pixels to query vectors to a prompt for the language model.

use crate::config::{Blip2Config, TextConfig};
use nn::adapter::Adapter;
use nn::generation::{Generated, Generator, Request, Settings};
use nn::language::{LanguageModel, Opt, Prompt, T5};
use nn::layers::{Linear, Site, Sites};
use nn::qformer::QFormer;
use nn::training::{Labels, Tape, Var};
use nn::vision::{self, Vit};
use nn::weights::{Checkpoint, Expected, Loader};
use nn::{Placement, Result, Tensor};
use std::path::Path;
use std::sync::Arc;

/// A BLIP-2 model on a device.
pub struct Blip2 {
    vision: Vit,
    qformer: QFormer,
    projection: Linear,
    language: Generator,
    config: Blip2Config,
    placement: Placement,
    sites: Sites,
}

impl Blip2 {
    /// Loads the weights of a directory, with an adapter merged into them if one is given.
    ///
    /// # Errors
    /// The files are missing or damaged, or their tensors are not those of the configuration; every such tensor is named. The
    /// adapter is no adapter or belongs to another model.
    pub fn load(
        directory: &Path,
        config: &Blip2Config,
        placement: &Placement,
        adapter: Option<&Path>,
    ) -> Result<Blip2> {
        let checkpoint = Checkpoint::open(directory)?;
        let expected = Self::expected(config)?;
        expected.check(&checkpoint)?;
        let adapter = adapter.map(Adapter::read).transpose()?;
        if let Some(adapter) = &adapter {
            adapter.check(&expected)?;
        }
        Loader::from_files(checkpoint, placement).with_adapter(adapter).build(|loader| Self::build(loader, config))
    }

    /// The model at full size with weights that mean nothing, for measuring.
    ///
    /// # Errors
    /// The device cannot hold it in its number format.
    pub fn random(config: &Blip2Config, placement: &Placement) -> Result<Blip2> {
        Loader::random(0, placement).build(|loader| Self::build(loader, config))
    }

    /// The tensors that a configuration has.
    ///
    /// # Errors
    /// None that a valid configuration leads to.
    pub fn expected(config: &Blip2Config) -> Result<Expected> {
        Loader::expected(|loader| Self::build(loader, config))
    }

    fn build(loader: &Loader, config: &Blip2Config) -> Result<Blip2> {
        let text = loader.at("language_model");
        Ok(Blip2 {
            vision: Vit::load(&loader.at("vision_model"), &config.vision)?,
            qformer: QFormer::load(loader, &config.qformer, config.queries, config.vision.hidden_size)?,
            projection: Linear::load(
                &loader.at("language_projection"),
                config.qformer.hidden_size,
                config.text_width(),
                true,
            )?,
            language: Generator::new(match &config.text {
                TextConfig::Opt(text_config) => Arc::new(Opt::load(&text, text_config)?),
                TextConfig::T5(text_config) => Arc::new(T5::load(&text, text_config)?),
            }),
            config: config.clone(),
            placement: loader.placement().clone(),
            sites: loader.sites().clone(),
        })
    }

    /// Images as pixel values `[rows, 3, size, size]`, row-major, to the vectors that stand for them in the prompt:
    /// `[rows, queries, text width]`.
    pub fn image_vectors(&self, pixels: &[f32], rows: usize) -> Tensor<3> {
        let see = |pixels: &[f32], rows| self.image_vectors_on(&mut Tape::off(), pixels, rows).value;
        vision::in_groups(pixels, rows, &self.placement, see)
    }

    fn image_vectors_on<'m>(&'m self, tape: &mut Tape<'m>, pixels: &[f32], rows: usize) -> Var {
        let size = self.config.vision.image_size;
        let pixels = self.placement.tensor(pixels, [rows, 3, size, size]);
        let image = self.vision.forward_on(tape, pixels);
        let queries = self.qformer.forward_on(tape, &image);
        tape.linear(&queries, &self.projection)
    }

    /// Scores of the tokens to learn behind an image and a text, `[1, counted tokens, vocabulary]`. T5's encoder reads image and text, its decoder
    /// the caption.
    pub fn learn<'m>(&'m self, tape: &mut Tape<'m>, pixels: Vec<f32>, text: &[u32], labels: &Labels) -> Var {
        let rows = labels.rows();
        let see = |tape: &mut Tape<'m>, pixels: &[f32], rows| self.image_vectors_on(tape, pixels, rows);
        let image = vision::learnt(tape, pixels, rows, &self.placement, &self.sites, see);
        let text = self.language.model().embed(text).unsqueeze_dim::<3>(0).expand([rows, text.len(), image.width()]);
        let prompt = tape.surrounded(None, &image, Some(text));
        self.language.model().learn(tape, &prompt, labels)
    }

    /// The linear layers.
    pub fn layers(&self) -> Vec<Site> {
        self.sites.all()
    }

    /// The language model's prompt: the image, then the tokens of the text, of different lengths.
    pub fn prompt(&self, image: Tensor<3>, texts: &[&[u32]]) -> Prompt {
        let [rows, queries, width] = image.dims();
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let padding: Vec<usize> = texts.iter().map(|text| longest - text.len()).collect();
        let ids: Vec<u32> = texts.iter().flat_map(|text| text.iter().copied()).collect();
        let embeddings = if padding.iter().all(|&pad| pad == 0) {
            let text = self.language.model().embed(&ids).reshape([rows, longest, width]);
            Tensor::cat(vec![image, text], 1)
        } else {
            // Padding stands at the left of the image.
            let rows = texts.iter().zip(&padding).enumerate().map(|(row, (text, &pad))| {
                let image: Tensor<2> = image.clone().narrow(0, row, 1).reshape([queries, width]);
                let blank = Tensor::zeros([pad, width], (&self.placement.device, self.placement.dtype));
                let parts = if pad == 0 {
                    vec![image, self.language.model().embed(text)]
                } else {
                    vec![blank, image, self.language.model().embed(text)]
                };
                Tensor::cat(parts, 0).unsqueeze_dim(0)
            });
            Tensor::cat(rows.collect(), 0)
        };
        Prompt::new(embeddings, padding)
    }

    /// Captions images: pixel values `[rows, 3, size, size]`, one text and one seed a row.
    ///
    /// # Errors
    /// As [`Generator::generate`].
    pub fn caption(
        &self,
        pixels: &[f32],
        texts: &[&[u32]],
        seeds: &[u64],
        settings: &Settings,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<Generated>> {
        let prompt = self.prompt(self.image_vectors(pixels, texts.len()), texts);
        let said = texts.iter().map(|text| self.said(text)).collect();
        let request = Request { prompt, said, seeds: seeds.to_vec() };
        self.language.generate(request, settings, cancelled)
    }

    /// What counts as said before the first new token: the prompt for a decoder alone, its start token behind an encoder.
    fn said(&self, text: &[u32]) -> Vec<u32> {
        match &self.config.text {
            TextConfig::Opt(_) => {
                let image = self.config.image_token.map(|token| vec![token; self.config.queries]).unwrap_or_default();
                image.into_iter().chain(text.iter().copied()).collect()
            }
            TextConfig::T5(config) => vec![config.start_token()],
        }
    }

    /// The language model behind the image's vectors.
    pub fn language(&self) -> &dyn LanguageModel {
        self.language.model()
    }

    pub fn config(&self) -> &Blip2Config {
        &self.config
    }

    /// How many positions a prompt of some text tokens fills.
    pub fn prompt_length(&self, text: &[u32]) -> usize {
        self.config.queries + text.len()
    }
}
