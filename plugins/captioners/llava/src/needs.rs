//! What a LLaVA needs, and how fast it is: `host models check` and `host bench`.

use crate::captioner::PROMPT;
use crate::config::LlavaConfig;
use crate::model::Llava;
use crate::published::published;
use nn::bench::{self, Measured};
use nn::generation::Settings;
use nn::image::ImageConfig;
use nn::memory::{self, PerImage, Tower};
use nn::text::Tokenizer;
use nn::weights::{Expected, examine};
use nn::{Error, plugin};
use plugin_api::{BenchReport, BenchRequest, Host, ModelSource, PluginError, Result, WeightsReport};
use std::time::Instant;

/// Tokens of the usual prompt beside the image, about; the exact number matters to nothing here.
const PROMPT_TOKENS: usize = 20;

/// The directory's configuration, or the published one.
fn config(source: &ModelSource) -> Result<LlavaConfig> {
    match (&source.weights, &source.repository) {
        (Some(directory), _) => Ok(LlavaConfig::read(directory)?),
        (None, Some(repository)) => published(repository).ok_or_else(|| {
            PluginError::configuration(format!("the configuration of {repository} is not known without its files"))
                .help("pull the weights, or give a directory with a config.json")
        }),
        (None, None) => Err(PluginError::configuration("neither a directory nor a repository was named")),
    }
}

/// Compares a directory with what its configuration asks for, and tells the memory that batches take.
pub fn inspect(source: &ModelSource, _host: Host) -> Result<WeightsReport> {
    let config = config(source)?;
    let expected = Llava::expected(&config)?;
    let mut report = WeightsReport {
        architecture: "LLaVA with Llama".into(),
        parameters: expected.parameters(),
        tensors: expected.tensors.len(),
        ..WeightsReport::default()
    };
    let (mut prompt, mut settings) = (PROMPT_TOKENS, Settings::greedy(30, Vec::new()));
    if let Some(directory) = &source.weights {
        let examined = examine(directory, &expected);
        report.stored = examined.stored;
        report.problems = examined.problems;
        let mut note = |problem: Error| report.problems.push(problem.to_string());
        let (vocabulary, size) = (config.text.vocab_size, config.vision.image_size);
        match Tokenizer::read(directory).and_then(|tokenizer| {
            tokenizer.check_vocabulary(vocabulary)?;
            Ok(tokenizer.encode(source.prompt.as_deref().unwrap_or(PROMPT))?.len())
        }) {
            Ok(tokens) => prompt = tokens,
            Err(error) => note(error),
        }
        match ImageConfig::read(directory, ImageConfig::cropped(size)) {
            Ok(images) if images.output() != Some((size, size)) => note(Error::malformed(
                directory.join("config.json"),
                format!("vision_config reads {size} × {size}, the image processor makes {:?}", images.output()),
            )),
            Ok(_) => {}
            Err(error) => note(error),
        }
        match Settings::read(directory, config.end.as_ref(), &plugin::overrides(&source.generation)) {
            Ok(read) => settings = read,
            Err(error) => note(error),
        }
    }
    report.memory = memory::needs(report.parameters, &per_image(&config, prompt, &settings));
    Ok(report)
}

fn vision_tower(config: &LlavaConfig) -> Tower {
    let vision = &config.vision;
    Tower {
        positions: vision.patches() + 1,
        width: vision.hidden_size,
        inner: vision.intermediate_size,
        heads: vision.num_attention_heads,
    }
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

/// Multiplications and additions from pixels to the language model's vectors, for one image.
fn vision_flop(config: &LlavaConfig) -> f64 {
    let tower = vision_tower(config);
    let (width, text) = (tower.width as f64, config.text.hidden_size as f64);
    let patches = 2.0 * config.vision.patches() as f64 * 3.0 * (config.vision.patch_size as f64).powi(2) * width;
    let projector = 2.0 * config.image_vectors() as f64 * (width * text + text * text);
    patches + bench::flop(&tower, config.vision_layers) + projector
}

/// Weights that every decoding step reads: all of Llama but the table of embeddings, unless that is the head too.
fn step_parameters(config: &LlavaConfig, expected: &Expected) -> u64 {
    let read = |name: &str| {
        name.starts_with("language_model.") && (config.text.tie_word_embeddings || !name.contains(".embed_tokens."))
    };
    let weights = expected.tensors.iter().filter(|(name, _)| read(name));
    weights.map(|(_, shape)| shape.iter().map(|&n| n as u64).product::<u64>()).sum()
}

struct Timed {
    model: Llava,
    text: Vec<u32>,
}

impl Measured for Timed {
    fn side(&self) -> usize {
        self.model.config().vision.image_size
    }

    fn see(&self, pixels: Vec<f32>, rows: usize) {
        bench::wait(&self.model.image_vectors(pixels, rows));
    }

    fn caption(&self, pixels: Vec<f32>, rows: usize, new_tokens: usize) -> nn::Result<()> {
        // No end token: every row gets all its tokens.
        let settings = Settings::greedy(new_tokens, Vec::new());
        let texts = vec![self.text.as_slice(); rows];
        self.model.caption(pixels, &texts, &vec![0; rows], &settings, &|| false).map(drop)
    }
}

/// Measures the model on the device.
pub fn measure(request: &BenchRequest, host: Host) -> Result<BenchReport> {
    nn::limit_threads(request.threads);
    let config = config(&request.source)?;
    let placement = plugin::placement(request.device)?;
    let expected = Llava::expected(&config)?;
    let number = placement.number_bytes();
    let place =
        request.source.weights.clone().unwrap_or_else(|| request.source.repository.clone().unwrap_or_default().into());
    memory::refuse_too_large(&place, expected.parameters(), &placement)?;
    let begin = Instant::now();
    let model = match &request.source.weights {
        Some(directory) if !request.random_weights => Llava::load(directory, &config, &placement, None)?,
        _ => Llava::random(&config, &placement)?,
    };
    let load_seconds = begin.elapsed().as_secs_f64();
    let load_peak_memory = memory::peak_memory(&placement);
    let (bandwidth, matrix_rate) = (bench::bandwidth(&placement), bench::matrix_rate(&placement));
    memory::forget_peak();
    // Words around one image token, as in the usual prompt.
    let mut text = vec![1; PROMPT_TOKENS + 1];
    text[4] = config.image_token;
    let timed = Timed { model, text };
    Ok(BenchReport {
        architecture: "LLaVA with Llama".into(),
        parameters: expected.parameters(),
        device: placement.to_string(),
        precision: placement.precision().into(),
        load_seconds,
        load_peak_memory,
        weight_bytes: expected.parameters() * number,
        step_bytes: step_parameters(&config, &expected) * number,
        vision_flop: vision_flop(&config),
        prompt_tokens: timed.model.prompt_length(&timed.text),
        bandwidth,
        matrix_rate,
        batches: bench::batches(&timed, request, &placement, host)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let read = billions(step_parameters(&config, &expected));
            assert!((read - step).abs() < 0.02 * step, "{repository}: {read}");
        }
        assert!(published("llava-hf/llava-v1.6-mistral-7b-hf").is_none());
    }
}
