//! The model put together: pixels to vectors that stand in the prompt in place of its image token.

use crate::config::LlavaConfig;
use nn::generation::{Generated, Request, Settings, generate};
use nn::language::{LanguageModel, Llama, Prompt};
use nn::layers::Linear;
use nn::vision::ClipVision;
use nn::weights::{Checkpoint, Expected, Loader};
use nn::{Error, Placement, Result, Tensor, TensorData};
use std::path::Path;

/// A LLaVA model on a device.
pub struct Llava {
    vision: ClipVision,
    projector: (Linear, Linear),
    language: Llama,
    config: LlavaConfig,
    placement: Placement,
}

impl Llava {
    /// Loads the weights of a directory.
    ///
    /// # Errors
    /// The files are missing or damaged, or their tensors are not those of the configuration; every such tensor is named.
    pub fn load(directory: &Path, config: &LlavaConfig, placement: &Placement) -> Result<Llava> {
        let checkpoint = Checkpoint::open(directory)?;
        Self::expected(config)?.check(&checkpoint)?;
        Self::build(&Loader::from_files(checkpoint, placement), config)
    }

    /// The model at full size with weights that mean nothing, for measuring.
    ///
    /// # Errors
    /// The device cannot hold it in its number format.
    pub fn random(config: &LlavaConfig, placement: &Placement) -> Result<Llava> {
        Self::build(&Loader::random(0, placement), config)
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
            language: Llama::load(&loader.at("language_model"), &config.text)?,
            config: config.clone(),
            placement: loader.placement().clone(),
        })
    }

    /// Images as pixel values `[rows, 3, size, size]`, row-major, to the vectors that stand for them in the prompt:
    /// `[rows, vectors, text width]`.
    pub fn image_vectors(&self, pixels: Vec<f32>, rows: usize) -> Tensor<3> {
        let size = self.config.vision.image_size;
        let data = TensorData::new(pixels, [rows, 3, size, size]);
        let mut x = self.vision.forward(Tensor::from_data(data, (&self.placement.device, self.placement.dtype)));
        if !self.config.class_token {
            let positions = x.dims()[1];
            x = x.narrow(1, 1, positions - 1);
        }
        let inner = self.config.projector_activation.apply(self.projector.0.forward(x));
        self.projector.1.forward(inner)
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
                parts.push(self.language.embed(&text[..place]));
            }
            parts.push(image.clone().narrow(0, row, 1).reshape([vectors, width]));
            if place + 1 < text.len() {
                parts.push(self.language.embed(&text[place + 1..]));
            }
            Tensor::cat(parts, 0).unsqueeze_dim(0)
        });
        Ok(Prompt { embeddings: Tensor::cat(rows.collect(), 0), padding })
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
    /// As [`Llava::prompt`] and [`generate`].
    pub fn caption(
        &self,
        pixels: Vec<f32>,
        texts: &[&[u32]],
        seeds: &[u64],
        settings: &Settings,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Vec<Generated>> {
        let prompt = self.prompt(self.image_vectors(pixels, texts.len()), texts)?;
        let said = texts.iter().map(|text| self.said(text)).collect();
        let request = Request { prompt, said, seeds: seeds.to_vec() };
        generate(&self.language, request, settings, cancelled)
    }

    /// The prompt as the reference counts it: every vector of the image is an image token.
    fn said(&self, text: &[u32]) -> Vec<u32> {
        let count = |token: u32| if token == self.config.image_token { self.config.image_vectors() } else { 1 };
        text.iter().flat_map(|&token| std::iter::repeat_n(token, count(token))).collect()
    }

    /// Scores of the first new token, `[rows, vocabulary]`.
    ///
    /// # Errors
    /// As [`Llava::prompt`].
    pub fn first_scores(&self, pixels: Vec<f32>, texts: &[&[u32]]) -> Result<Tensor<2>> {
        let prompt = self.prompt(self.image_vectors(pixels, texts.len()), texts)?;
        Ok(self.language.start(prompt, 1).1)
    }

    pub fn config(&self) -> &LlavaConfig {
        &self.config
    }

    /// How many positions a prompt fills: its tokens, with the image's vectors for the image token.
    pub fn prompt_length(&self, text: &[u32]) -> usize {
        self.said(text).len()
    }

    /// How many positions prompt and new tokens may fill together; `None` is no limit.
    pub fn positions(&self) -> Option<usize> {
        self.language.positions()
    }

    /// How many tokens have a vector.
    pub fn vocabulary(&self) -> usize {
        self.language.vocabulary()
    }
}
