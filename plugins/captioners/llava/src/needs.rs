//! What a LLaVA needs, by its shapes: `host models check` and `host bench` ask through `nn`.

use crate::captioner::PROMPT;
use crate::config::LlavaConfig;
use crate::model::Llava;
use crate::published::published;
use nn::bench::{self, Measured};
use nn::generation::{Generated, Settings};
use nn::image::ImageConfig;
use nn::language::{LanguageModel, Prompt};
use nn::memory::{PerImage, Tower};
use nn::needs::Family;
use nn::text::Tokenizer;
use nn::weights::Expected;
use nn::{Placement, Result, Tensor};
use serde_json::Value;
use std::path::Path;

/// Tokens of the usual prompt beside the image, about; the exact number matters to nothing here.
const PROMPT_TOKENS: usize = 20;

fn vision_tower(config: &LlavaConfig) -> Tower {
    let vision = &config.vision;
    Tower {
        positions: vision.patches() + 1,
        width: vision.hidden_size,
        inner: vision.intermediate_size,
        heads: vision.num_attention_heads,
    }
}

impl Measured for Llava {
    fn see(&self, pixels: &[f32], rows: usize) -> Tensor<3> {
        self.image_vectors(pixels, rows)
    }

    fn say(&self, pixels: &[f32], texts: &[&[u32]], settings: &Settings) -> Result<Vec<Generated>> {
        self.caption(pixels, texts, &vec![0; texts.len()], settings, &|| false)
    }

    fn begin(&self, pixels: &[f32], texts: &[&[u32]]) -> Result<(&dyn LanguageModel, Prompt)> {
        Ok((self.language(), self.prompt(self.image_vectors(pixels, texts.len()), texts)?))
    }

    fn prompt_length(&self, text: &[u32]) -> usize {
        Llava::prompt_length(self, text)
    }
}

impl Family for Llava {
    type Config = LlavaConfig;

    fn read(directory: &Path) -> Result<LlavaConfig> {
        LlavaConfig::read(directory)
    }

    fn published(repository: &str) -> Option<LlavaConfig> {
        published(repository)
    }

    fn architecture(_: &LlavaConfig) -> &'static str {
        "LLaVA with Llama"
    }

    fn expected(config: &LlavaConfig) -> Result<Expected> {
        Llava::expected(config)
    }

    fn open(directory: &Path, config: &LlavaConfig, placement: &Placement) -> Result<Llava> {
        Llava::load(directory, config, placement, None)
    }

    fn random(config: &LlavaConfig, placement: &Placement) -> Result<Llava> {
        Llava::random(config, placement)
    }

    fn image_side(config: &LlavaConfig) -> usize {
        config.vision.image_size
    }

    fn image_processor(side: usize) -> ImageConfig {
        ImageConfig::cropped(side)
    }

    fn vocabulary(config: &LlavaConfig) -> usize {
        config.text.vocab_size
    }

    fn end(config: &LlavaConfig) -> Option<Value> {
        config.end.clone()
    }

    fn prompt_tokens(tokenizer: &Tokenizer, prompt: Option<&str>) -> Result<usize> {
        Ok(tokenizer.encode(prompt.unwrap_or(PROMPT))?.len())
    }

    fn bench_text(config: &LlavaConfig) -> Vec<u32> {
        // Words around one image token, as in the usual prompt.
        let mut text = vec![1; PROMPT_TOKENS + 1];
        text[4] = config.image_token;
        text
    }

    fn per_image(config: &LlavaConfig, text: usize, settings: &Settings) -> PerImage {
        let prompt = config.image_vectors() + text;
        PerImage {
            side: config.vision.image_size,
            vision: vec![vision_tower(config)],
            prompt: config.text.tower(prompt),
            cache: config.text.cache_numbers(prompt, settings.most_new_tokens(prompt)),
            vocabulary: config.text.vocab_size,
            beams: settings.num_beams,
        }
    }

    fn vision_flop(config: &LlavaConfig) -> f64 {
        let tower = vision_tower(config);
        let (width, text) = (tower.width as f64, config.text.hidden_size as f64);
        let patches = 2.0 * config.vision.patches() as f64 * 3.0 * (config.vision.patch_size as f64).powi(2) * width;
        let projector = 2.0 * config.image_vectors() as f64 * (width * text + text * text);
        patches + bench::flop(&tower, config.vision_layers) + projector
    }

    fn read_in_a_step(config: &LlavaConfig, name: &str) -> bool {
        // All of Llama but the table of embeddings, unless that is the head too.
        name.starts_with("language_model.") && (config.text.tie_word_embeddings || !name.contains(".embed_tokens."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nn::needs::step_parameters;

    #[test]
    fn the_published_models_have_the_published_numbers() {
        for (repository, parameters, step) in
            [("llava-hf/llava-1.5-7b-hf", 7.06, 6.6), ("llava-hf/llava-1.5-13b-hf", 13.35, 12.85)]
        {
            let config = published(repository).unwrap();
            let expected = Llava::expected(&config).unwrap();
            let billions = |count: u64| count as f64 / 1e9;
            assert!(
                (billions(expected.parameters()) - parameters).abs() < 0.02,
                "{repository}: {}",
                expected.parameters()
            );
            let read = billions(step_parameters::<Llava>(&config, &expected));
            assert!((read - step).abs() < 0.02 * step, "{repository}: {read}");
        }
        assert!(published("llava-hf/llava-v1.6-mistral-7b-hf").is_none());
    }
}
