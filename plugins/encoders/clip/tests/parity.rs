//! CLIP against transformers, on tiny random checkpoints that `tests/parity/encoders/make_fixtures.py` made.

use clip::ClipEncoder;
use plugin_api::{Device, Encoder, EncoderConfig, EncoderInputs, Host, Image, PreparedInputs, Settings};
use safetensors::SafeTensors;
use serde_json::Value;
use std::path::{Path, PathBuf};

const CHECKPOINTS: [&str; 2] = ["clip", "clip-misnamed-end"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity")
}

fn folder(name: &str) -> PathBuf {
    fixtures().join("encoders").join(name)
}

fn load(name: &str) -> ClipEncoder {
    let (weights, settings, host) = (folder(name), Settings::default(), Host::silent());
    let config = EncoderConfig { weights, adapter: None, device: Device::Cpu, threads: 0, settings, host };
    ClipEncoder::load(&config).unwrap()
}

fn images() -> Vec<(u32, u32, Vec<u8>)> {
    let open = |number| image::open(fixtures().join(format!("transformers/images/{number}.png"))).unwrap().to_rgb8();
    (0..8).map(open).map(|image| (image.width(), image.height(), image.into_raw())).collect()
}

fn texts(name: &str) -> (Vec<String>, Vec<Vec<u32>>) {
    let read: Value = serde_json::from_slice(&std::fs::read(folder(name).join("texts.json")).unwrap()).unwrap();
    (serde_json::from_value(read["texts"].clone()).unwrap(), serde_json::from_value(read["ids"].clone()).unwrap())
}

fn embed_images(encoder: &ClipEncoder, images: &[(u32, u32, Vec<u8>)]) -> Vec<f32> {
    let images: Vec<Image<'_>> =
        images.iter().map(|(width, height, rgb)| Image { width: *width, height: *height, rgb }).collect();
    encoder.embed(encoder.prepare(EncoderInputs::Images(&images)).unwrap().batch, "image").unwrap()
}

fn embed_texts(encoder: &ClipEncoder, texts: &[String]) -> (Vec<f32>, Vec<usize>) {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let PreparedInputs { batch, truncated } = encoder.prepare(EncoderInputs::Texts(&texts)).unwrap();
    (encoder.embed(batch, "text").unwrap(), truncated)
}

fn differ(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn expected(name: &str, tensor: &str) -> Vec<f32> {
    let bytes = std::fs::read(folder(name).join("expected.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let data = tensors.tensor(tensor).unwrap().data().to_vec();
    data.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect()
}

#[test]
fn embeddings_of_images_and_texts_are_the_references_at_any_batch_size() {
    for name in CHECKPOINTS {
        let encoder = load(name);
        let images = images();
        let whole = embed_images(&encoder, &images);
        let worst = differ(&whole, &expected(name, "image"));
        println!("{name}: embeddings of images differ by at most {worst:e}");
        assert!(worst < 1e-4, "{name}: an image differs by {worst}");
        let parts: Vec<f32> = images.chunks(3).flat_map(|images| embed_images(&encoder, images)).collect();
        assert!(differ(&whole, &parts) < 1e-5, "{name}: batches differ by {}", differ(&whole, &parts));

        let (texts, _) = texts(name);
        let (whole, truncated) = embed_texts(&encoder, &texts);
        let worst = differ(&whole, &expected(name, "text"));
        println!("{name}: embeddings of texts differ by at most {worst:e}");
        assert!(worst < 1e-4, "{name}: a text differs by {worst}");
        assert_eq!(truncated, [4], "{name}: which texts are too long");
        let parts: Vec<f32> = texts.chunks(1).flat_map(|texts| embed_texts(&encoder, texts).0).collect();
        assert!(differ(&whole, &parts) < 1e-5, "{name}: batches differ by {}", differ(&whole, &parts));
    }
}

#[test]
fn tokens_are_the_references_also_of_an_empty_text_and_one_that_is_cut() {
    for name in CHECKPOINTS {
        let (texts, ids) = texts(name);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let prepared = load(name).prepare(EncoderInputs::Texts(&texts)).unwrap();
        let clip::Batch::Texts(rows) = prepared.batch else { panic!("texts") };
        let ours: Vec<Vec<u32>> = rows.into_iter().map(|(ids, _)| ids).collect();
        assert_eq!(ours, ids, "{name}");
    }
}
