//! What a BLIP-2 needs, by its shapes: `host models check` and `host bench` ask through `nn`.

use crate::config::{Blip2Config, TextConfig};
use crate::model::Blip2;
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

fn vision_tower(config: &Blip2Config) -> Tower {
    let vision = &config.vision;
    Tower {
        positions: vision.positions(),
        width: vision.hidden_size,
        inner: vision.intermediate_size,
        heads: vision.num_attention_heads,
    }
}

fn qformer_tower(config: &Blip2Config) -> Tower {
    let qformer = &config.qformer;
    Tower {
        positions: config.queries,
        width: qformer.hidden_size,
        inner: qformer.intermediate_size,
        heads: qformer.num_attention_heads,
    }
}

impl Measured for Blip2 {
    fn see(&self, pixels: &[f32], rows: usize) -> Tensor<3> {
        self.image_vectors(pixels, rows)
    }

    fn say(&self, pixels: &[f32], texts: &[&[u32]], settings: &Settings) -> Result<Vec<Generated>> {
        self.caption(pixels, texts, &vec![0; texts.len()], settings, &|| false)
    }

    fn begin(&self, pixels: &[f32], texts: &[&[u32]]) -> Result<(&dyn LanguageModel, Prompt)> {
        Ok((self.language(), self.prompt(self.image_vectors(pixels, texts.len()), texts)))
    }

    fn prompt_length(&self, text: &[u32]) -> usize {
        self.config().queries + text.len()
    }
}

impl Family for Blip2 {
    type Config = Blip2Config;

    fn read(directory: &Path) -> Result<Blip2Config> {
        Blip2Config::read(directory)
    }

    fn published(repository: &str) -> Option<Blip2Config> {
        published(repository)
    }

    fn architecture(config: &Blip2Config) -> &'static str {
        config.architecture()
    }

    fn expected(config: &Blip2Config) -> Result<Expected> {
        Blip2::expected(config)
    }

    fn open(directory: &Path, config: &Blip2Config, placement: &Placement) -> Result<Blip2> {
        Blip2::load(directory, config, placement, None)
    }

    fn random(config: &Blip2Config, placement: &Placement) -> Result<Blip2> {
        Blip2::random(config, placement)
    }

    fn image_side(config: &Blip2Config) -> usize {
        config.vision.image_size
    }

    fn image_processor(side: usize) -> ImageConfig {
        ImageConfig::exact(side)
    }

    fn vocabulary(config: &Blip2Config) -> usize {
        match &config.text {
            TextConfig::Opt(text) => text.vocab_size,
            TextConfig::T5(text) => text.vocab_size,
        }
    }

    fn end(config: &Blip2Config) -> Option<Value> {
        Some(config.usual_end())
    }

    fn prompt_tokens(tokenizer: &Tokenizer, prompt: Option<&str>) -> Result<usize> {
        // Without a prompt there is one token: the one that begins a caption, or the end of T5's empty text.
        prompt.map_or(Ok(1), |prompt| Ok(tokenizer.encode(prompt)?.len()))
    }

    fn bench_text(config: &Blip2Config) -> Vec<u32> {
        vec![config.begin_token.unwrap_or(1)]
    }

    fn per_image(config: &Blip2Config, text: usize, settings: &Settings) -> PerImage {
        let prompt = config.queries + text;
        let (tower, cache) = match &config.text {
            TextConfig::Opt(opt) => {
                let new = settings.most_new_tokens(prompt);
                (opt.tower(prompt), opt.cache_numbers(prompt, new))
            }
            TextConfig::T5(t5) => (t5.tower(prompt), t5.cache_numbers(prompt, settings.most_new_tokens(0))),
        };
        PerImage {
            side: config.vision.image_size,
            vision: vec![vision_tower(config), qformer_tower(config)],
            prompt: tower,
            cache,
            vocabulary: <Blip2 as Family>::vocabulary(config),
            beams: settings.num_beams,
        }
    }

    fn vision_flop(config: &Blip2Config) -> f64 {
        let (vision, qformer) = (vision_tower(config), qformer_tower(config));
        let layers = config.qformer.num_hidden_layers;
        let crossing = layers.div_ceil(config.qformer.cross_attention_frequency.max(1)) as f64;
        let (seen, read) = (vision.positions as f64, vision.width as f64);
        let (queries, width) = (qformer.positions as f64, qformer.width as f64);
        let patches = 2.0 * (seen - 1.0) * 3.0 * (config.vision.patch_size as f64).powi(2) * read;
        let cross =
            2.0 * queries * 2.0 * width * width + 2.0 * seen * 2.0 * read * width + 4.0 * queries * seen * width;
        patches
            + bench::flop(&vision, config.vision.num_hidden_layers)
            + bench::flop(&qformer, layers)
            + crossing * cross
            + 2.0 * queries * width * config.text_width() as f64
    }

    fn read_in_a_step(config: &Blip2Config, name: &str) -> bool {
        match &config.text {
            // The head is the table of embeddings; of the positions a row is read.
            TextConfig::Opt(_) => name.starts_with("language_model.") && !name.contains(".embed_positions."),
            // The encoder and the keys and values of what it read are computed once.
            TextConfig::T5(text) => {
                let once = name.contains(".EncDecAttention.k.") || name.contains(".EncDecAttention.v.");
                let tied = text.tie_word_embeddings && name.starts_with("language_model.shared.");
                (name.starts_with("language_model.decoder.") && !once)
                    || name.starts_with("language_model.lm_head.")
                    || tied
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nn::needs::step_parameters;

    #[test]
    fn the_published_models_have_the_published_numbers() {
        // Billions of weights and of those that a step reads; TFLOP of the vision side, of which the ViT is the most.
        for (repository, parameters, step) in [
            ("Salesforce/blip2-opt-2.7b", 3.74, 2.65),
            ("Salesforce/blip2-opt-6.7b", 7.75, 6.65),
            ("Salesforce/blip2-flan-t5-xl", 3.94, 1.42),
            ("Salesforce/blip2-flan-t5-xxl", 12.2, 5.6),
        ] {
            let config = published(repository).unwrap();
            let expected = Blip2::expected(&config).unwrap();
            let billions = |count: u64| count as f64 / 1e9;
            assert!(
                (billions(expected.parameters()) - parameters).abs() < 0.05,
                "{repository}: {}",
                expected.parameters()
            );
            let read = billions(step_parameters::<Blip2>(&config, &expected));
            assert!((read - step).abs() < 0.06 * step, "{repository}: {read}");
            let flop = Blip2::vision_flop(&config) / 1e12;
            assert!((0.5..0.65).contains(&flop), "{repository}: {flop}");
        }
        assert!(published("Salesforce/blip2-itm-vit-g").is_none());
    }
}
