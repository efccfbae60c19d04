//! BLIP-2 against transformers. What is tested stands in `tests/parity/transformers/harness.rs`, which all captioners share.

#[path = "../../../../tests/parity/transformers/harness.rs"]
mod harness;

use blip2::{Blip2Captioner, Blip2Config};
use harness::{Tested, as_bytes, fixtures, ids};
use nn::image::ImageConfig;
use safetensors::SafeTensors;
use serde_json::Value;
use std::path::Path;

const CHECKPOINTS: [&str; 8] =
    ["opt-small", "opt-sharded", "opt-bf16", "opt-bf16-sharded", "t5-untied", "t5-sharded", "t5-bf16", "t5-tied"];

impl Tested for Blip2Config {
    fn texts(_folder: &Path, case: &Value) -> Vec<Vec<u32>> {
        vec![ids(&case["ids"]); 8]
    }
}

#[test]
fn pixel_values_of_odd_sized_pngs_are_the_processors() {
    harness::pixel_values_are_the_processors(&CHECKPOINTS, &ImageConfig::exact(384));
}

#[test]
fn pixel_values_of_photographs_are_nearly_the_processors() {
    let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/garment-photos");
    if !photos.is_dir() {
        println!("skipped: the photographs (shared/data/garment-photos beside the checkout) are not here");
        return;
    }
    let names: Vec<String> = serde_json::from_slice(&std::fs::read(fixtures().join("photos.json")).unwrap()).unwrap();
    let tensors = std::fs::read(fixtures().join("photos.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&tensors).unwrap();
    for (kind, config, step) in [("blip", ImageConfig::exact(224), 7), ("clip", ImageConfig::cropped(336), 11)] {
        let expected = tensors.tensor(kind).unwrap();
        let one: usize = expected.shape()[1..].iter().product();
        let (mut near, mut all, mut worst) = (0, 0, 0.0_f64);
        for (name, expected) in names.iter().zip(expected.data().chunks(one)) {
            let photo = image::open(photos.join(name)).unwrap().to_rgb8();
            let pixels = nn::image::prepare(photo.width(), photo.height(), photo.as_raw(), &config).unwrap();
            let size = pixels.width;
            let ours = as_bytes(&pixels.values);
            let sampled = (0..3 * size * size).filter(|place| {
                let (row, column) = (place / size % size, place % size);
                row % step == 0 && column % step == 0
            });
            for (place, theirs) in sampled.zip(expected) {
                let difference = (ours[place] - f64::from(*theirs)).abs();
                worst = worst.max(difference);
                near += usize::from(difference <= 3.001);
                all += 1;
            }
        }
        let share = near as f64 / all as f64;
        println!("{kind}: {share:.6} of {all} values within 3 of 255, the worst {worst:.1} away");
        assert!(share >= 0.999, "{kind}: only {share} of {all} values are within 3 of 255");
    }
}

#[test]
fn scores_of_the_first_token_are_the_references() {
    harness::scores_of_the_first_token_are_the_references::<Blip2Config>(&CHECKPOINTS);
}

#[test]
fn scores_on_a_gpu_are_nearly_the_references() {
    harness::scores_on_a_gpu_are_nearly_the_references::<Blip2Config>(&CHECKPOINTS);
}

#[test]
fn ids_are_the_references() {
    harness::ids_are_the_references::<Blip2Config>(&CHECKPOINTS);
}

#[test]
fn ids_are_the_same_at_any_batch_size() {
    harness::ids_are_the_same_at_any_batch_size::<Blip2Config>(&CHECKPOINTS);
}

#[test]
fn the_captioner_says_what_the_reference_says_from_the_image_files() {
    let load = |config: &_| Blip2Captioner::load(config).unwrap();
    let prompt = |case: &Value| Some(case["prompt"].as_str().map(String::from));
    harness::the_captioner_says_what_the_reference_says(&CHECKPOINTS, load, prompt);
}
