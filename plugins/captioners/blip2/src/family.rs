//! What a BLIP-2 is made of, and what is said to it: the image, then the prompt, if there is one.

use crate::config::{Blip2Config, TextConfig};
use nn::captioner::{Around, Family};
use nn::image::ImageConfig;
use nn::language::{LanguageModel, Opt, T5};
use nn::layers::Linear;
use nn::qformer::QFormer;
use nn::text::Tokenizer;
use nn::training::{PathOf, Tape, Var};
use nn::vision::Vit;
use nn::weights::Loader;
use nn::{Error, Result, Tensor};
use plugin_api::EmbeddingSpace;
use serde_json::Value;
use std::sync::Arc;

/// What ends a text where no file says so.
const OPT_END: u32 = 2;
const T5_END: u32 = 1;

/// A ViT, the queries that read what it sees, and their way to the language model's width.
pub struct Vision {
    vit: Vit,
    qformer: QFormer,
    projection: Linear,
}

impl Family for Blip2Config {
    type Vision = Vision;

    const PROMPT: Option<&'static str> = None;

    fn from_value(value: Value) -> Result<Blip2Config, String> {
        Blip2Config::from_value(value)
    }

    fn architecture(&self) -> &'static str {
        match &self.text {
            TextConfig::Opt(_) => "BLIP-2 with OPT",
            TextConfig::T5(_) => "BLIP-2 with T5",
        }
    }

    fn vision(&self, loader: &Loader) -> Result<Vision> {
        let projection = loader.at("language_projection");
        Ok(Vision {
            vit: Vit::load(&loader.at("vision_model"), &self.vision)?,
            qformer: QFormer::load(loader, &self.qformer, self.queries, self.vision.hidden_size)?,
            projection: Linear::load(&projection, self.qformer.hidden_size, self.text_width(), true)?,
        })
    }

    fn see<'m>(&self, vision: &'m Vision, tape: &mut Tape<'m>, pixels: Tensor<4>) -> Var {
        let image = vision.vit.forward_on(tape, pixels);
        let queries = vision.qformer.forward_on(tape, &image);
        tape.linear(&queries, &vision.projection)
    }

    fn language(&self, loader: &Loader) -> Result<Arc<dyn LanguageModel>> {
        let loader = loader.at("language_model");
        Ok(match &self.text {
            TextConfig::Opt(text) => Arc::new(Opt::load(&loader, text)?),
            TextConfig::T5(text) => Arc::new(T5::load(&loader, text)?),
        })
    }

    fn image_processor(&self) -> ImageConfig {
        ImageConfig::exact(self.vision.image_size)
    }

    fn end(&self) -> Value {
        match &self.text {
            TextConfig::Opt(_) => OPT_END.into(),
            TextConfig::T5(_) => T5_END.into(),
        }
    }

    fn overriding_end(&self) -> Option<Value> {
        // As in transformers, where the language model generates by its own configuration.
        self.end.clone()
    }

    fn text(&self, tokenizer: &Tokenizer, prompt: Option<&str>) -> Result<Vec<u32>> {
        match (prompt, self.begin_token) {
            (Some(prompt), _) => {
                let text = tokenizer.encode(prompt)?;
                match self.image_token {
                    Some(image) if text.contains(&image) => Err(Error::Request(
                        "the prompt has `<image>`, which BLIP-2 puts before every prompt by itself; leave it out"
                            .into(),
                    )),
                    _ => Ok(text),
                }
            }
            (None, Some(begin)) => Ok(vec![begin]),
            // T5's tokenizer ends every text, also an empty one.
            (None, None) => tokenizer.encode(""),
        }
    }

    fn around<'t>(&self, text: &'t [u32]) -> Result<Around<'t>> {
        Ok(Around { before: &[], behind: text })
    }

    /// The prompt for a decoder alone, its start token behind an encoder.
    fn said(&self, text: &[u32]) -> Vec<u32> {
        match &self.text {
            TextConfig::Opt(_) => {
                let image = self.image_token.map(|token| vec![token; self.queries]).unwrap_or_default();
                image.into_iter().chain(text.iter().copied()).collect()
            }
            TextConfig::T5(config) => vec![config.start_token()],
        }
    }

    fn begins_anew(&self) -> bool {
        matches!(self.text, TextConfig::T5(_))
    }

    fn reference_path(&self) -> PathOf {
        match self.text {
            TextConfig::Opt(_) => opt_path,
            TextConfig::T5(_) => str::to_string,
        }
    }

    fn spaces(&self) -> Vec<EmbeddingSpace> {
        crate::encoder::spaces(self)
    }
}

/// A module's path in transformers' BLIP-2 with OPT, which has a `model` more than the canonical name.
fn opt_path(name: &str) -> String {
    match name.strip_prefix("language_model.decoder.") {
        Some(rest) => format!("language_model.model.decoder.{rest}"),
        None => name.to_string(),
    }
}
