//! Fine-tuning with a real model: the nano BLIP-2 learns a few steps, in one go and killed between, and its adapter is used, merged
//! and refused elsewhere.

use end_to_end_tests::{Host, Place, Registry, RunFiles, assert_same_run, library, repository, sample_catalogue};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn place() -> Place {
    let catalogue = sample_catalogue();
    let plugins = ["blip2", "hm", "ngram", "lora-standard"];
    let registry = plugins
        .iter()
        .fold(Registry::default(), |registry, name| registry.plugin(name, &library(name)))
        .dataset("hm", "hm", &catalogue.join("hm"))
        .metric("bleu", "ngram", "");
    let model = |name: &str, weights: PathBuf| {
        format!("[models.{name}]\nplugin = \"blip2\"\nweights = {:?}\n\n", weights.display().to_string())
    };
    let place = Place::without_lock(Registry::default());
    let nano = model("nano", repository().join("samples/nano/blip2-opt"));
    let other = model("other", repository().join("tests/parity/transformers/checkpoints/opt-small"));
    place.write("registry.toml", &format!("{}\n{nano}{other}", registry.text()));
    place.host(&["plugin", "add", "--all"]).run().expect_code(0);
    place
}

fn train(place: &Place, out: &Path, more: &[&str]) -> Host {
    let arguments = [
        "train",
        "--model",
        "nano",
        "--dataset",
        "hm",
        "--device",
        "cpu",
        "--threads",
        "2",
        "--limit",
        "16",
        "--validation-limit",
        "4",
        "--batch-size",
        "4",
        "--micro-batch",
        "2",
        "--rank",
        "4",
        "--learning-rate",
        "1e-3",
        "--epochs",
        "3",
        "--validate-every",
        "2",
        "--resume",
    ];
    place.host(&arguments).with(more).with(&["--out".as_ref(), out.as_os_str()])
}

fn image() -> PathBuf {
    let csv = std::fs::read_to_string(sample_catalogue().join("hm/articles.csv")).unwrap();
    let id = csv.lines().nth(3).unwrap().split(',').next().unwrap().to_owned();
    sample_catalogue().join("hm/images").join(&id[..3]).join(format!("{id}.jpg"))
}

#[test]
fn a_killed_training_of_a_real_model_ends_in_the_same_adapter() {
    let place = place();
    let whole = place.path("whole");
    let started = Instant::now();
    train(&place, &whole, &[]).run().expect_code(0);
    let length = started.elapsed();
    let text = RunFiles::of(&whole).text("log.jsonl");
    let losses: Vec<f64> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["validation_loss"].as_f64())
        .collect();
    // The nano model has seen such captions: what a few steps can still teach it shows in the best loss, not in the last.
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(losses.len() > 2 && best < losses[0], "nothing was learnt: {losses:?}");
    let killed = place.path("killed");
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..2 {
        let mut host = train(&place, &killed, &[]).start();
        std::thread::sleep(length.mul_f64(0.3 + 0.5 * random.f64()).min(Duration::from_secs(30)));
        let _ = host.kill();
        let _ = host.wait();
    }
    train(&place, &killed, &[]).run().expect_code(0);
    let kept = |path: &str| path.starts_with("adapter/") || path == "log.jsonl" || path == "result.json";
    assert_same_run(&RunFiles::of(&killed).only(kept), &RunFiles::of(&whole).only(kept));
}

#[test]
fn an_adapter_is_used_merged_and_refused_by_another_base() {
    let place = place();
    let weights = || RunFiles::of(&repository().join("samples/nano/blip2-opt"));
    let before = weights();
    let out = place.path("fit");
    train(&place, &out, &["--dropout", "0", "--strategy", "all-linear"]).run().expect_code(0);
    let config: serde_json::Value =
        serde_json::from_str(&RunFiles::of(&out).text("adapter/adapter_config.json")).unwrap();
    assert_eq!((config["peft_type"].as_str(), config["r"].as_u64()), (Some("LORA"), Some(4)), "{config}");

    let image = image();
    let caption = |arguments: &[&str]| {
        let common = ["caption", "--device", "cpu", "--max-new-tokens", "12", "--json"];
        place.host(&common).with(arguments).with(&[&image]).run()
    };
    let plain = caption(&["--model", "nano"]).expect_code(0).json();
    let adapted = caption(&["--model", "nano", "--adapter", "fit/adapter"]).expect_code(0).json();
    let outcome = place.host(&["models", "merge", "nano", "--adapter", "fit/adapter", "--out", "merged"]).run();
    outcome.expect_code(0);
    let merged = caption(&["--weights", "merged"]).expect_code(0).json();
    assert_eq!(adapted["token_ids"], merged["token_ids"], "{adapted} {merged}");
    assert!(plain["caption"].is_string());
    place
        .host(&[
            "eval",
            "--models",
            "nano",
            "--adapter",
            "fit/adapter",
            "--datasets",
            "hm",
            "--limit",
            "2",
            "--run",
            "run",
        ])
        .run()
        .expect_code(0);
    assert!(place.path("run/predictions/hm/nano+fit/shard-0000.jsonl").is_file());

    let refused = caption(&["--model", "other", "--adapter", "fit/adapter"]);
    assert!(refused.code != Some(0) && refused.stderr.contains("the adapter is not for this model"), "{refused}");
    let refused = place.host(&["models", "merge", "other", "--adapter", "fit/adapter", "--out", "wrong"]).run();
    assert!(refused.code != Some(0) && refused.stderr.contains("the adapter is not for this model"), "{refused}");
    assert!(!place.path("wrong").exists(), "a refused merge left a folder");
    // Nothing of this changed the base.
    assert_same_run(&weights(), &before);
}
