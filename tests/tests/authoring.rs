//! A plugin author's way: a crate outside of the workspace, built by cargo, added and used; and a plugin built long ago.
//! Nested builds take the workspace's Cargo.lock, so that they need no network, and share one target folder.

use end_to_end_tests::{Place, Registry, cargo_target, copy_folder, repository};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// One nested cargo at a time: they share a target folder, and the machine.
static CARGO: Mutex<()> = Mutex::new(());

/// Runs cargo in a folder, offline; gives the folder of its libraries.
fn cargo(folder: &Path, arguments: &[&str]) -> PathBuf {
    let _alone = CARGO.lock().unwrap_or_else(PoisonError::into_inner);
    fs::copy(repository().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    let target = cargo_target().join("outside");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .arg("--offline")
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", &target)
        .output()
        .expect("cargo is there, since it built this test");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?} failed:\n{}{said}", String::from_utf8_lossy(&output.stdout));
    assert!(!said.contains("warning: unused"), "the crate builds with warnings:\n{said}");
    target.join("debug")
}

const THREE_AND_TWO_WORDS: &str = concat!(
    "{\"id\":\"a\",\"candidate\":\"a red dress\",\"references\":[\"a red dress\"]}\n",
    "{\"id\":\"b\",\"candidate\":\"blue jeans.\",\"references\":[\"jeans\",\"blue jeans\"]}\n"
);

#[test]
fn a_metric_from_host_plugin_new_builds_offline_tests_itself_loads_and_scores() {
    let place = Place::new();
    let api = repository().join("plugin-api");
    let new = place.host(&["plugin", "new", "metric", "word-count", "--plugin-api"]).with(&[&api]).run().expect_code(0);
    assert!(new.stdout.contains("host plugin add"), "{new}");
    let source = fs::read_to_string(place.path("word-count/src/lib.rs")).unwrap();
    assert!(source.lines().count() <= 40, "{} lines are more than 40", source.lines().count());
    let manifest = fs::read_to_string(place.path("word-count/Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    assert_eq!(dependencies.trim().lines().count(), 1, "it depends on more than plugin-api:\n{manifest}");

    let crate_folder = place.path("word-count");
    cargo(&crate_folder, &["test"]);
    let library = cargo(&crate_folder, &["build"]).join("libword_count.so");
    let outcome = place.host(&["plugin", "add"]).with(&[&library]).run().expect_code(0);
    assert!(outcome.stdout.contains("metric word-count"), "{outcome}");
    let list = place.host(&["plugin", "list"]).run().expect_code(0);
    assert!(list.stdout.contains("word-count 0.1.0  ok") && list.stdout.contains("  metric word-count: "), "{list}");
    place.host(&["plugin", "check", "word-count"]).run().expect_code(0);

    let score = place.host(&["score", "--input", "-", "--metrics", "word-count", "--json"]);
    let scored = score.input(THREE_AND_TWO_WORDS).run().expect_code(0).json();
    assert_eq!(scored["corpus"]["word-count"], 2.5);
    assert_eq!(scored["items"][0]["word-count"], 3.0);
    assert_eq!(scored["items"][1]["word-count"], 2.0);
    let run = place.eval("run", "fine", "hm").with(&["--metrics", "word-count,rouge-l", "--json"]).run().expect_code(0);
    assert!(
        run.json()["scores"]["hm"]["fine"]["metrics"]["word-count"]["value"].as_f64().is_some_and(|words| words > 5.0),
        "{run}"
    );

    place.host(&["plugin", "new", "metric", "word-count"]).run().expect_code(2).expect_error(&["is there already"]);
    place
        .host(&["plugin", "new", "metric", "Word Count"])
        .run()
        .expect_code(2)
        .expect_error(&["is no name for a plugin"]);
}

#[test]
fn in_a_release_host_plugin_new_takes_the_plugin_api_beside_the_program() {
    let place = Place::without_lock(Registry::default());
    let release = place.path("release");
    fs::create_dir(&release).unwrap();
    let program = release.join("host");
    fs::copy(end_to_end_tests::host_program(), &program).unwrap();
    let new = |name: &str| {
        let made = Command::new(&program).args(["plugin", "new", "metric", name]).current_dir(place.folder()).output();
        let made = made.unwrap();
        (made.status.code(), String::from_utf8_lossy(&made.stderr).into_owned())
    };
    let (code, said) = new("early");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("there is no folder `plugin-api`") && said.contains("--plugin-api DIR"), "{said}");
    assert!(!place.path("early").exists(), "a crate was made that cannot be built");

    // Its manifest needs no workspace, as that of a release does not.
    copy_folder(&repository().join("tests/plugins/frozen-api/plugin-api"), &release.join("plugin-api"));
    assert_eq!(new("alone").0, Some(0));
    cargo(&place.path("alone"), &["check"]);
    for name in ["self", "core", "serde", "plugin-api", "metric"] {
        let (code, said) = new(name);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(&format!("`{name}` is no name for a plugin: ")), "{said}");
    }
}

#[test]
fn a_lora_strategy_from_host_plugin_new_builds_and_works_in_train_and_sweep() {
    let place = Place::new();
    let api = repository().join("plugin-api");
    place.host(&["plugin", "new", "lora-strategy", "my-layers", "--plugin-api"]).with(&[&api]).run().expect_code(0);
    let library = cargo(&place.path("my-layers"), &["build"]).join("libmy_layers.so");
    let outcome = place.host(&["plugin", "add"]).with(&[&library]).run().expect_code(0);
    assert!(outcome.stdout.contains("lora-strategy my-layers"), "{outcome}");

    let train =
        ["train", "--model", "fine", "--dataset", "hm", "--strategy", "my-layers", "--steps", "2", "--out", "fit"];
    place.host(&train).run().expect_code(0);
    let targets: serde_json::Value =
        serde_json::from_slice(&fs::read(place.path("fit/targets.json")).unwrap()).unwrap();
    assert_eq!(targets[0]["rank"], serde_json::json!(8), "{targets}");
    assert_eq!(targets.as_array().unwrap().len(), 2, "{targets}");
    // It has no options, and says so.
    place.host(&train[..9]).with(&["--rank", "4", "--out", "other"]).run().expect_code(2).expect_error(&["--rank 4"]);
    place.write(
        "sweep.toml",
        "[train]\nmodel = 'fine'\ndataset = 'hm'\nsteps = 2\n[grid]\nstrategy = ['my-layers', 'query-value']\n",
    );
    let swept = place.host(&["sweep", "sweep.toml", "--out", "sweep", "--json"]).run().expect_code(0).json();
    assert_eq!(swept["trials"].as_array().unwrap().len(), 2, "{swept}");
}

#[test]
fn a_plugin_of_an_incompatible_plugin_api_is_refused_with_both_versions() {
    let folder = cargo_target().join("later-api");
    let _ = fs::remove_dir_all(&folder);
    copy_folder(&repository().join("tests/plugins/frozen-api"), &folder);
    let change = |file: &str, from: &str, to: &str| {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(folder.join(file), text.replacen(from, to, 1)).unwrap();
    };
    change("plugin-api/Cargo.toml", "version = \"0.1.0\"", "version = \"0.2.0\"");
    change("metric/Cargo.toml", "frozen-metric", "later-metric");
    let library = cargo(&folder, &["build", "-p", "later-metric"]).join("liblater_metric.so");
    let place = Place::without_lock(Registry::default());
    place
        .host(&["plugin", "add"])
        .with(&[&library])
        .run()
        .expect_code(2)
        .expect_error(&["built against another plugin-api: its version is 0.2.0, and this host's 0.1.", "rebuild it"]);
}

#[test]
fn a_metric_built_against_the_first_published_plugin_api_loads_and_scores() {
    let manifest = fs::read_to_string(repository().join("plugin-api/Cargo.toml")).unwrap();
    assert!(manifest.contains("\nversion = \"0.1."), "plugin-api's version is the ABI's, and not the workspace's");
    // A copy, so that the build writes nothing into the sources.
    let folder = cargo_target().join("frozen-api");
    let _ = fs::remove_dir_all(&folder);
    copy_folder(&repository().join("tests/plugins/frozen-api"), &folder);
    let library = cargo(&folder, &["build", "-p", "frozen-metric"]).join("libfrozen_metric.so");
    let registry = Registry::usual().plugin("frozen", &library).metric("frozen", "frozen", "factor = 2");
    let place = Place::with(registry);
    place.host(&["plugin", "check", "frozen"]).run().expect_code(0);
    let score = place.host(&["score", "--input", "-", "--metrics", "frozen", "--json"]);
    let scored = score.input(THREE_AND_TWO_WORDS).run().expect_code(0).json();
    assert_eq!(scored["corpus"], serde_json::json!({ "frozen-words": 5.0, "frozen-observed": 3.0 }));
    assert_eq!(scored["items"][0], serde_json::json!({ "id": "a", "frozen-words": 6.0, "frozen-observed": 3.0 }));

    place.eval("run", "fine", "hm").run().expect_code(0);
    let line = place.run("run").text("scores/hm/fine/items.jsonl").lines().next().unwrap().to_owned();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(line["details"]["frozen"]["letters"].is_number(), "{line}");
    assert!(line["details"]["frozen"]["category"].as_str().is_some_and(|category| category != "none"), "{line}");
}
