//! The model put together: pixels to vectors that stand in the prompt, a prompt to captions or to scores to learn from.

use super::{Around, Family};
use crate::adapter::Adapter;
use crate::generation::{Generated, Generator, Request, Settings};
use crate::language::{LanguageModel, Prompt};
use crate::layers::{Site, Sites};
use crate::training::{Labels, Tape, Var};
use crate::vision;
use crate::weights::{Checkpoint, Expected, Loader};
use crate::{Placement, Result};
use burn::tensor::Tensor;
use std::path::Path;

/// A captioner's model on a device.
pub struct Model<F: Family> {
    vision: F::Vision,
    language: Generator,
    config: F,
    placement: Placement,
    sites: Sites,
}

impl<F: Family> Model<F> {
    /// Loads the weights of a directory, with an adapter merged into them if one is given.
    ///
    /// # Errors
    /// The files are missing or damaged, or their tensors are not those of the configuration; every such tensor is named. The
    /// adapter is no adapter or belongs to another model.
    pub fn load(directory: &Path, config: &F, placement: &Placement, adapter: Option<&Path>) -> Result<Model<F>> {
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
    pub fn random(config: &F, placement: &Placement) -> Result<Model<F>> {
        Loader::random(0, placement).build(|loader| Self::build(loader, config))
    }

    /// The tensors that a configuration has.
    ///
    /// # Errors
    /// None that a valid configuration leads to.
    pub fn expected(config: &F) -> Result<Expected> {
        Loader::expected(|loader| Self::build(loader, config))
    }

    fn build(loader: &Loader, config: &F) -> Result<Model<F>> {
        Ok(Model {
            vision: config.vision(loader)?,
            language: Generator::new(config.language(loader)?),
            config: config.clone(),
            placement: loader.placement().clone(),
            sites: loader.sites().clone(),
        })
    }

    /// Images as pixel values `[rows, 3, side, side]`, row-major, to the vectors that stand for them in the prompt:
    /// `[rows, vectors, text width]`.
    pub fn image_vectors(&self, pixels: &[f32], rows: usize) -> Tensor<3> {
        let see = |pixels: &[f32], rows| self.see(&mut Tape::off(), pixels, rows).value;
        vision::in_groups(pixels, rows, &self.placement, see)
    }

    fn see<'m>(&'m self, tape: &mut Tape<'m>, pixels: &[f32], rows: usize) -> Var {
        let side = self.config.image_side();
        self.config.see(&self.vision, tape, self.placement.tensor(pixels, [rows, 3, side, side]))
    }

    /// The vectors of words, the same for all rows, `[rows, words, text width]`; none of no words.
    fn words(&self, ids: &[u32], rows: usize) -> Option<Tensor<3>> {
        let vectors = (!ids.is_empty()).then(|| self.language().embed(ids).unsqueeze_dim::<3>(0))?;
        let [_, words, width] = vectors.dims();
        Some(vectors.expand([rows, words, width]))
    }

    /// The prompts of a batch: each text with its image in its place; shorter ones padded on the left.
    ///
    /// # Errors
    /// An image has no place in its text, or several.
    pub fn prompt(&self, image: Tensor<3>, texts: &[&[u32]]) -> Result<Prompt> {
        let around = texts.iter().map(|text| self.config.around(text)).collect::<Result<Vec<_>>>()?;
        let [rows, vectors, width] = image.dims();
        if let Some(&Around { before, behind }) = around.first().filter(|_| texts.iter().all(|text| *text == texts[0]))
        {
            let parts = [self.words(before, rows), Some(image), self.words(behind, rows)];
            let embeddings = Tensor::cat(parts.into_iter().flatten().collect(), 1);
            return Ok(Prompt::new(embeddings, vec![0; rows]));
        }
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let padding: Vec<usize> = texts.iter().map(|text| longest - text.len()).collect();
        let rows = around.iter().zip(&padding).enumerate().map(|(row, (Around { before, behind }, &pad))| {
            let blank =
                (pad > 0).then(|| Tensor::zeros([1, pad, width], (&self.placement.device, self.placement.dtype)));
            let image = image.clone().narrow(0, row, 1).reshape([1, vectors, width]);
            let parts = [blank, self.words(before, 1), Some(image), self.words(behind, 1)];
            Tensor::cat(parts.into_iter().flatten().collect(), 1)
        });
        Ok(Prompt::new(Tensor::cat(rows.collect(), 0), padding))
    }

    /// The language model, and the prompt that pixels `[rows, 3, side, side]` and one text a row make for it.
    ///
    /// # Errors
    /// As [`Model::prompt`].
    pub fn begin(&self, pixels: &[f32], texts: &[&[u32]]) -> Result<(&dyn LanguageModel, Prompt)> {
        Ok((self.language(), self.prompt(self.image_vectors(pixels, texts.len()), texts)?))
    }

    /// Captions images: pixel values `[rows, 3, side, side]`, one text and one seed a row.
    ///
    /// # Errors
    /// As [`Model::prompt`] and [`Generator::generate`].
    pub fn caption(
        &self,
        pixels: &[f32],
        texts: &[&[u32]],
        seeds: &[u64],
        settings: &Settings,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<Generated>> {
        let (_, prompt) = self.begin(pixels, texts)?;
        let said = texts.iter().map(|text| self.config.said(text)).collect();
        self.language.generate(Request { prompt, said, seeds: seeds.to_vec() }, settings, cancelled)
    }

    /// Scores of the tokens to learn behind a text with its image, `[1, counted tokens, vocabulary]`.
    ///
    /// # Errors
    /// As [`Model::prompt`].
    pub fn learn<'m>(&'m self, tape: &mut Tape<'m>, pixels: Vec<f32>, text: &[u32], labels: &Labels) -> Result<Var> {
        let rows = labels.rows();
        let Around { before, behind } = self.config.around(text)?;
        let see = |tape: &mut Tape<'m>, pixels: &[f32], rows| self.see(tape, pixels, rows);
        let image = vision::learnt(tape, pixels, rows, &self.placement, &self.sites, see);
        let prompt = tape.surrounded(self.words(before, rows), &image, self.words(behind, rows));
        Ok(self.language().learn(tape, &prompt, labels))
    }

    /// The linear layers that the model runs.
    pub fn layers(&self) -> Vec<Site> {
        self.sites.all()
    }

    /// The language model behind the image's vectors.
    pub fn language(&self) -> &dyn LanguageModel {
        self.language.model()
    }

    pub fn config(&self) -> &F {
        &self.config
    }

    pub fn placement(&self) -> &Placement {
        &self.placement
    }
}
