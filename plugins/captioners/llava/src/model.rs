//! The model put together: pixels to vectors that stand in the prompt in place of its image token.

use crate::config::LlavaConfig;
use nn::adapter::Adapter;
use nn::generation::{Generated, Generator, Request, Settings};
use nn::language::{LanguageModel, Llama, Prompt};
use nn::layers::{Linear, Site, Sites};
use nn::training::{Labels, Tape, Var};
use nn::vision::{self, ClipVision};
use nn::weights::{Checkpoint, Expected, Loader};
use nn::{Error, Placement, Result, Tensor};
use std::path::Path;
use std::sync::Arc;

/// A LLaVA model on a device.
pub struct Llava {
    vision: ClipVision,
    projector: (Linear, Linear),
    language: Generator,
    config: LlavaConfig,
    placement: Placement,
    sites: Sites,
}

impl Llava {
    /// Loads the weights of a directory, with an adapter merged into them if one is given.
    ///
    /// # Errors
    /// The files are missing or damaged, or their tensors are not those of the configuration; every such tensor is named. The
    /// adapter is no adapter or belongs to another model.
    pub fn load(
        directory: &Path,
        config: &LlavaConfig,
        placement: &Placement,
        adapter: Option<&Path>,
    ) -> Result<Llava> {
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
    pub fn random(config: &LlavaConfig, placement: &Placement) -> Result<Llava> {
        Loader::random(0, placement).build(|loader| Self::build(loader, config))
    }

    /// The tensors that a configuration has.
    ///
    /// # Errors
    /// None that a valid configuration leads to.
    pub fn expected(config: &LlavaConfig) -> Result<Expected> {
        Loader::expected(|loader| Self::build(loader, config))
    }

    fn build(loader: &Loader, config: &LlavaConfig) -> Result<Llava> {
        let (image, text) = (config.vision.hidden_size, config.text.hidden_size);
        let projector = loader.at("multi_modal_projector");
        Ok(Llava {
            vision: ClipVision::load(&loader.at("vision_tower"), &config.vision, config.vision_layers)?,
            projector: (
                Linear::load(&projector.at("linear_1"), image, text, config.projector_bias)?,
                Linear::load(&projector.at("linear_2"), text, text, config.projector_bias)?,
            ),
            language: Generator::new(Arc::new(Llama::load(&loader.at("language_model"), &config.text)?)),
            config: config.clone(),
            placement: loader.placement().clone(),
            sites: loader.sites().clone(),
        })
    }

    /// Images as pixel values `[rows, 3, size, size]`, row-major, to the vectors that stand for them in the prompt:
    /// `[rows, vectors, text width]`.
    pub fn image_vectors(&self, pixels: &[f32], rows: usize) -> Tensor<3> {
        let see = |pixels: &[f32], rows| self.image_vectors_on(&mut Tape::off(), pixels, rows).value;
        vision::in_groups(pixels, rows, &self.placement, see)
    }

    fn image_vectors_on<'m>(&'m self, tape: &mut Tape<'m>, pixels: &[f32], rows: usize) -> Var {
        let size = self.config.vision.image_size;
        let pixels = self.placement.tensor(pixels, [rows, 3, size, size]);
        let mut x = self.vision.forward_on(tape, pixels);
        if !self.config.class_token {
            x = tape.behind(&x, 1);
        }
        let inner = tape.activated(&x, &self.projector.0, self.config.projector_activation);
        tape.linear(&inner, &self.projector.1)
    }

    /// Scores of the tokens to learn behind a text with its image, `[1, counted tokens, vocabulary]`.
    ///
    /// # Errors
    /// The text has no image token, or several.
    pub fn learn<'m>(&'m self, tape: &mut Tape<'m>, pixels: Vec<f32>, text: &[u32], labels: &Labels) -> Result<Var> {
        let rows = labels.rows();
        let place = self.image_place(text)?;
        let see = |tape: &mut Tape<'m>, pixels: &[f32], rows| self.image_vectors_on(tape, pixels, rows);
        let image = vision::learnt(tape, pixels, rows, &self.placement, &self.sites, see);
        let words = |ids: &[u32]| {
            let vectors = self.language.model().embed(ids).unsqueeze_dim::<3>(0);
            vectors.expand([rows, ids.len(), self.config.text.hidden_size])
        };
        let before = (place > 0).then(|| words(&text[..place]));
        let behind = (place + 1 < text.len()).then(|| words(&text[place + 1..]));
        let prompt = tape.surrounded(before, &image, behind);
        Ok(self.language.model().learn(tape, &prompt, labels))
    }

    /// The linear layers that the model runs.
    pub fn layers(&self) -> Vec<Site> {
        self.sites.all()
    }

    /// The prompts of a batch: in each text, the image in place of its image token, anywhere; shorter ones padded on the left.
    ///
    /// # Errors
    /// A text has no image token, or several.
    pub fn prompt(&self, image: Tensor<3>, texts: &[&[u32]]) -> Result<Prompt> {
        let [_, vectors, width] = image.dims();
        let places = texts.iter().map(|text| self.image_place(text)).collect::<Result<Vec<_>>>()?;
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let padding: Vec<usize> = texts.iter().map(|text| longest - text.len()).collect();
        let rows = texts.iter().zip(&places).zip(&padding).enumerate().map(|(row, ((text, &place), &pad))| {
            let mut parts: Vec<Tensor<2>> = Vec::with_capacity(4);
            if pad > 0 {
                parts.push(Tensor::zeros([pad, width], (&self.placement.device, self.placement.dtype)));
            }
            if place > 0 {
                parts.push(self.language.model().embed(&text[..place]));
            }
            parts.push(image.clone().narrow(0, row, 1).reshape([vectors, width]));
            if place + 1 < text.len() {
                parts.push(self.language.model().embed(&text[place + 1..]));
            }
            Tensor::cat(parts, 0).unsqueeze_dim(0)
        });
        Ok(Prompt::new(Tensor::cat(rows.collect(), 0), padding))
    }

    /// Where a text's image token stands.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub fn image_place(&self, text: &[u32]) -> Result<usize> {
        let mut places = (0..text.len()).filter(|&place| text[place] == self.config.image_token);
        match (places.next(), places.count()) {
            (Some(place), 0) => Ok(place),
            (None, _) => Err(Error::Request(
                "the prompt has no `<image>`; write it where the image belongs, as in `USER: <image>\\n…\\nASSISTANT:`"
                    .into(),
            )),
            (Some(_), more) => Err(Error::Request(format!(
                "the prompt has `<image>` {} times; there is one image, so write it once",
                more + 1
            ))),
        }
    }

    /// Captions images: pixel values `[rows, 3, size, size]`, one text and one seed a row.
    ///
    /// # Errors
    /// As [`Llava::prompt`] and [`Generator::generate`].
    pub fn caption(
        &self,
        pixels: &[f32],
        texts: &[&[u32]],
        seeds: &[u64],
        settings: &Settings,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<Generated>> {
        let prompt = self.prompt(self.image_vectors(pixels, texts.len()), texts)?;
        let said = texts.iter().map(|text| self.said(text)).collect();
        let request = Request { prompt, said, seeds: seeds.to_vec() };
        self.language.generate(request, settings, cancelled)
    }

    /// The prompt as the reference counts it: every vector of the image is an image token.
    fn said(&self, text: &[u32]) -> Vec<u32> {
        let count = |token: u32| if token == self.config.image_token { self.config.image_vectors() } else { 1 };
        text.iter().flat_map(|&token| std::iter::repeat_n(token, count(token))).collect()
    }

    /// The language model behind the image's vectors.
    pub fn language(&self) -> &dyn LanguageModel {
        self.language.model()
    }

    pub fn config(&self) -> &LlavaConfig {
        &self.config
    }

    /// How many positions a prompt fills: its tokens, with the image's vectors for the image token.
    pub fn prompt_length(&self, text: &[u32]) -> usize {
        self.said(text).len()
    }
}
