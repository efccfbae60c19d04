//! Models with adapters: `NAME+ADAPTER` in the registry, `--adapter`, merging; and what a run cost.

use end_to_end_tests::{Place, Registry, RunFiles};

/// A place with two adapters of the model `fine`, one of them for a dataset, and one that is not there.
fn place() -> Place {
    let place = Place::without_lock(Registry::default());
    let adapters = "[models.fine.adapters]\nhm = { path = \"tuned/adapter\", dataset = \"hm\" }\nany = \"tuned/adapter\"\n\
                    lost = \"nowhere\"\n";
    place.write("registry.toml", &format!("{}\n{adapters}", Registry::usual().text()));
    place.host(&["plugin", "add", "--all"]).run().expect_code(0);
    let arguments = ["train", "--model", "fine", "--dataset", "hm", "--steps", "2", "--out", "tuned"];
    place.host(&arguments).run().expect_code(0);
    place
}

#[test]
fn adapters_of_the_registry_are_models_of_their_own() {
    let place = place();
    let listed = place.host(&["models", "list", "--json"]).run().expect_code(0).json();
    let names: Vec<(&str, bool)> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|model| (model["name"].as_str().unwrap(), model["present"].as_bool().unwrap()))
        .collect();
    assert_eq!(names, [("fine", true), ("fine+hm", true), ("fine+any", true), ("fine+lost", false)]);

    let eval = |run: &str, models: &str| {
        place.host(&["eval", "--datasets", "hm,fashiongen", "--limit", "4", "--run", run, "--models", models])
    };
    let outcome = eval("all", "all").run().expect_code(0);
    assert!(outcome.stderr.contains("skipping fine+lost: its adapter is not here"), "{outcome}");
    let files = RunFiles::of(&place.path("all"));
    let has = |cell: &str| files.0.contains_key(&format!("predictions/{cell}/shard-0000.jsonl"));
    // An adapter for a dataset is not tried on another unless it is named.
    assert!(has("hm/fine+hm") && has("hm/fine+any") && has("fashiongen/fine+any") && !has("fashiongen/fine+hm"));
    let scores = place.host(&["report", "all", "--format", "json"]).run().expect_code(0).json();
    assert!(scores["hm"]["fine+hm"].is_object() && scores["fashiongen"]["fine+hm"].is_null(), "{scores}");
    eval("named", "fine+hm").run().expect_code(0);
    assert!(place.path("named/predictions/fashiongen/fine+hm/shard-0000.jsonl").is_file());
    let plan = files.text("run.toml");
    assert!(plan.contains("adapter_sha256") && plan.contains("only = \"hm\""), "{plan}");

    eval("lost", "fine+lost").run().expect_code(2).expect_error(&["the adapter of `fine+lost` is not at"]);
    eval("typo", "fine+hmm").run().expect_code(2).expect_error(&["did you mean `fine+hm`"]);
}

#[test]
fn an_adapter_of_the_command_line_gives_the_model_a_name() {
    let place = place();
    let eval = |models: &str, adapter: &str| {
        place.host(&[
            "eval",
            "--datasets",
            "hm",
            "--limit",
            "4",
            "--run",
            "run",
            "--models",
            models,
            "--adapter",
            adapter,
        ])
    };
    eval("fine", "tuned/adapter").run().expect_code(0);
    assert!(place.path("run/predictions/hm/fine+tuned/shard-0000.jsonl").is_file());
    let energy_text = || std::fs::read_to_string(place.path("run/energy.json")).unwrap();
    let before = energy_text();
    let energy: serde_json::Value = serde_json::from_str(&before).unwrap();
    assert_eq!(energy["sessions"].as_array().unwrap().len(), 1);
    // Nothing to do costs nothing.
    eval("fine", "tuned/adapter").run().expect_code(0);
    assert_eq!(energy_text(), before);
    eval("fine", "tuned").run().expect_code(2).expect_error(&["adapter_config.json"]);
    eval("fine,fine+hm", "tuned/adapter").run().expect_code(2).expect_error(&["one model"]);
    eval("fine+hm", "tuned/adapter").run().expect_code(2).expect_error(&["has an adapter already"]);
    let train = ["train", "--model", "fine+hm", "--dataset", "hm", "--out", "twice"];
    place.host(&train).run().expect_code(2).expect_error(&["host models merge"]);
}

#[test]
fn a_merged_checkpoint_is_written_whole_or_not_at_all() {
    let place = place();
    let merge = |arguments: &[&str]| place.host(&["models", "merge"]).with(arguments).run();
    let outcome = merge(&["fine", "--adapter", "tuned/adapter", "--out", "merged"]).expect_code(0);
    assert!(outcome.stdout.contains("the line is merged"), "{outcome}");
    assert!(place.path("merged/config.json").is_file() && place.path("merged/merged-from.json").is_file());
    merge(&["fine+any", "--out", "merged"]).expect_code(2).expect_error(&["merged is not empty"]);
    merge(&["fine+any", "--out", "again"]).expect_code(0);
    merge(&["fine", "--out", "none"]).expect_code(2).expect_error(&["no adapter to merge"]);
    assert!(!place.path("none").exists());
}

#[test]
fn carbon_is_power_times_hours_times_intensity() {
    let place = Place::new();
    let study = ["carbon", "--device", "a100-sxm4-80gb", "--hours", "168", "--intensity", "0.432"];
    let outcome = place.host(&study).run().expect_code(0);
    assert!(outcome.stdout.starts_with("29.03 kg"), "{outcome}");
    let json = place.host(&study).with(&["--json"]).run().expect_code(0).json();
    assert!((json["kg_co2e"].as_f64().unwrap() - 29.0304).abs() < 1e-9, "{json}");
    place
        .host(&["carbon", "--device", "a100-smx4-80gb", "--hours", "1"])
        .run()
        .expect_code(2)
        .expect_error(&["did you mean `a100-sxm4-80gb`"]);
    assert!(place.host(&["carbon", "--list"]).run().expect_code(0).stdout.contains("a100-sxm4-80gb"));
    let text = std::fs::read_to_string(place.path("registry.toml")).unwrap();
    place.write("registry.toml", &format!("{text}\n[energy]\nintensity = 0.05\n"));
    let json = place.host(&["carbon", "--watts", "100", "--hours", "10", "--json"]).run().expect_code(0).json();
    assert!((json["kg_co2e"].as_f64().unwrap() - 0.05).abs() < 1e-12, "{json}");
    // Elsewhere the flag still means where models run.
    place
        .host(&["eval", "--device", "a100-sxm4-80gb", "--models", "fine", "--datasets", "hm"])
        .run()
        .expect_code(2)
        .expect_error(&["no device"]);
}
