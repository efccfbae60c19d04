//! What a LLaVA is made of, and what is said to it: a prompt with the image in place of its image token.

use crate::config::LlavaConfig;
use nn::captioner::{Around, Family, Shapes};
use nn::image::ImageConfig;
use nn::language::{LanguageModel, Llama};
use nn::layers::Linear;
use nn::text::Tokenizer;
use nn::training::{PathOf, Tape, Var};
use nn::vision::ClipVision;
use nn::weights::Loader;
use nn::{Error, Result, Tensor};
use serde_json::Value;
use std::sync::Arc;

const IMAGE: &str = "<image>";
/// Llama's end token, where no file names one.
const END: u32 = 2;

/// CLIP's tower and the two layers that bring its vectors to the language model's width.
pub struct Vision {
    tower: ClipVision,
    projector: (Linear, Linear),
}

impl Family for LlavaConfig {
    type Vision = Vision;

    const PROMPT: Option<&'static str> =
        Some("USER: <image>\nDescribe the appearance of the clothing item\nASSISTANT:");

    fn from_value(value: Value) -> Result<LlavaConfig, String> {
        LlavaConfig::from_value(value)
    }

    fn architecture(&self) -> &'static str {
        "LLaVA with Llama"
    }

    fn vision(&self, loader: &Loader) -> Result<Vision> {
        let (image, text) = (self.vision.hidden_size, self.text.hidden_size);
        let projector = loader.at("multi_modal_projector");
        Ok(Vision {
            tower: ClipVision::load(&loader.at("vision_tower"), &self.vision, self.vision_layers)?,
            projector: (
                Linear::load(&projector.at("linear_1"), image, text, self.projector_bias)?,
                Linear::load(&projector.at("linear_2"), text, text, self.projector_bias)?,
            ),
        })
    }

    fn see<'m>(&self, vision: &'m Vision, tape: &mut Tape<'m>, pixels: Tensor<4>) -> Var {
        let mut x = vision.tower.forward_on(tape, pixels);
        if !self.class_token {
            x = tape.behind(&x, 1);
        }
        let inner = tape.activated(&x, &vision.projector.0, self.projector_activation);
        tape.linear(&inner, &vision.projector.1)
    }

    fn language(&self, loader: &Loader) -> Result<Arc<dyn LanguageModel>> {
        Ok(Arc::new(Llama::load(&loader.at("language_model"), &self.text)?))
    }

    fn image_processor(&self) -> ImageConfig {
        ImageConfig::cropped(self.vision.image_size)
    }

    fn end(&self) -> Value {
        self.end.clone().unwrap_or(END.into())
    }

    fn text(&self, tokenizer: &Tokenizer, prompt: Option<&str>) -> Result<Vec<u32>> {
        if tokenizer.id(IMAGE) != Some(self.image_token) {
            let reason = format!(
                "`{IMAGE}` is token {:?}, but config.json's image_token_index is {}",
                tokenizer.id(IMAGE),
                self.image_token
            );
            return Err(Error::malformed(tokenizer.path(), reason));
        }
        tokenizer.encode(prompt.unwrap_or_default())
    }

    fn around<'t>(&self, text: &'t [u32]) -> Result<Around<'t>> {
        let mut places = (0..text.len()).filter(|&place| text[place] == self.image_token);
        match (places.next(), places.count()) {
            (Some(place), 0) => Ok(Around { before: &text[..place], behind: &text[place + 1..] }),
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

    /// Every vector of the image counts as an image token.
    fn said(&self, text: &[u32]) -> Vec<u32> {
        let count = |token: u32| if token == self.image_token { self.image_vectors() } else { 1 };
        text.iter().flat_map(|&token| std::iter::repeat_n(token, count(token))).collect()
    }

    fn reference_path(&self) -> PathOf {
        module_path
    }
}

/// A module's path in transformers' LLaVA, of its canonical name.
fn module_path(name: &str) -> String {
    match name.strip_prefix("language_model.lm_head") {
        Some("") => "lm_head".to_string(),
        _ => format!("model.{name}"),
    }
}
