//! Models as files, with the real plugins and the nano checkpoints: `models check`, `bench`, `--batch-size auto`, and entries that
//! share a folder of weights.

use end_to_end_tests::{Place, Registry, copy_folder, library, repository, sample_catalogue};
use std::fs;

/// A registry with the model plugins; `models` is TOML.
fn place(models: &str) -> Place {
    let registry = ["blip2", "llava", "hm", "ngram"]
        .iter()
        .fold(Registry::default(), |registry, name| registry.plugin(name, &library(name)))
        .dataset("hm", "hm", &sample_catalogue().join("hm"))
        .metric("bleu", "ngram", "");
    let place = Place::without_lock(registry);
    let text = fs::read_to_string(place.path("registry.toml")).unwrap();
    place.write("registry.toml", &(text + models));
    place.host(&["plugin", "add", "--all"]).run().expect_code(0);
    place
}

fn nano(name: &str) -> String {
    repository().join("samples/nano").join(name).display().to_string()
}

#[test]
fn a_checkpoint_is_checked_without_loading_it() {
    let place = place("");
    let good = place.host(&["models", "check", &nano("blip2-opt"), "--json"]).run().expect_code(0).json();
    assert_eq!(good["problems"].as_array().unwrap().len(), 0);
    assert_eq!(good["architecture"], "BLIP-2 with OPT");
    let stored = &good["stored"]["F16"];
    assert_eq!(stored["bytes"].as_u64().unwrap(), 2 * good["parameters"].as_u64().unwrap());
    let cpu = good["memory"].as_array().unwrap().iter().find(|need| need["device"] == "cpu").unwrap();
    assert_eq!(cpu["weights"].as_u64().unwrap(), 4 * good["parameters"].as_u64().unwrap());
    let batch = |place: usize| cpu["batches"][place]["bytes"].as_u64().unwrap();
    assert!(batch(0) < batch(1) && batch(1) < batch(3));

    // Everything that is wrong at once, by file.
    copy_folder(&repository().join("samples/nano/blip2-opt"), &place.path("broken"));
    let path = place.path("broken/config.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"ffn_dim\": 512", "\"ffn_dim\": 500")).unwrap();
    fs::remove_file(place.path("broken/tokenizer.json")).unwrap();
    let bad = place.host(&["models", "check", "./broken"]).run().expect_code(1);
    for words in ["tokenizer.json: the tokenizer is missing", "config.json makes it [500", "problems:"] {
        assert!(bad.stdout.contains(words), "{words}\n{bad}");
    }
    place.host(&["models", "check", "./nowhere"]).run().expect_code(2).expect_error(&["no directory ./nowhere"]);
}

#[test]
fn a_published_model_is_measured_by_shape_and_a_small_one_in_fact() {
    let place = place("[models.\"blip2-opt-2.7b\"]\nplugin = \"blip2\"\nweights = \"hf:Salesforce/blip2-opt-2.7b\"\n");
    let bench = ["bench", &nano("blip2-opt"), "--batch-size", "1,3", "--new-tokens", "4", "--runs", "1"];
    let measured = place.host(&bench).with(&["--json", "--scores-beside", "cpu"]).run().expect_code(0).json();
    let batches = measured["batches"].as_array().unwrap();
    assert_eq!(batches.iter().map(|batch| batch["batch_size"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 3]);
    for value in ["images_per_second", "tokens_per_second", "first_token_seconds", "vision_over_floor"] {
        assert!(batches[1][value].as_f64().unwrap() > 0.0, "{value}");
    }
    // The difference of two times, which on a busy machine may come out as nothing.
    assert!(batches[1]["step_over_floor"].as_f64().unwrap() >= 0.0);
    assert!(measured["bandwidth"].as_f64().unwrap() > 1e8 && measured["matrix_rate"].as_f64().unwrap() > 1e8);
    // The same device computes the same scores, whatever the threads.
    let beside = &measured["scores_beside"];
    assert_eq!((beside["device"].as_str(), beside["images"].as_u64()), (Some("cpu"), Some(4)));
    for place in ["first", "later"] {
        assert_eq!((beside[place]["relative"].as_f64(), beside[place]["same_token"].as_u64()), (Some(0.0), Some(4)));
    }
    let quick = ["--batch-size", "1", "--runs", "1", "--new-tokens", "2"];
    let text =
        place.host(&["bench", &nano("llava"), "--scores-beside", "cpu"]).with(&quick).run().expect_code(0).stdout;
    assert!(text.contains("scores beside cpu in f32:\n  of the first token: 0.00 % of their size off"), "{text}");
    // Without its weights, what to do is said.
    let absent = place.host(&["bench", "blip2-opt-2.7b"]).run().expect_code(2);
    absent.expect_error(&["host models pull blip2-opt-2.7b", "--random-weights"]);
    let check = ["models", "check", "blip2-opt-2.7b"];
    let absent = place.host(&check).run().expect_code(2).expect_error(&["host models pull blip2-opt-2.7b"]);
    assert!(absent.stdout.contains("by its shapes\nBLIP-2 with OPT: 3.745 billion weights"), "{absent}");
    let told = place.host(&check).with(&["--json"]).run().expect_code(2).json();
    let cuda = told["memory"].as_array().unwrap().iter().find(|need| need["device"] == "cuda").unwrap();
    assert_eq!(cuda["weights"].as_u64().unwrap(), 2 * told["parameters"].as_u64().unwrap());
}

#[test]
fn entries_share_a_folder_of_weights_and_auto_is_a_batch_size() {
    let weights = nano("blip2-opt");
    let place = place(&format!(
        "[models.short]\nplugin = \"blip2\"\nweights = {weights:?}\ngeneration = {{ max_new_tokens = 3 }}\n\n\
         [models.beams]\nplugin = \"blip2\"\nweights = {weights:?}\ngeneration = {{ max_new_tokens = 6, num_beams = 2 }}\n"
    ));
    let limit = ["--limit", "6"];
    place.eval("eight", "short,beams", "hm").with(&limit).run().expect_code(0);
    let auto =
        place.eval("auto", "short,beams", "hm").with(&limit).with(&["--batch-size", "auto"]).run().expect_code(0);
    auto.expect_error(&["short: batches of", "beams: batches of"]);
    let predictions = |run: &str| place.run(run).only(|path| path.starts_with("predictions"));
    assert!(predictions("eight") == predictions("auto"), "a batch size changed captions");
    let short = predictions("auto").text("predictions/hm/short/shard-0000.jsonl");
    let beams = predictions("auto").text("predictions/hm/beams/shard-0000.jsonl");
    assert_eq!((short.lines().count(), beams.lines().count()), (6, 6));
    let length =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["token_ids"].as_array().unwrap().len();
    assert!(short.lines().all(|line| length(line) == 3) && beams.lines().all(|line| length(line) == 6));
    let wrong = place.eval("wrong", "short", "hm").with(&["--batch-size", "0"]).run().expect_code(2);
    wrong.expect_error(&["auto"]);
}
