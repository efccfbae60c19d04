//! Fine-tuning with real models: the nano BLIP-2 learns a few steps, in one go and killed between, and its adapter is used, merged
//! and refused elsewhere; the nano LLaVA with the adapters of the repository ends what it says.

use end_to_end_tests::{
    Host, Place, Registry, RunFiles, assert_same_run, library, predictions, random, repository, sample_catalogue,
};
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
    let nano = model("nano", repository().join("samples/nano/blip2-opt"));
    let other = model("other", repository().join("tests/parity/transformers/checkpoints/opt-small"));
    Place::with(registry.entry(&nano).entry(&other))
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
    // Prepared references are in lower case, which the nano model has never seen: there is something to learn.
    place.host(&["prepare", "hm", "--steps", "split"]).run().expect_code(0);
    let train = |out: &Path| train(&place, out, &["--strategy", "all-linear"]);
    let whole = place.path("whole");
    let started = Instant::now();
    train(&whole).run().expect_code(0);
    let length = started.elapsed();
    let text = RunFiles::of(&whole).text("log.jsonl");
    let losses: Vec<f64> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["validation_loss"].as_f64())
        .collect();
    let (first, last) = (losses[0], losses[losses.len() - 1]);
    assert!(losses.len() > 2 && last < 0.75 * first, "little was learnt: {losses:?}");
    let killed = place.path("killed");
    let mut random = random();
    for _ in 0..3 {
        let mut host = train(&killed).start();
        std::thread::sleep(length.mul_f64(0.1 + 0.8 * random.f64()).min(Duration::from_secs(30)));
        let _ = host.kill();
        let _ = host.wait();
    }
    train(&killed).run().expect_code(0);
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
    // The nano weights are stored in f16, which holds no more than 65,504.
    let path = place.path("fit/adapter/adapter_config.json");
    let mut config = config;
    config["lora_alpha"] = serde_json::json!(1e12);
    std::fs::write(&path, config.to_string()).unwrap();
    let refused = place.host(&["models", "merge", "nano", "--adapter", "fit/adapter", "--out", "wrong"]).run();
    refused.expect_code(3).expect_error(&["exceeds what F16 can hold"]);
    assert!(!place.path("wrong").exists(), "a refused merge left a folder");
    // Nothing of this changed the base.
    assert_same_run(&weights(), &before);
}

/// A learning rate that leaves no numbers, at the last step, behind which nothing is measured any more.
#[test]
fn an_adapter_without_numbers_is_not_kept() {
    let place = place();
    let out = place.path("fit");
    let arguments = ["train", "--model", "nano", "--dataset", "hm", "--device", "cpu", "--limit", "4", "--rank", "4"];
    let diverging = ["--steps", "1", "--validation-split", "none", "--learning-rate", "1e300", "--out"];
    let outcome = place.host(&arguments).with(&diverging).with(&[&out]).run().expect_code(3);
    outcome.expect_error(&["cannot save the checkpoint of step 1: the adapter of", "q_proj` is NaN or infinite"]);
    assert!(!out.join("adapter").exists() && !out.join("checkpoints/index.json").exists());
}

/// The study's labels had no end token, and its LLaVA rambled on.
#[test]
fn a_fine_tuned_llava_ends_with_its_end_token() {
    let place = Place::without_lock(Registry::default());
    let data = place.path("data");
    samples::write_catalogues(&data, 300, 42).unwrap();
    let nano = repository().join("samples/nano");
    let mut registry = ["llava", "hm", "fashiongen", "ngram"]
        .iter()
        .fold(Registry::default(), |registry, name| registry.plugin(name, &library(name)))
        .metric("bleu", "ngram", "");
    let mut models =
        format!("[models.llava]\nplugin = \"llava\"\nweights = {:?}\n\n[models.llava.adapters]\n", nano.join("llava"));
    for shop in ["hm", "fashiongen"] {
        registry = registry.dataset(shop, shop, &data.join(shop));
        models +=
            &format!("{shop} = {{ path = {:?}, dataset = {shop:?} }}\n", nano.join(format!("adapters/llava-{shop}")));
    }
    place.write("registry.toml", registry.entry(&models).text());
    place.host(&["plugin", "add", "--all"]).run().expect_code(0);
    for shop in ["hm", "fashiongen"] {
        let model = format!("llava+{shop}");
        let (mut said, mut ended) = (0, 0);
        for split in ["validation", "test"] {
            let run = place.path(split).join(shop);
            let eval = ["eval", "--models", &model, "--datasets", shop, "--split", split, "--device", "cpu", "--run"];
            place.host(&eval).with(&[&run]).run().expect_code(0);
            let captions = predictions(&RunFiles::of(&run), shop, &model);
            said += captions.len();
            ended += captions.iter().filter(|caption| caption["finish"] == "eos").count();
        }
        println!("{model}: {ended} of {said} captions end with the end token");
        assert!(said >= 30 && ended * 100 >= said * 95, "{model}: {ended} of {said}");
    }
}
