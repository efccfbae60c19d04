//! Which libraries the host accepts, and what it says of the others.

use end_to_end_tests::{Place, Registry, library, sample_catalogue};
use std::fs;
use std::io::Write;

/// A registry whose only plugin is this file.
fn with_library(path: &std::path::Path) -> Place {
    Place::without_lock(Registry::default().plugin("candidate", path))
}

#[test]
fn a_plugin_built_against_another_api_layout_is_refused_with_the_difference() {
    let path = library("other-layout");
    let place = with_library(&path);
    for command in [&["plugin", "add", "candidate"][..], &["plugin", "add", "--all"]] {
        let outcome = place.host(command).run().expect_code(2);
        let outcome = outcome.expect_error(&[
            "it was built against another plugin-api",
            "Error:",
            "rebuild it",
            "plugin `candidate`",
        ]);
        assert!(outcome.stderr.lines().count() <= 20, "too long for a person\n{outcome}");
    }
    place.host(&["plugin", "check"]).with(&[path]).run().expect_code(2).expect_error(&["another plugin-api"]);
    assert!(!place.path("registry.lock").exists(), "a refused plugin was locked");
}

#[test]
fn a_library_that_is_no_plugin_is_refused_with_the_reason() {
    let place = with_library(&library("no-plugin"));
    let outcome = place.host(&["plugin", "add", "candidate"]).run().expect_code(2);
    outcome.expect_error(&["it is a library, but no Lookbook plugin", "export_plugin!"]);
}

#[test]
fn a_file_that_is_no_library_is_refused_with_the_reason() {
    let place = Place::without_lock(Registry::default());
    let half = place.path("libhalf.so");
    let bytes = fs::read(library("trial")).unwrap();
    fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    place.write("libtext.so", "this is text\n");
    place.write("libempty.so", "");
    for name in ["libhalf.so", "libtext.so", "libempty.so"] {
        let outcome = place.host(&["plugin", "add", name]).run().expect_code(2);
        outcome.expect_error(&["is not a library that can be opened", name]);
        assert!(!fs::read_to_string(place.path("registry.toml")).unwrap().contains(name), "{name} was registered");
    }
}

#[test]
fn a_library_whose_digest_changed_is_refused_until_it_is_added_again() {
    let place = Place::without_lock(Registry::default());
    let copy = place.path("libtrial-copy.so");
    fs::copy(library("trial"), &copy).unwrap();
    let catalogue = sample_catalogue().join("hm");
    let registry = Registry::default()
        .plugin("trial", &copy)
        .plugin("hm", &library("hm"))
        .dataset("hm", "hm", &catalogue)
        .metric("trial-words", "trial", "")
        .model("fine", "");
    place.write("registry.toml", registry.text());
    place.host(&["plugin", "add", "--all"]).run().expect_code(0);
    place.eval("before", "fine", "hm").run().expect_code(0);

    fs::OpenOptions::new().append(true).open(&copy).unwrap().write_all(&[0]).unwrap();
    let refusal = ["the library has changed", "registry.lock has", "host plugin add trial"];
    place.eval("after", "fine", "hm").run().expect_code(2).expect_error(&refusal);
    assert!(!place.path("runs/after").exists(), "a run was begun");
    let score = place.host(&["score", "--input", "-", "--metrics", "trial-words"]);
    score.input("{\"id\":1,\"candidate\":\"a\",\"references\":[\"a\"]}\n").run().expect_code(2).expect_error(&refusal);
    place.host(&["plugin", "check", "trial"]).run().expect_code(2).expect_error(&refusal);
    let list = place.host(&["plugin", "list"]).run().expect_code(0);
    assert!(list.stdout.contains("changed since it was added: host plugin add trial"), "{list}");

    place.host(&["plugin", "add", "trial"]).run().expect_code(0);
    place.eval("after", "fine", "hm").run().expect_code(0);
}

#[test]
fn a_plugin_that_was_never_added_is_refused() {
    let place = Place::without_lock(Registry::usual());
    let outcome = place.eval("run", "fine", "hm").run().expect_code(2);
    outcome.expect_error(&["its library was never added to registry.lock", "host plugin add"]);
}

#[test]
fn a_damaged_lock_and_a_damaged_registry_are_refused_with_their_place() {
    let place = Place::new();
    place.write("registry.lock", "[[plugin]]\nname = 3\n");
    place
        .host(&["plugin", "list"])
        .run()
        .expect_code(2)
        .expect_error(&["registry.lock is damaged", "plugin add --all"]);
    fs::remove_file(place.path("registry.lock")).unwrap();
    place.write("registry.toml", "[plugins.x]\nlibary = \"x\"\n");
    let outcome = place.host(&["plugin", "list"]).run().expect_code(2);
    outcome.expect_error(&["registry.toml is not a valid registry", "line 2", "libary"]);
    place.write("registry.toml", "[models.x]\nplugin = \"none\"\nweights = \"w\"\n");
    place
        .host(&["models", "list"])
        .run()
        .expect_code(2)
        .expect_error(&["registry.toml:1", "there is no plugin `none`"]);
    for name in ["a/b", "../a", ".hidden", "all"] {
        place.write("registry.toml", &format!("[models.\"{name}\"]\nplugin = \"none\"\nweights = \"w\"\n"));
        let outcome = place.host(&["models", "list"]).run().expect_code(2);
        outcome.expect_error(&["registry.toml:1", &format!("`{name}` is no name for an entry")]);
    }
    place.write("registry.toml", "[plugins.x]\nlibrary = \"absent\"\n");
    place.host(&["plugin", "add", "x"]).run().expect_code(2).expect_error(&["registry.toml:1", "libabsent"]);
}

#[test]
fn every_plugin_of_the_tests_passes_its_check_and_is_listed_with_its_components() {
    let place = Place::new();
    let outcome = place.host(&["plugin", "check", "--all", "--json"]).run().expect_code(0);
    for plugin in outcome.json().as_array().unwrap() {
        let findings = plugin["findings"].as_array().unwrap();
        assert!(findings.iter().all(|finding| finding["problem"].is_null()), "{plugin}");
        assert!(findings[0]["milliseconds"].as_f64().is_some());
    }
    let list = place.host(&["plugin", "list", "--json"]).run().expect_code(0).json();
    let of = |name: &str| list.as_array().unwrap().iter().find(|plugin| plugin["name"] == name).cloned().unwrap();
    assert_eq!(of("trial")["state"], "ok");
    assert_eq!(of("trial")["components"][0]["kind"], "captioner");
    assert_eq!(of("trial")["components"][0]["model_types"][0], "trial");
    assert_eq!(of("trial")["components"][1]["kind"], "encoder");
    assert_eq!(of("trial")["components"][2]["name"], "trial-words");
    assert_eq!(of("hm")["components"][0]["kind"], "dataset");
}

#[test]
fn options_that_a_component_does_not_know_are_errors_that_name_them() {
    let registry = Registry::usual().model("odd", "colour = \"red\"").metric(
        "trial-odd",
        "trial",
        "component = \"trial-words\"\nsize = 3",
    );
    let place = Place::with(registry);
    place.eval("run", "odd,fine", "hm").run().expect_code(1).expect_error(&[
        "unknown field `colour`",
        "trial-odd",
        "unknown field `size`",
    ]);
}

/// What a check says of each component of the plugin `faulty`.
fn problems(place: &Place, arguments: &[&str]) -> std::collections::BTreeMap<String, Option<String>> {
    let outcome = place.host(&["plugin", "check", "--json"]).with(arguments).run().expect_code(1);
    let findings = outcome.json()[0]["findings"].as_array().unwrap().clone();
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    findings.iter().map(|finding| (text(&finding["component"]).unwrap(), text(&finding["problem"]))).collect()
}

#[test]
fn a_check_finds_every_broken_promise_and_outlives_a_plugin_that_ends_the_process() {
    let place = Place::with(Registry::usual().plugin("faulty", &library("faulty")));
    let found = problems(&place, &["faulty"]);
    assert_eq!(found.len(), 14, "{found:?}");
    let expected = [
        ("abort", "the plugin ended the process by signal 6 (abort) while this was checked"),
        ("clash", "`--metrics bleu-1` means the metric `bleu` of the registry"),
        ("detail", "item `1`: it gives a detail that is no JSON"),
        ("exit", "the plugin ended the process with exit code 0 while this was checked"),
        ("nameless", "has a value without a name"),
        ("nan", "item `1`: it gives a value that is not finite (NaN)"),
        ("none", "names no value"),
        ("order", "scores otherwise when"),
        ("panic", "item `1`: the plugin panicked: oh no"),
        ("same", "its value `fine` is one of the plugin's metric `fine` too"),
        ("twice", "two values of the name `x`"),
        ("whole", "its corpus value `whole` is not finite (NaN) for some draw of the items"),
    ];
    for (metric, problem) in expected {
        let said = found[&format!("metric {metric}")].as_deref().unwrap_or("nothing");
        assert!(said.contains(problem), "{metric}: {said}");
    }
    for fine in ["library", "metric fine"] {
        assert_eq!(found[fine], None);
    }
    let outcome = place.host(&["plugin", "check", "faulty"]).run().expect_code(1);
    assert!(outcome.stdout.contains("  metric exit: ") && outcome.stdout.contains("  metric fine: "), "{outcome}");
}

#[test]
fn a_metric_whose_numbers_cannot_be_saved_costs_its_own_cells() {
    let metrics = ["nan", "detail", "panic", "fine", "same", "whole"];
    let registry = Registry::usual().plugin("faulty", &library("faulty"));
    let place = Place::with(metrics.iter().fold(registry, |registry, name| registry.metric(name, "faulty", "")));
    let outcome = place.eval("run", "fine", "hm").with(&["--metrics", "nan,detail,panic,fine,same,whole,bleu"]).run();
    let outcome = outcome.expect_code(1).expect_error(&[
        "nan for fine on hm: item `",
        "a value that is not finite (NaN)",
        "detail for fine on hm: item `",
        "a detail that is no JSON",
        "panic for fine on hm: item `",
        "`: the plugin panicked: oh no",
        "metric `same` reports `fine`, and so does metric `fine`",
        "whole for fine on hm: its corpus value `whole` is not finite (NaN) for some draw of the items",
    ]);
    let scores: serde_json::Value = serde_json::from_str(&place.run("run").text("scores.json")).unwrap();
    let metrics = &scores["hm"]["fine"]["metrics"];
    assert_eq!(metrics["fine"]["value"], 1.0, "{scores}\n{outcome}");
    assert!(metrics["bleu-4"]["value"].is_number() && metrics["nan"]["value"].is_null(), "{scores}");
}

#[test]
fn host_score_names_the_metric_and_the_item_that_failed_and_goes_on_with_the_others() {
    let metrics = ["nan", "panic", "fine", "same", "twice"];
    let registry = Registry::usual().plugin("faulty", &library("faulty"));
    let place = Place::with(metrics.iter().fold(registry, |registry, name| registry.metric(name, "faulty", "")));
    let input = "{\"id\":\"a\",\"candidate\":\"blue\",\"references\":[\"a\"]}\n{\"id\":\"b\",\"candidate\":\"red\",\"references\":[\"a\"]}\n";
    let score =
        |metrics: &str| place.host(&["score", "--input", "-", "--json", "--metrics", metrics]).input(input).run();
    let outcome = score("fine,nan,panic").expect_code(1).expect_error(&[
        "metric nan: item `b`: it gives a value that is not finite (NaN)",
        "metric panic: item `b`: the plugin panicked: oh no",
    ]);
    assert_eq!(outcome.json()["corpus"], serde_json::json!({ "fine": 1.0 }));
    score("nan").expect_code(3).expect_error(&["metric nan: item `b`"]);
    score("fine,same").expect_code(2).expect_error(&["metric `same` reports `fine`, and so does metric `fine`"]);
    score("twice").expect_code(2).expect_error(&["metric `twice` has two values of the name `x`"]);
}

#[test]
fn adding_a_plugin_says_what_is_left_to_do() {
    let place = Place::without_lock(Registry::usual());
    let folder = place.path("cafe\u{301} \"x\"");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("libfaulty.so");
    fs::copy(library("faulty"), &path).unwrap();
    // Names that are taken: one of the metrics is called as one of the registry.
    let text = fs::read_to_string(place.path("registry.toml")).unwrap();
    place.write("registry.toml", &(text + "[metrics.fine]\nplugin = \"ngram\"\ncomponent = \"bleu\"\n"));
    let outcome = place.host(&["plugin", "add"]).with(&[&path]).run().expect_code(0);
    for part in
        ["metric fine is not registered", "[metrics.faulty-fine]", "plugin = \"faulty\"", "component = \"fine\""]
    {
        assert!(outcome.stdout.contains(part), "{part}: {outcome}");
    }
    assert!(!outcome.stdout.contains("metric nan is not"), "{outcome}");
    // The path is read back as it was.
    let list = place.host(&["plugin", "list"]).run().expect_code(0);
    assert!(list.stdout.contains("faulty 0.1.0  ok"), "{list}");
    let trial = place.path("libtrial-copy.so");
    fs::copy(library("trial"), &trial).unwrap();
    let outcome = place.host(&["plugin", "add"]).with(&[&trial]).run().expect_code(0);
    for part in [
        "to use captioner trial, add to ",
        "[models.trial]",
        "to use encoder trial, add to ",
        "[encoders.trial]",
        "weights = ",
    ] {
        assert!(outcome.stdout.contains(part), "{part}: {outcome}");
    }
}
