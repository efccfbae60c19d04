//! Sentence-BERT against sentence-transformers, on tiny random MPNets that `tests/parity/encoders/make_fixtures.py` made: one with the mean,
//! a limit and normalisation, one without any of sentence-transformers' files, whose texts are long enough for all buckets of distances.

use plugin_api::{Device, Encoder, EncoderConfig, EncoderInputs, Host, Settings};
use safetensors::SafeTensors;
use sentence_bert::SentenceEncoder;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// With the places of the texts that are cut.
const CHECKPOINTS: [(&str, &[usize]); 2] = [("mpnet", &[4, 6]), ("mpnet-plain", &[])];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity/encoders").join(name)
}

fn load(name: &str) -> SentenceEncoder {
    let (weights, settings, host) = (folder(name), Settings::default(), Host::silent());
    let config = EncoderConfig { weights, adapter: None, device: Device::Cpu, threads: 0, settings, host };
    SentenceEncoder::load(&config).unwrap()
}

fn texts(name: &str) -> (Vec<String>, Vec<Vec<u32>>) {
    let read: Value = serde_json::from_slice(&std::fs::read(folder(name).join("texts.json")).unwrap()).unwrap();
    (serde_json::from_value(read["texts"].clone()).unwrap(), serde_json::from_value(read["ids"].clone()).unwrap())
}

fn embed(encoder: &SentenceEncoder, texts: &[String]) -> Vec<f32> {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    encoder.embed(encoder.prepare(EncoderInputs::Texts(&texts)).unwrap().batch, "sentence").unwrap()
}

fn differ(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn embeddings_are_the_references_at_any_batch_size() {
    for (name, _) in CHECKPOINTS {
        let encoder = load(name);
        let (texts, _) = texts(name);
        let bytes = std::fs::read(folder(name).join("expected.safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let data = tensors.tensor("sentence").unwrap().data().to_vec();
        let theirs: Vec<f32> = data.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect();
        let whole = embed(&encoder, &texts);
        let worst = differ(&whole, &theirs);
        println!("{name}: embeddings differ by at most {worst:e}");
        assert!(worst < 1e-4, "{name}: an embedding differs by {worst}");
        for size in [1, 3] {
            let parts: Vec<f32> = texts.chunks(size).flat_map(|texts| embed(&encoder, texts)).collect();
            let by_batch = differ(&whole, &parts);
            println!("{name}: batches of {size} differ by at most {by_batch:e}");
            assert!(by_batch < 1e-5, "{name}: batches of {size} differ by {by_batch}");
        }
    }
}

#[test]
fn tokens_are_the_references_also_of_an_empty_text_and_one_that_is_cut() {
    for (name, cut) in CHECKPOINTS {
        let (texts, ids) = texts(name);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let prepared = load(name).prepare(EncoderInputs::Texts(&texts)).unwrap();
        assert_eq!(prepared.batch, ids, "{name}");
        assert_eq!(prepared.truncated, cut, "{name}");
    }
}
