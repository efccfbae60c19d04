//! What all captioners are held to against transformers: pixel values, scores of the first token, token ids and texts, on the tiny random checkpoints
//! that `make_fixtures.py` beside this file made.

use nn::Placement;
use nn::captioner::{Family, Model};
use nn::generation::{Generated, Settings};
use nn::image::ImageConfig;
use plugin_api::{CaptionInput, Captioner, CaptionerConfig, Device, Generation, Host, Image};
use safetensors::SafeTensors;
use serde_json::Value;
use std::path::{Path, PathBuf};

const MEAN: [f64; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const DEVIATION: [f64; 3] = [0.268_629_54, 0.261_302_58, 0.275_777_11];

/// Images of every checkpoint's cases.
const IMAGES: usize = 8;

/// A family, as the tests need it.
pub trait Tested: Family {
    /// The prompts of a case as tokens, one an image.
    fn texts(folder: &Path, case: &Value) -> Vec<Vec<u32>>;
}

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity/transformers")
}

pub fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// Pixel values back to 0…255, not rounded.
pub fn as_bytes(values: &[f32]) -> Vec<f64> {
    let plane = values.len() / 3;
    let back =
        |(place, value): (usize, &f32)| (f64::from(*value) * DEVIATION[place / plane] + MEAN[place / plane]) * 255.0;
    values.iter().enumerate().map(back).collect()
}

fn png(number: usize) -> (u32, u32, Vec<u8>) {
    let image = image::open(fixtures().join(format!("images/{number}.png"))).unwrap().to_rgb8();
    (image.width(), image.height(), image.into_raw())
}

/// A checkpoint, and what the reference made of it.
struct Fixture {
    name: &'static str,
    folder: PathBuf,
    expected: Value,
    tensors: Vec<u8>,
}

impl Fixture {
    fn open(name: &'static str) -> Fixture {
        let folder = fixtures().join("checkpoints").join(name);
        let read = |file: &str| std::fs::read(folder.join(file)).unwrap();
        Fixture {
            name,
            expected: serde_json::from_slice(&read("expected.json")).unwrap(),
            tensors: read("expected.safetensors"),
            folder,
        }
    }

    fn cases(&self) -> impl Iterator<Item = (usize, &Value)> {
        self.expected["cases"].as_array().unwrap().iter().enumerate()
    }

    /// The 8-bit values that the reference's image processor arrived at, `[8, 3, size, size]`.
    fn bytes(&self) -> Vec<u8> {
        SafeTensors::deserialize(&self.tensors).unwrap().tensor("pixels").unwrap().data().to_vec()
    }

    /// The same as pixel values.
    fn pixels(&self) -> Vec<f32> {
        let bytes = self.bytes();
        let plane = bytes.len() / IMAGES / 3;
        let value = |(place, byte): (usize, &u8)| {
            let channel = place / plane % 3;
            ((f64::from(*byte) / 255.0 - MEAN[channel]) / DEVIATION[channel]) as f32
        };
        bytes.iter().enumerate().map(value).collect()
    }

    fn settings<T: Tested>(&self, model: &Model<T>, kind: &str) -> Settings {
        let mut overrides = self.expected["settings"][kind].clone();
        overrides["max_new_tokens"] = 32.into();
        let config = model.config();
        overrides["eos_token_id"] = config.overriding_end().unwrap_or_else(|| config.end());
        Settings::read(&self.folder, None, &overrides).unwrap()
    }

    /// Our scores of a case's first tokens, and the reference's.
    fn scores<T: Tested>(&self, model: &Model<T>, number: usize) -> (Vec<f32>, Vec<f32>) {
        let texts = T::texts(&self.folder, &self.expected["cases"][number]);
        let texts: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
        let (language, prompt) = model.begin(&self.pixels(), &texts).unwrap();
        let ours: Vec<f32> = language.start(prompt, 1).1.into_data().iter::<f32>().collect();
        let tensors = SafeTensors::deserialize(&self.tensors).unwrap();
        let theirs = tensors.tensor(&format!("scores.{number}")).unwrap();
        let theirs: Vec<f32> = theirs.data().as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect();
        assert_eq!(ours.len(), theirs.len(), "{}", self.name);
        (ours, theirs)
    }

    /// Captions of some of a case's images.
    fn generate<T: Tested>(
        &self,
        model: &Model<T>,
        images: &[usize],
        case: &Value,
        settings: &Settings,
    ) -> Vec<Generated> {
        let all = self.pixels();
        let pixels: Vec<f32> =
            images.iter().flat_map(|&image| all.chunks(all.len() / IMAGES).nth(image).unwrap()).copied().collect();
        let texts = T::texts(&self.folder, case);
        let texts: Vec<&[u32]> = images.iter().map(|&image| texts[image].as_slice()).collect();
        model.caption(&pixels, &texts, &vec![0; texts.len()], settings, &|| false).unwrap()
    }
}

fn opened<T: Tested>(checkpoints: &[&'static str], placement: &Placement) -> impl Iterator<Item = (Fixture, Model<T>)> {
    checkpoints.iter().map(|name| {
        let fixture = Fixture::open(name);
        let config = T::read(&fixture.folder).unwrap();
        let model = Model::load(&fixture.folder, &config, placement, None).unwrap();
        (fixture, model)
    })
}

/// Pixel values of odd-sized images are the image processor's; `default` is for a checkpoint that does not say how to prepare them.
pub fn pixel_values_are_the_processors(checkpoints: &[&'static str], default: &ImageConfig) {
    for name in checkpoints {
        let fixture = Fixture::open(name);
        let config = ImageConfig::read(&fixture.folder, default.clone()).unwrap();
        let expected = fixture.bytes();
        for (number, expected) in expected.chunks(expected.len() / IMAGES).enumerate() {
            let (width, height, rgb) = png(number);
            let pixels = nn::image::prepare(width, height, &rgb, &config).unwrap();
            let worst = as_bytes(&pixels.values)
                .iter()
                .zip(expected)
                .map(|(ours, theirs)| (ours - f64::from(*theirs)).abs())
                .fold(0.0, f64::max);
            assert!(worst <= 1.001, "{name}, image {number}: {worst} of 255");
        }
    }
}

pub fn scores_of_the_first_token_are_the_references<T: Tested>(checkpoints: &[&'static str]) {
    for (fixture, model) in opened::<T>(checkpoints, &Placement::cpu().unwrap()) {
        for (number, _) in fixture.cases() {
            let (ours, theirs) = fixture.scores(&model, number);
            let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            println!("{}, case {number}: logits differ by at most {worst:e}", fixture.name);
            assert!(worst < 1e-4, "{}, case {number}: a score differs by {worst}", fixture.name);
        }
    }
}

/// bf16 rounds: scores are held to 2 % of their own size, or to one and a half times what transformers itself loses in bf16 (`bf16.json`), which on
/// such small models with wide random weights is more.
pub fn scores_on_a_gpu_are_nearly_the_references<T: Tested>(checkpoints: &[&'static str]) {
    let placement = match Placement::cuda(0) {
        Ok(placement) => placement,
        Err(error) => return println!("skipped: {error}"),
    };
    let own: Value = serde_json::from_slice(&std::fs::read(fixtures().join("bf16.json")).unwrap()).unwrap();
    let measured: Vec<&str> = checkpoints.iter().copied().filter(|name| own[name].is_array()).collect();
    for (fixture, model) in opened::<T>(&measured, &placement) {
        let name = fixture.name;
        for (number, _) in fixture.cases() {
            let (ours, theirs) = fixture.scores(&model, number);
            let square = |value: f32| f64::from(value) * f64::from(value);
            let distance: f64 = ours.iter().zip(&theirs).map(|(a, b)| square(a - b)).sum();
            let size: f64 = theirs.iter().map(|&b| square(b)).sum();
            let relative = (distance / size).sqrt();
            let theirs = own[name][number].as_f64().unwrap();
            println!("{name}, case {number}: scores are {relative:.4} off, transformers' own in bf16 {theirs:.4}");
            assert!(relative <= f64::max(0.02, 1.5 * theirs), "{name}, case {number}: scores are {relative} off");
        }
    }
}

/// Ids of every way of generating, all images in one batch.
pub fn ids_are_the_references<T: Tested>(checkpoints: &[&'static str]) {
    for (fixture, model) in opened::<T>(checkpoints, &Placement::cpu().unwrap()) {
        for (number, case) in fixture.cases() {
            let texts = T::texts(&fixture.folder, case);
            let mut kinds = vec!["greedy", "beam-4", "beam-3 strict"];
            if texts.iter().all(|text| *text == texts[0]) {
                kinds.push("penalised"); // in a batch of different prompts the reference penalises padding, which is nothing here
            }
            for kind in kinds {
                let settings = fixture.settings(&model, kind);
                let ours = fixture.generate(&model, &[0, 1, 2, 3, 4, 5, 6, 7], case, &settings);
                for (image, ours) in ours.iter().enumerate() {
                    let theirs = ids(&case[kind][image]);
                    assert_eq!(ours.ids, theirs, "{}, case {number}, {kind}, image {image}", fixture.name);
                }
            }
        }
    }
}

pub fn ids_are_the_same_at_any_batch_size<T: Tested>(checkpoints: &[&'static str]) {
    for (fixture, model) in opened::<T>(checkpoints, &Placement::cpu().unwrap()) {
        for (number, case) in fixture.cases() {
            for kind in ["greedy", "beam-4"] {
                let settings = fixture.settings(&model, kind);
                let all: Vec<usize> = (0..IMAGES).collect();
                let whole = fixture.generate(&model, &all, case, &settings);
                for size in [1, 3] {
                    let parts = all.chunks(size).flat_map(|part| fixture.generate(&model, part, case, &settings));
                    let parts: Vec<Generated> = parts.collect();
                    assert_eq!(parts, whole, "{}, case {number}, {kind}, batches of {size}", fixture.name);
                }
            }
        }
    }
}

/// From the image files to the text; `prompt` is what the captioner of a case is given, which leaves out cases that have a prompt for each image.
pub fn the_captioner_says_what_the_reference_says<C: Captioner>(
    checkpoints: &[&'static str],
    load: impl Fn(&CaptionerConfig) -> C,
    prompt: impl Fn(&Value) -> Option<Option<String>>,
) {
    let images: Vec<_> = (0..IMAGES).map(png).collect();
    let inputs: Vec<CaptionInput<'_>> = images
        .iter()
        .map(|(width, height, rgb)| CaptionInput { image: Image { width: *width, height: *height, rgb }, seed: 0 })
        .collect();
    for name in checkpoints {
        let fixture = Fixture::open(name);
        let mut said = 0;
        for (number, case) in fixture.cases() {
            let Some(prompt) = prompt(case) else { continue };
            let captioner = load(&CaptionerConfig {
                weights: fixture.folder.clone(),
                adapter: None,
                device: Device::Cpu,
                threads: 0,
                prompt,
                generation: Generation { max_new_tokens: Some(32), ..Generation::default() },
                settings: plugin_api::Settings::default(),
                host: Host::silent(),
            });
            let captions = captioner.generate(captioner.prepare(&inputs).unwrap()).unwrap();
            for (image, caption) in captions.iter().enumerate() {
                assert_eq!(caption.token_ids, ids(&case["greedy"][image]), "{name}, case {number}, image {image}");
                assert_eq!(caption.text, case["text"][image].as_str().unwrap(), "{name}, case {number}, image {image}");
            }
            said += 1;
        }
        assert!(said > 0, "{name} has no case for a captioner");
    }
}
