//! The captioner's spaces against transformers; `tests/parity/encoders/make_fixtures.py` made what is expected.

use blip2::{Blip2Captioner, Blip2Encoder};
use plugin_api::{
    Captioner, CaptionerConfig, Device, Encoder, EncoderConfig, EncoderInputs, Generation, Host, Image, Settings,
};
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity")
}

fn config() -> EncoderConfig {
    EncoderConfig {
        weights: fixtures().join("transformers/checkpoints/opt-small"),
        adapter: None,
        device: Device::Cpu,
        threads: 0,
        settings: Settings::default(),
        host: Host::silent(),
    }
}

#[test]
fn both_spaces_are_the_references_at_any_batch_size() {
    let encoder = Blip2Encoder::load(&config()).unwrap();
    let open = |number| image::open(fixtures().join(format!("transformers/images/{number}.png"))).unwrap().to_rgb8();
    let images: Vec<_> = (0..8).map(open).collect();
    let images: Vec<Image<'_>> = images
        .iter()
        .map(|image| Image { width: image.width(), height: image.height(), rgb: image.as_raw() })
        .collect();
    let bytes = std::fs::read(fixtures().join("encoders/blip2-opt-small/expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    for space in encoder.describe().spaces {
        let embed = |images: &[Image<'_>]| {
            encoder.embed(encoder.prepare(EncoderInputs::Images(images)).unwrap().batch, &space.name).unwrap()
        };
        let data = tensors.tensor(&space.name).unwrap().data().to_vec();
        let theirs: Vec<f32> = data.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect();
        let whole = embed(&images);
        assert_eq!((whole.len(), theirs.len()), (8 * space.width(), 8 * space.width()), "{}", space.name);
        let differ = |other: &[f32]| whole.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
        println!("{}: differs by at most {:e}", space.name, differ(&theirs));
        assert!(differ(&theirs) < 1e-4, "{}: {}", space.name, differ(&theirs));
        let parts: Vec<f32> = images.chunks(3).flat_map(embed).collect();
        assert!(differ(&parts) < 1e-5, "{}: batches differ by {}", space.name, differ(&parts));
    }
}

#[test]
fn the_captioner_names_the_spaces_that_the_encoder_has() {
    let EncoderConfig { weights, adapter, device, threads, settings, host } = config();
    let (prompt, generation) = (None, Generation::default());
    let captioner = CaptionerConfig { weights, adapter, device, threads, prompt, generation, settings, host };
    let described = Blip2Captioner::load(&captioner).unwrap().describe();
    assert_eq!(described.embedding_spaces, Blip2Encoder::load(&config()).unwrap().describe().spaces);
    assert_eq!(described.embedding_spaces[0].shape, [32]);
    assert_eq!(described.embedding_spaces[1].shape, [4, 24]);
    assert!(described.capabilities.contains(&"embed".to_owned()));
}
