//! What a BLIP-2 needs, and how fast it is: `host models check` and `host bench`.

use crate::config::{Blip2Config, TextConfig};
use crate::model::Blip2;
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

/// The directory's configuration, or the published one.
fn config(source: &ModelSource) -> Result<Blip2Config> {
    match (&source.weights, &source.repository) {
        (Some(directory), _) => Ok(Blip2Config::read(directory)?),
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
    let expected = Blip2::expected(&config)?;
    let mut report = WeightsReport {
        architecture: config.architecture().into(),
        parameters: expected.parameters(),
        tensors: expected.tensors.len(),
        ..WeightsReport::default()
    };
    let (mut prompt, mut settings) = (1, Settings::greedy(30, Vec::new()));
    if let Some(directory) = &source.weights {
        let examined = examine(directory, &expected);
        report.stored = examined.stored;
        report.problems = examined.problems;
        let mut note = |problem: Error| report.problems.push(problem.to_string());
        let (vocabulary, size) = (vocabulary(&config), config.vision.image_size);
        match Tokenizer::read(directory).and_then(|tokenizer| {
            tokenizer.check_vocabulary(vocabulary)?;
            source.prompt.as_deref().map_or(Ok(1), |prompt| Ok(tokenizer.encode(prompt)?.len()))
        }) {
            Ok(tokens) => prompt = tokens,
            Err(error) => note(error),
        }
        match ImageConfig::read(directory, ImageConfig::exact(size)) {
            Ok(images) if images.output() != Some((size, size)) => note(Error::malformed(
                directory.join("config.json"),
                format!("vision_config reads {size} × {size}, the image processor makes {:?}", images.output()),
            )),
            Ok(_) => {}
            Err(error) => note(error),
        }
        match Settings::read(directory, Some(&config.usual_end()), &plugin::overrides(&source.generation)) {
            Ok(read) => settings = read,
            Err(error) => note(error),
        }
    }
    report.memory = memory::needs(report.parameters, &per_image(&config, prompt, &settings));
    Ok(report)
}

fn vocabulary(config: &Blip2Config) -> usize {
    match &config.text {
        TextConfig::Opt(text) => text.vocab_size,
        TextConfig::T5(text) => text.vocab_size,
    }
}

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
        vocabulary: vocabulary(config),
        beams: settings.num_beams,
    }
}

/// Multiplications and additions from pixels to the language model's vectors, for one image.
fn vision_flop(config: &Blip2Config) -> f64 {
    let (vision, qformer) = (vision_tower(config), qformer_tower(config));
    let layers = config.qformer.num_hidden_layers;
    let crossing = layers.div_ceil(config.qformer.cross_attention_frequency.max(1)) as f64;
    let (seen, read) = (vision.positions as f64, vision.width as f64);
    let (queries, width) = (qformer.positions as f64, qformer.width as f64);
    let patches = 2.0 * (seen - 1.0) * 3.0 * (config.vision.patch_size as f64).powi(2) * read;
    let cross = 2.0 * queries * 2.0 * width * width + 2.0 * seen * 2.0 * read * width + 4.0 * queries * seen * width;
    patches
        + bench::flop(&vision, config.vision.num_hidden_layers)
        + bench::flop(&qformer, layers)
        + crossing * cross
        + 2.0 * queries * width * config.text_width() as f64
}

/// Weights that every decoding step reads.
fn step_parameters(config: &Blip2Config, expected: &Expected) -> u64 {
    let read = |name: &str| match &config.text {
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
    };
    let weights = expected.tensors.iter().filter(|(name, _)| read(name));
    weights.map(|(_, shape)| shape.iter().map(|&n| n as u64).product::<u64>()).sum()
}

struct Timed {
    model: Blip2,
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
    let expected = Blip2::expected(&config)?;
    let number = placement.number_bytes();
    let place =
        request.source.weights.clone().unwrap_or_else(|| request.source.repository.clone().unwrap_or_default().into());
    memory::refuse_too_large(&place, expected.parameters(), &placement)?;
    let begin = Instant::now();
    let model = match &request.source.weights {
        Some(directory) if !request.random_weights => Blip2::load(directory, &config, &placement, None)?,
        _ => Blip2::random(&config, &placement)?,
    };
    let load_seconds = begin.elapsed().as_secs_f64();
    let load_peak_memory = memory::peak_memory(&placement);
    let (bandwidth, matrix_rate) = (bench::bandwidth(&placement), bench::matrix_rate(&placement));
    memory::forget_peak();
    let text = vec![config.begin_token.unwrap_or(1)];
    let timed = Timed { model, text };
    Ok(BenchReport {
        architecture: config.architecture().into(),
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
            let read = billions(step_parameters(&config, &expected));
            assert!((read - step).abs() < 0.06 * step, "{repository}: {read}");
            let flop = vision_flop(&config) / 1e12;
            assert!((0.5..0.65).contains(&flop), "{repository}: {flop}");
        }
        assert!(published("Salesforce/blip2-itm-vit-g").is_none());
    }
}
