//! What a LLaVA needs, by its shapes: `host models check` and `host bench` ask through `nn`.

use crate::config::LlavaConfig;
use crate::published::published;
use nn::captioner::Shapes;
use nn::generation::Settings;
use nn::memory::{PerImage, Tower};

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

impl Shapes for LlavaConfig {
    fn published(repository: &str) -> Option<LlavaConfig> {
        published(repository)
    }

    fn image_side(&self) -> usize {
        self.vision.image_size
    }

    fn image_vectors(&self) -> usize {
        self.vision.patches() + usize::from(self.class_token)
    }

    fn vocabulary(&self) -> usize {
        self.text.vocab_size
    }

    fn bench_text(&self) -> Vec<u32> {
        // Words around one image token, as in the usual prompt.
        let mut text = vec![1; PROMPT_TOKENS + 1];
        text[4] = self.image_token;
        text
    }

    fn per_image(&self, prompt: usize, settings: &Settings) -> PerImage {
        PerImage {
            side: self.vision.image_size,
            vision: vec![vision_tower(self)],
            prompt: self.text.tower(prompt),
            cache: self.text.cache_numbers(prompt, settings.most_new_tokens(prompt)),
            vocabulary: self.text.vocab_size,
            beams: settings.num_beams,
        }
    }

    fn vision_flop(&self) -> f64 {
        let tower = vision_tower(self);
        let (width, text) = (tower.width as f64, self.text.hidden_size as f64);
        let patches = 2.0 * self.vision.patches() as f64 * 3.0 * (self.vision.patch_size as f64).powi(2) * width;
        let projector = 2.0 * self.image_vectors() as f64 * (width * text + text * text);
        patches + tower.flop(self.vision_layers) + projector
    }

    fn read_in_a_step(&self, name: &str) -> bool {
        // All of Llama but the table of embeddings, unless that is the head too.
        name.starts_with("language_model.") && (self.text.tie_word_embeddings || !name.contains(".embed_tokens."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nn::captioner::{Model, step_parameters};

    #[test]
    fn the_published_models_have_the_published_numbers() {
        for (repository, parameters, step) in
            [("llava-hf/llava-1.5-7b-hf", 7.06, 6.6), ("llava-hf/llava-1.5-13b-hf", 13.35, 12.85)]
        {
            let config = published(repository).unwrap();
            let expected = Model::expected(&config).unwrap();
            let billions = |count: u64| count as f64 / 1e9;
            assert!(
                (billions(expected.parameters()) - parameters).abs() < 0.02,
                "{repository}: {}",
                expected.parameters()
            );
            let read = billions(step_parameters(&config, &expected));
            assert!((read - step).abs() < 0.02 * step, "{repository}: {read}");
        }
        assert!(published("llava-hf/llava-v1.6-mistral-7b-hf").is_none());
    }
}
