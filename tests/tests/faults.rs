//! A plugin that misbehaves costs its own cell, which is named; the others complete.

use end_to_end_tests::{Host, Outcome, Place, Registry, copy_folder, predictions, sample_catalogue, test_image};

/// Evaluates `fine` beside a captioner with these options; gives what was said and the table.
fn beside_fine(options: &str, flags: &[&str]) -> (Place, Outcome, String) {
    let place = Place::with(Registry::usual().model("faulty", options));
    let outcome = place.eval("run", "fine,faulty", "hm,fashiongen").with(flags).run().expect_code(1);
    let table = place.run("run").text("table.md");
    (place, outcome, table)
}

/// The faulty model's two cells are failed and named with the reason; the other model's are whole.
fn assert_own_cells_failed(place: &Place, outcome: &Outcome, table: &str, reason: &str) {
    for dataset in ["hm", "fashiongen"] {
        let note = table.lines().find(|line| line.starts_with(&format!("- faulty on {dataset}: ")));
        assert!(note.is_some_and(|note| note.contains(reason)), "{table}\n{outcome}");
        let fine = predictions(&place.run("run"), dataset, "fine");
        assert!(fine.len() >= 20 && fine.iter().all(|prediction| prediction.get("caption").is_some()));
        let scores: serde_json::Value = serde_json::from_str(&place.run("run").text("scores.json")).unwrap();
        assert!(scores[dataset]["fine"]["metrics"]["bleu-4"]["value"].is_number(), "{scores}");
        assert!(scores[dataset]["faulty"]["error"].is_string(), "{scores}");
    }
    assert!(table.contains("| faulty | 0 | failed |"), "{table}");
    assert!(outcome.stderr.contains(reason), "{outcome}");
}

#[test]
fn a_captioner_that_panics_costs_its_own_cells() {
    let (place, outcome, table) = beside_fine("fault = \"panic\"", &[]);
    assert_own_cells_failed(&place, &outcome, &table, "this plugin panics on purpose");
}

#[test]
fn a_captioner_that_returns_errors_costs_its_own_cells() {
    let (place, outcome, table) = beside_fine("fault = \"error\"", &[]);
    assert_own_cells_failed(&place, &outcome, &table, "this captioner fails on purpose");
}

#[test]
fn a_captioner_that_segfaults_costs_its_own_cells() {
    let (place, outcome, table) = beside_fine("fault = \"segfault\"", &[]);
    assert_own_cells_failed(&place, &outcome, &table, "signal 11 (segmentation fault)");
}

#[test]
fn a_captioner_that_exits_costs_its_own_cells() {
    let (place, outcome, table) = beside_fine("fault = \"exit\"", &[]);
    assert_own_cells_failed(&place, &outcome, &table, "exit code 7");
}

#[test]
fn a_captioner_that_spins_forever_is_ended_at_its_time_limit() {
    let (place, outcome, table) = beside_fine("fault = \"spin\"", &["--time-limit", "1"]);
    assert_own_cells_failed(&place, &outcome, &table, "no sign of life for 1 s");
}

#[test]
fn a_captioner_that_allocates_without_end_is_ended_at_its_memory_limit() {
    let (place, outcome, table) = beside_fine("fault = \"allocate\"", &["--memory-limit", "0.4"]);
    assert_own_cells_failed(&place, &outcome, &table, "more than the limit of 0.4 GiB");
}

#[test]
fn a_captioner_that_leaks_while_it_works_is_held_to_its_memory_limit_and_the_cell_is_finished() {
    // Eight MiB an image: a worker lives for some forty images, then a new one goes on.
    let place = Place::with(Registry::usual().model("leaking", "fault = \"leak\""));
    let command = place.eval("run", "leaking", "hm").with(&["--memory-limit", "0.35", "--batch-size", "1"]);
    let outcome = command.run().expect_code(0).expect_error(&["more than the limit of 0.3 GiB", "new worker"]);
    let all = predictions(&place.run("run"), "hm", "leaking");
    assert_eq!(all.len(), 60, "{outcome}");
    assert!(all.iter().all(|prediction| prediction.get("caption").is_some()), "{outcome}");
}

#[test]
fn every_fault_while_loading_costs_the_model_and_not_the_run() {
    let reasons = [
        ("panic", "this plugin panics on purpose"),
        ("error", "this captioner fails on purpose"),
        ("segfault", "signal 11"),
        ("spin", "no sign of life for 3 s"),
        ("allocate", "more than the limit of 0.4 GiB"),
    ];
    let registry = reasons.iter().fold(Registry::usual(), |registry, (fault, _)| {
        registry.model(fault, &format!("fault = {fault:?}\nloading = true"))
    });
    let place = Place::with(registry);
    let flags = ["--load-limit", "3", "--memory-limit", "0.4"];
    place.eval("run", "panic,error,segfault,spin,allocate,fine", "hm").with(&flags).run().expect_code(1);
    let table = place.run("run").text("table.md");
    for (fault, reason) in reasons {
        let note = table.lines().find(|line| line.starts_with(&format!("- {fault} on hm: the model cannot be loaded")));
        assert!(note.is_some_and(|note| note.contains(reason)), "{fault}: {table}");
    }
    assert_eq!(predictions(&place.run("run"), "hm", "fine").len(), 60);
}

#[test]
fn nothing_but_failed_cells_is_exit_code_3() {
    let place = Place::with(Registry::usual().model("faulty", "fault = \"error\""));
    place.eval("run", "faulty", "hm,fashiongen").run().expect_code(3).expect_error(&["all 2 cells failed"]);
}

#[test]
fn a_cell_that_failed_is_failed_on_every_rerun_until_its_cause_is_gone() {
    let place =
        Place::with(Registry::usual().model("faulty", "fault = \"error\"").model("torn", "fault = \"segfault\""));
    let eval = || place.eval("run", "fine,faulty,torn", "hm");
    eval().run().expect_code(1);
    let first = place.run("run").text("scores.json");
    eval().run().expect_code(1).expect_error(&["faulty on hm", "torn on hm"]);
    assert_eq!(place.run("run").text("scores.json"), first);
}

#[test]
fn images_that_do_not_fit_at_once_are_captioned_in_smaller_batches() {
    let place = Place::with(Registry::usual().model("small", "room = 5"));
    let outcome = place.eval("run", "fine,small", "hm").with(&["--batch-size", "16"]).run().expect_code(0);
    let outcome = outcome
        .expect_error(&["16 images at once do not fit: 8 from here on", "8 images at once do not fit: 4 from here on"]);
    assert!(!outcome.stderr.contains("2 from here on"), "{outcome}");
    let run = place.run("run");
    assert!(predictions(&run, "hm", "small") == predictions(&run, "hm", "fine"));
}

#[test]
fn a_plugin_that_prints_does_not_disturb_what_the_worker_says() {
    let place = Place::with(Registry::usual().model("chatty", "fault = \"print\""));
    place.eval("run", "chatty", "hm").run().expect_code(0);
    assert_eq!(predictions(&place.run("run"), "hm", "chatty").len(), 60);
}

#[test]
fn an_item_that_kills_its_worker_is_recorded_as_failed_and_the_rest_of_the_cell_is_captioned() {
    for (fault, reason, flags) in [
        ("segfault", "signal 11", &[][..]),
        ("panic", "this plugin panics on purpose", &[]),
        ("spin", "no sign of life for 1 s", &["--time-limit", "1"]),
    ] {
        let place = Place::without_lock(Registry::default());
        copy_folder(&sample_catalogue().join("hm"), &place.path("hm"));
        let (id, image) = article(&place, 20);
        test_image(&image, 777, 500, [0, 0, 200]);
        let text = Registry::usual().text().replace(&sample_catalogue().join("hm").display().to_string(), "hm");
        let fragile = Registry::default().model("fragile", &format!("fault = {fault:?}\nwidth = 777"));
        place.write("registry.toml", &(text + fragile.text()));
        place.host(&["plugin", "add", "--all"]).run().expect_code(0);
        place.eval("run", "fine,fragile", "hm").with(flags).run().expect_code(0);
        let found = predictions(&place.run("run"), "hm", "fragile");
        let fine = predictions(&place.run("run"), "hm", "fine");
        assert_eq!(found.len(), 60);
        for (fragile, fine) in found.iter().zip(&fine) {
            if fragile["id"] == id.as_str() {
                assert!(fragile["error"].as_str().is_some_and(|error| error.contains(reason)), "{fragile}");
                assert_eq!(fine["caption"], "a blue garment in soft cotton");
            } else {
                assert_eq!(fragile, fine);
            }
        }
        let table = place.run("run").text("table.md");
        assert!(table.contains("| fragile | 59 |") && table.contains("1 of 60 items have no caption"), "{table}");
    }
}

/// The id and image of the article on that line of articles.csv.
fn article(place: &Place, line: usize) -> (String, std::path::PathBuf) {
    let csv = std::fs::read_to_string(place.path("hm/articles.csv")).unwrap();
    let id = csv.lines().nth(line).unwrap().split(',').next().unwrap().to_owned();
    let image = place.path("hm/images").join(&id[..3]).join(format!("{id}.jpg"));
    (id, image)
}

fn with_metric(options: &str) -> (Place, Host) {
    let place = Place::with(Registry::usual().metric("faulty-words", "trial", options));
    let command = place.eval("run", "fine", "hm,fashiongen");
    (place, command)
}

#[test]
fn a_metric_that_misbehaves_costs_its_own_column() {
    for (fault, reason, flags) in [
        ("segfault", "signal 11", &[][..]),
        ("panic", "this plugin panics on purpose", &[]),
        ("error", "this captioner fails on purpose", &[]),
        ("spin", "no sign of life for 1 s", &["--time-limit", "1"]),
        ("allocate", "more than the limit of 0.4 GiB", &["--memory-limit", "0.4"]),
    ] {
        let (place, command) = with_metric(&format!("component = \"trial-words\"\nfault = {fault:?}"));
        let outcome = command.with(flags).run().expect_code(1).expect_error(&[reason]);
        let run = place.run("run");
        let scores: serde_json::Value = serde_json::from_str(&run.text("scores.json")).unwrap();
        for dataset in ["hm", "fashiongen"] {
            for metric in ["bleu-4", "rouge-l", "cider", "trial-words"] {
                assert!(
                    scores[dataset]["fine"]["metrics"][metric]["value"].is_number(),
                    "{fault}: {metric}: {scores}\n{outcome}"
                );
            }
            let table = run.text("table.md");
            let note = table.lines().find(|line| line.starts_with(&format!("- faulty-words of fine on {dataset}: ")));
            assert!(note.is_some_and(|note| note.contains(reason)), "{fault}: {table}");
            let items = run.text(&format!("scores/{dataset}/fine/items.jsonl"));
            assert!(items.lines().count() > 20 && items.lines().all(|line| line.contains("\"bleu-4\":")), "{fault}");
        }
    }
}
