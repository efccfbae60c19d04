//! What a BLIP-2 needs, by its shapes: `host models check` and `host bench` ask through `nn`.

use crate::config::{Blip2Config, TextConfig};
use crate::published::published;
use nn::captioner::Shapes;
use nn::generation::{BEHIND_ENCODER, Settings};
use nn::memory::{PerImage, Tower};

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

impl Shapes for Blip2Config {
    fn published(repository: &str) -> Option<Blip2Config> {
        published(repository)
    }

    fn image_side(&self) -> usize {
        self.vision.image_size
    }

    fn image_vectors(&self) -> usize {
        self.queries
    }

    fn vocabulary(&self) -> usize {
        match &self.text {
            TextConfig::Opt(text) => text.vocab_size,
            TextConfig::T5(text) => text.vocab_size,
        }
    }

    fn bench_text(&self) -> Vec<u32> {
        vec![self.begin_token.unwrap_or(1)]
    }

    fn per_image(&self, prompt: usize, settings: &Settings) -> PerImage {
        let (tower, cache) = match &self.text {
            TextConfig::Opt(opt) => {
                let new = settings.most_new_tokens(prompt);
                (opt.tower(prompt), opt.cache_numbers(prompt, new))
            }
            TextConfig::T5(t5) => {
                (t5.tower(prompt), t5.cache_numbers(prompt, settings.most_new_tokens(BEHIND_ENCODER)))
            }
        };
        PerImage {
            side: self.vision.image_size,
            vision: vec![vision_tower(self), qformer_tower(self)],
            prompt: tower,
            cache,
            vocabulary: self.vocabulary(),
            beams: settings.num_beams,
        }
    }

    fn vision_flop(&self) -> f64 {
        let (vision, qformer) = (vision_tower(self), qformer_tower(self));
        let layers = self.qformer.num_hidden_layers;
        let crossing = layers.div_ceil(self.qformer.cross_attention_frequency.max(1)) as f64;
        let (seen, read) = (vision.positions as f64, vision.width as f64);
        let (queries, width) = (qformer.positions as f64, qformer.width as f64);
        let patches = 2.0 * (seen - 1.0) * 3.0 * (self.vision.patch_size as f64).powi(2) * read;
        let cross =
            2.0 * queries * 2.0 * width * width + 2.0 * seen * 2.0 * read * width + 4.0 * queries * seen * width;
        patches
            + vision.flop(self.vision.num_hidden_layers)
            + qformer.flop(layers)
            + crossing * cross
            + 2.0 * queries * width * self.text_width() as f64
    }

    fn read_in_a_step(&self, name: &str) -> bool {
        match &self.text {
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
    use nn::captioner::{Model, step_parameters};

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
            let expected = Model::expected(&config).unwrap();
            let billions = |count: u64| count as f64 / 1e9;
            assert!(
                (billions(expected.parameters()) - parameters).abs() < 0.05,
                "{repository}: {}",
                expected.parameters()
            );
            let read = billions(step_parameters(&config, &expected));
            assert!((read - step).abs() < 0.06 * step, "{repository}: {read}");
            let flop = config.vision_flop() / 1e12;
            assert!((0.5..0.65).contains(&flop), "{repository}: {flop}");
        }
        assert!(published("Salesforce/blip2-itm-vit-g").is_none());
    }
}
