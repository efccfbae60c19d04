//! Preparing datasets and evaluating prepared ones, through the command line.

use end_to_end_tests::{Place, Registry, assert_same_run, copy_folder, library, sample_catalogue};
use serde_json::Value;

/// The usual registry, with category accuracy and a copy of the sample's H&M catalogue at `data`.
fn place() -> Place {
    let registry = Registry::usual()
        .plugin("category", &library("category"))
        .metric("category-accuracy", "category", "prepared = true")
        .dataset("own", "hm", "data".as_ref());
    let place = Place::with(registry);
    copy_folder(&sample_catalogue().join("hm"), &place.path("data"));
    place
}

#[test]
fn an_evaluation_of_a_prepared_dataset_has_category_accuracy_and_lowercased_references() {
    let place = place();
    let unprepared = place.eval("before", "fine", "own").run().expect_code(0);
    unprepared.expect_error(&["skipping category-accuracy", "host prepare own"]);
    let refused = place.eval("named", "fine", "own").with(&["--metrics", "category-accuracy"]).run().expect_code(1);
    refused.expect_error(&["category-accuracy needs a prepared dataset", "host prepare"]);
    let summary = place.host(&["prepare", "own"]).run().expect_code(0);
    assert!(summary.stdout.contains("category classifier: right on"), "{summary}");
    let evaluated = place.eval("after", "fine", "own").run().expect_code(0);
    let evaluated = evaluated.expect_error(&["as prepared in", "of the true captions"]);
    assert!(evaluated.stdout.contains("Category"), "{evaluated}");
    let run = place.run("after");
    let line: Value = serde_json::from_str(run.text("items/own.jsonl").lines().next().unwrap()).unwrap();
    let reference = line["references"][0].as_str().unwrap();
    assert_eq!(reference, reference.to_lowercase());
    let scored: Value = serde_json::from_str(run.text("scores/own/fine/items.jsonl").lines().next().unwrap()).unwrap();
    assert!(scored["details"]["category-accuracy"]["predicted"].is_string(), "{scored}");
    // A prepared dataset of other options is another plan.
    place.host(&["prepare", "own", "--seed", "7", "--no-split-files"]).run().expect_code(0);
    let other = place.eval("after", "fine", "own").run().expect_code(2);
    other.expect_error(&["prepared_sha256"]);
}

#[test]
fn a_changed_source_is_refused_by_preparing_and_by_evaluating() {
    let place = place();
    place.host(&["prepare", "own"]).run().expect_code(0);
    let again = place.host(&["prepare", "own", "--json"]).run().expect_code(0);
    assert_eq!(again.json()["reused"].as_array().map(Vec::len), Some(3), "{again}");
    let path = place.path("data/articles.csv");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text + "\n").unwrap();
    for command in [place.host(&["prepare", "own"]), place.eval("run", "fine", "own")] {
        command.run().expect_code(2).expect_error(&["articles.csv had", "host prepare own --force"]);
    }
    place.host(&["prepare", "own", "--force"]).run().expect_code(0);
    place.eval("run", "fine", "own").run().expect_code(0);
}

#[test]
fn a_pack_gives_the_captions_of_the_images_it_was_made_of() {
    let place = place();
    place.host(&["prepare", "own"]).run().expect_code(0);
    place.eval("files", "fine", "own").run().expect_code(0);
    place.host(&["prepare", "own", "--pack"]).run().expect_code(0);
    std::fs::rename(place.path("data"), place.path("elsewhere")).unwrap();
    place.eval("packed", "fine", "own").run().expect_code(0);
    let predictions = |name: &str| place.run(name).only(|path| path.starts_with("predictions/"));
    assert_same_run(&predictions("packed"), &predictions("files"));
}

#[test]
fn an_item_is_shown_with_its_text_and_the_path_of_its_image() {
    let place = place();
    place.host(&["prepare", "own"]).run().expect_code(0);
    let first = place.host(&["dataset", "show", "own", "--json"]).run().expect_code(0).json();
    let id = first["id"].as_str().unwrap();
    let shown = place.host(&["dataset", "show", "own", "--id", id.trim_start_matches('0')]).run().expect_code(0);
    for text in [id, first["references"][0].as_str().unwrap(), "attributes", ".jpg"] {
        assert!(shown.stdout.contains(text), "{text}: {shown}");
    }
    let none = place.host(&["dataset", "show", "own", "--id", "42"]).run().expect_code(2);
    none.expect_error(&["has no item `42`"]);
}

#[test]
fn wrong_names_and_folders_are_told_what_to_do() {
    let place = place();
    let cases: [(&[&str], &str); 6] = [
        (&["prepare", "owm"], "did you mean `own`"),
        (&["prepare", "own", "--source", "nowhere"], "--source DIR"),
        (&["prepare", "own", "--steps", "splitt"], "steps are: split, attributes, categories"),
        (&["prepare", "own", "--splits", "nowhere"], "no folder of splits"),
        (&["prepare", "own", "--steps", "attributes"], "has no items yet"),
        (&["dataset", "flatten", "nowhere", "flat"], "nowhere"),
    ];
    for (arguments, text) in cases {
        place.host(arguments).run().expect_code(2).expect_error(&[text]);
    }
}
