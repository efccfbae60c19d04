//! What the commands print, to people and to programs, and their exit codes.

use end_to_end_tests::{Place, Registry, assert_same_run, host_program, test_image};
use serde_json::json;
use std::process::Command;

#[test]
fn help_is_given_without_a_registry_and_every_command_has_one() {
    let place = Place::without_lock(Registry::default());
    std::fs::remove_file(place.path("registry.toml")).unwrap();
    let help = place.host(&["--help"]).run().expect_code(0);
    for command in ["demo", "eval", "caption", "score", "merge", "report", "models", "plugin", "doctor"] {
        assert!(help.stdout.lines().any(|line| line.trim_start().starts_with(command)), "{help}");
        place.host(&[command, "--help"]).run().expect_code(0);
    }
    assert!(!help.stdout.contains("  worker"), "{help}");
    place.host(&["evaluate"]).run().expect_code(2).expect_error(&["evaluate"]);
    // A program in a folder of its own: the one in `target` may find the repository's registry above it.
    let program = place.path("host");
    std::fs::copy(host_program(), &program).unwrap();
    let alone = Command::new(&program).args(["models", "list"]).current_dir(place.folder()).output().unwrap();
    let said = String::from_utf8(alone.stderr).unwrap();
    assert_eq!(alone.status.code(), Some(2), "{said}");
    assert!(said.contains("registry.toml") && said.contains("--registry FILE"), "{said}");
}

#[test]
fn unknown_names_get_did_you_mean() {
    let place = Place::with(Registry::usual().model("nano-blip2-opt", ""));
    let eval = |models: &str, datasets: &str, metrics: &str| {
        place.host(&["eval", "--models", models, "--datasets", datasets, "--metrics", metrics]).run().expect_code(2)
    };
    eval("nano-blip2-op", "hm", "all")
        .expect_error(&["there is no model `nano-blip2-op`", "did you mean `nano-blip2-opt`?"]);
    eval("fine", "fashoingen", "all").expect_error(&["there is no dataset `fashoingen`", "did you mean `fashiongen`?"]);
    eval("fine", "hm", "rogue-l").expect_error(&["there is no metric `rogue-l`", "did you mean `rouge-l`?"]);
    eval("fine", "hm", "quality").expect_error(&["there is no metric `quality`", "there are: bleu"]);
    place.host(&["plugin", "add", "trail"]).run().expect_code(2).expect_error(&["did you mean `trial`?"]);
    place.host(&["caption", "--model", "fines", "x.jpg"]).run().expect_code(2).expect_error(&["did you mean `fine`?"]);
    assert!(!place.path("runs").exists(), "a run was begun");
    let input = place.host(&["score", "--input", "-", "--metrics", "bleu-5"]);
    let input = input.input("{\"id\":1,\"candidate\":\"a\",\"references\":[\"a\"]}\n").run().expect_code(2);
    input.expect_error(&["bleu-5", "bleu-4"]);
}

#[test]
fn flags_that_can_never_work_leave_no_plan() {
    let place = Place::with(Registry::usual().model("misconfigured", "fault = \"no such\"\nloading = true"));
    for (flags, error) in [
        (["--max-new-tokens", "0"], "max_new_tokens is 0"),
        (["--temperature", "nan"], "temperature is NaN"),
        (["--length-penalty", "inf"], "length_penalty is inf"),
        (["--split", "tset"], "did you mean `test`?"),
        (["--limit", "0"], "--limit"),
    ] {
        let eval = ["eval", "--models", "fine", "--datasets", "hm", "--run", "runs/run"];
        place.host(&eval).with(&flags).run().expect_code(2).expect_error(&[error]);
        assert!(!place.path("runs/run").exists(), "{flags:?} began a run");
    }
    // What only the plugin can tell is told once it loads; the run is then nobody's.
    let refused = place.eval("run", "misconfigured", "hm").run().expect_code(2);
    refused.expect_error(&["misconfigured on hm: the model cannot be loaded: `no such` is no fault", "keeps no plan"]);
    place.eval("run", "fine", "hm").run().expect_code(0);
    place.eval("untouched", "fine", "hm").run().expect_code(0);
    assert_same_run(&place.run("run"), &place.run("untouched"));
    // Beside a model that works it is one of the run's failures.
    place.eval("both", "fine,misconfigured", "hm").run().expect_code(1);
    assert!(place.path("runs/both/run.toml").exists());
}

#[test]
fn with_json_standard_output_is_one_document_whatever_becomes_of_the_command() {
    let place = Place::with(Registry::usual().model("faulty", "fault = \"segfault\""));
    for line in [
        "eval --models nope --datasets hm",
        "eval",
        "frob",
        "train --model nope --dataset hm --out out",
        "sweep nowhere.toml",
        "prepare nope",
        "dataset show nope",
        "embed --model nope --dataset hm --out out",
        "embed pca --features nowhere --out out",
        "score --input nowhere",
        "score --input nowhere --metrics nope",
        "merge nowhere",
        "recommend nowhere.toml",
        "submit slurm --models nope --datasets hm",
        "submit slurm train --model nope --dataset hm --out out",
        "status nowhere",
        "report nowhere",
        "compare nowhere --baseline a --candidate b",
        "serve nowhere",
        "bench nope",
        "models check nope",
        "models pull nope",
        "models merge nope --out out",
        "plugin check nope",
        "carbon --hours -1 --device t4",
        "doctor --registry nowhere.toml",
        "caption --model nope red.jpg",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let outcome = place.host(&words).with(&["--json"]).run().expect_code(2);
        let told = outcome.json();
        assert_eq!(told["exit_code"], 2, "{outcome}");
        assert!(outcome.stderr.contains(told["error"].as_str().unwrap()), "{outcome}");
        let help = told["help"].as_str();
        assert!(help.is_none_or(|help| outcome.stderr.contains(help)), "{outcome}");
    }
    let format = place.host(&["report", "nowhere", "--format", "json"]).run().expect_code(2);
    assert_eq!(format.json()["exit_code"], 2);
    // What has its own document for a failure prints that, and no other.
    let eval =
        ["eval", "--models", "faulty", "--datasets", "hm", "--metrics", "bleu", "--run", "runs/failed", "--json"];
    let failed = place.host(&eval).run().expect_code(3);
    assert_eq!(failed.json()["failed"][0]["model"], "faulty", "{failed}");
    // Where a line is printed for each image, the last says that all failed.
    let lines = place.host(&["caption", "--model", "fine", "no.jpg", "--json"]).run().expect_code(3).json_lines();
    assert_eq!((&lines[0]["image"], &lines[1]["exit_code"]), (&json!("no.jpg"), &json!(3)));
}

#[test]
fn what_a_name_holds_does_not_command_the_terminal() {
    let place = Place::new();
    test_image(&place.path("a\u{1b}[31m.jpg"), 64, 80, [220, 30, 30]);
    let images = ["a\u{1b}[31m.jpg", "b\u{1b}[2J.jpg"];
    let some = place.host(&["caption", "--model", "fine"]).with(&images).run().expect_code(1);
    assert_eq!(some.stdout, "a\u{fffd}[31m.jpg: a red garment in soft cotton\n");
    assert!(some.stderr.contains("b\u{fffd}[2J.jpg is missing") && !some.stderr.contains('\u{1b}'), "{some}");
    // Programs get it as it is.
    let lines =
        place.host(&["caption", "--model", "fine", "--json"]).with(&images[..1]).run().expect_code(0).json_lines();
    assert_eq!(lines[0]["image"], images[0]);
}

#[test]
fn shards_and_their_merger_print_json_too() {
    let place = Place::new();
    let eval = ["eval", "--models", "fine", "--datasets", "hm", "--metrics", "bleu", "--run", "runs/run", "--json"];
    for shard in ["1/2", "2/2"] {
        let done = place.host(&eval).with(&["--shard", shard]).run().expect_code(0).json();
        assert_eq!((&done["shard"], &done["failed"]), (&json!(shard), &json!([])));
    }
    let merged = place.host(&["merge", "runs/run", "--json"]).run().expect_code(0).json();
    assert_eq!(merged["scores"], place.host(&["report", "runs/run", "--json"]).run().expect_code(0).json());
    assert!(merged["scores"]["hm"]["fine"]["metrics"]["bleu-4"].is_object(), "{merged}");
}

#[test]
fn a_reader_of_standard_error_that_has_gone_ends_no_work() {
    let place = Place::new();
    let eval = ["eval", "--models", "fine", "--datasets", "hm", "--metrics", "bleu", "--run", "runs/run"];
    let mut command = Command::new(host_program());
    command.args(eval).current_dir(place.folder()).stdout(std::process::Stdio::piped());
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("BLEU-4"));
}

#[test]
fn captions_of_image_files_are_printed_plainly_or_as_json_lines() {
    let place = Place::new();
    test_image(&place.path("red.jpg"), 64, 80, [220, 30, 30]);
    test_image(&place.path("blue.png"), 63, 81, [20, 30, 220]);
    let model = ["caption", "--model", "fine"];
    let one = place.host(&model).with(&["red.jpg"]).run().expect_code(0);
    assert_eq!(one.stdout, "a red garment in soft cotton\n");
    let two = place.host(&model).with(&["red.jpg", "blue.png"]).run().expect_code(0);
    assert_eq!(two.stdout, "red.jpg: a red garment in soft cotton\nblue.png: a blue garment in soft cotton\n");

    let lines = place.host(&["caption", "--weights", "weights", "--json", "red.jpg", "blue.png"]).run().expect_code(0);
    let lines = lines.json_lines();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["image"], "red.jpg");
    assert_eq!(lines[0]["caption"], "a red garment in soft cotton");
    // The trial captioner's tokens: the mean colour, and the end.
    assert_eq!(lines[1]["token_ids"], json!([20, 30, 220, 2]));
    assert_eq!(lines[1]["finish"], "eos");
}

#[test]
fn an_image_that_cannot_be_read_costs_its_own_caption_and_exit_code_1() {
    let place = Place::new();
    test_image(&place.path("red.jpg"), 64, 80, [220, 30, 30]);
    let some = place.host(&["caption", "--model", "fine", "--json", "no.jpg", "red.jpg"]).run().expect_code(1);
    let lines = some.json_lines();
    assert_eq!(lines[0], json!({ "image": "no.jpg", "error": "the image no.jpg is missing" }));
    assert_eq!(lines[1]["caption"], "a red garment in soft cotton");
    let none = place.host(&["caption", "--model", "fine", "no.jpg"]).run().expect_code(3);
    none.expect_error(&["the image no.jpg is missing", "no image could be captioned"]);
}

#[cfg(unix)]
#[test]
fn a_name_that_is_no_utf_8_costs_its_own_image_or_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let odd = std::ffi::OsStr::from_bytes(b"odd\xff.jpg");
    test_image(&place.path("red.jpg"), 64, 80, [220, 30, 30]);
    std::fs::copy(place.path("red.jpg"), place.folder().join(odd)).unwrap();
    let images = [odd, "red.jpg".as_ref()];
    let some = place.host(&["caption", "--model", "fine", "--json"]).with(&images).run().expect_code(1);
    let lines = some.json_lines();
    assert_eq!((lines.len(), &lines[0]["image"]), (2, &json!("odd\u{fffd}.jpg")));
    assert!(lines[0]["error"].as_str().unwrap().contains("is no UTF-8"), "{some}");
    assert_eq!(lines[1]["caption"], "a red garment in soft cotton");
    let none = place.host(&["caption", "--model", "fine"]).with(&[odd]).run().expect_code(3);
    none.expect_error(&["odd\u{fffd}.jpg", "no image could be captioned"]);
    let eval = place.host(&["eval", "--models", "fine", "--datasets", "hm", "--run"]).with(&[odd]).run().expect_code(2);
    eval.expect_error(&["odd\u{fffd}.jpg", "--run DIR"]);
}

#[test]
fn weights_that_no_plugin_loads_are_refused_with_what_there_is() {
    let place = Place::new();
    place.host(&["caption", "--weights", "nowhere", "x.jpg"]).run().expect_code(2).expect_error(&["config.json"]);
    place.write("weights/config.json", "{\"model_type\": \"gpt2\"}");
    let outcome = place.host(&["caption", "--weights", "weights", "x.jpg"]).run().expect_code(2);
    outcome.expect_error(&["type `gpt2`", "the plugins load: trial"]);
    place.write("weights/config.json", "{\"model_type\": ");
    place.host(&["caption", "--weights", "weights", "x.jpg"]).run().expect_code(2).expect_error(&["is not JSON"]);
    place.host(&["caption", "x.jpg"]).run().expect_code(2).expect_error(&["--model NAME or --weights DIR"]);
}

#[test]
fn a_model_that_cannot_caption_is_exit_code_3_with_the_reason() {
    let place = Place::with(Registry::usual().model("faulty", "fault = \"segfault\""));
    test_image(&place.path("red.jpg"), 64, 80, [220, 30, 30]);
    let outcome = place.host(&["caption", "--model", "faulty", "red.jpg"]).run().expect_code(3);
    outcome.expect_error(&["signal 11 (segmentation fault)"]);
}

const TWO_ITEMS: &str = concat!(
    "{\"id\":\"x\",\"candidate\":\"A red dress, with long sleeves.\",\"references\":[\"a red dress with long sleeves\"]}\n",
    "\n",
    "{\"id\":7,\"candidate\":\"jeans\",\"references\":[\"blue denim trousers\",\"wide trousers\"]}\n"
);

#[test]
fn scores_of_captions_made_elsewhere_come_as_the_promised_json_from_a_file_or_standard_input() {
    let place = Place::new();
    place.write("captions.jsonl", TWO_ITEMS);
    let metrics = ["--metrics", "rouge-l,trial-words", "--json"];
    let file = place.host(&["score", "--input", "captions.jsonl"]).with(&metrics).run().expect_code(0);
    let piped = place.host(&["score", "--input", "-"]).with(&metrics).input(TWO_ITEMS).run().expect_code(0);
    assert_eq!(file.stdout, piped.stdout);
    // Six words of which punctuation is none, and one; equal texts have ROUGE-L 1, texts without a common word 0.
    let expected = json!({
        "corpus": { "rouge-l": 0.5, "trial-words": 3.5 },
        "items": [
            { "id": "x", "rouge-l": 1.0, "trial-words": 6.0 },
            { "id": 7, "rouge-l": 0.0, "trial-words": 1.0 },
        ],
    });
    assert_eq!(file.json(), expected);
    let one = place.host(&["score", "--input", "captions.jsonl", "--metrics", "bleu-4", "--json"]).run().expect_code(0);
    let keys: Vec<String> = one.json()["corpus"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["bleu-4"]);
    let csv =
        place.host(&["score", "--input", "captions.jsonl", "--metrics", "trial-words", "--csv"]).run().expect_code(0);
    assert_eq!(csv.stdout, "id,trial-words\nx,6\n7,1\n");
    let table = place.host(&["score", "--input", "captions.jsonl", "--metrics", "rouge-l"]).run().expect_code(0);
    assert!(table.stdout.contains("ROUGE-L   50.00  [0.00, 100.00]") && table.stdout.contains("2 items"), "{table}");
}

#[test]
fn a_coco_pair_of_files_is_scored_like_the_same_items_in_lines() {
    let place = Place::new();
    let results = json!([{ "image_id": 7, "caption": "jeans" }, { "image_id": "x", "caption": "A red dress" }]);
    let references = json!({ "annotations": [
        { "image_id": "x", "caption": "a red dress", "id": 1 },
        { "image_id": 7, "caption": "blue denim", "id": 2 },
        { "image_id": "x", "caption": "dress", "id": 3 },
    ] });
    place.write("results.json", &results.to_string());
    place.write("references.json", &references.to_string());
    let pair = ["--results", "results.json", "--references", "references.json"];
    let scored = place.host(&["score", "--json", "--metrics", "rouge-l,bleu"]).with(&pair).run().expect_code(0);
    let lines = concat!(
        "{\"id\":7,\"candidate\":\"jeans\",\"references\":[\"blue denim\"]}\n",
        "{\"id\":\"x\",\"candidate\":\"A red dress\",\"references\":[\"a red dress\",\"dress\"]}\n"
    );
    let same = place.host(&["score", "--json", "--metrics", "rouge-l,bleu", "--input", "-"]).input(lines).run();
    assert_eq!(scored.stdout, same.expect_code(0).stdout);
    assert_eq!(scored.json()["items"][0]["id"], 7);

    let score = |results: serde_json::Value| {
        place.write("results.json", &results.to_string());
        place.host(&["score", "--json"]).with(&pair).run().expect_code(2)
    };
    score(json!([{ "image_id": 7, "caption": "a" }, { "image_id": 7, "caption": "b" }]))
        .expect_error(&["image `7` has two captions, entries 1 and 2"]);
    score(json!([{ "image_id": 7, "caption": "a" }])).expect_error(&["have no caption", "`x`"]);
    score(json!([{ "image_id": 9, "caption": "a" }])).expect_error(&["image `9`", "has no reference"]);
    score(json!({ "captions": [] })).expect_error(&["results.json", "expected"]);
}

#[test]
fn input_that_cannot_be_scored_is_an_error_with_its_line() {
    let place = Place::new();
    let score = |text: &str| place.host(&["score", "--input", "-", "--json"]).input(text).run().expect_code(2);
    let item = |id: &str| format!("{{\"id\":{id},\"candidate\":\"a\",\"references\":[\"a\"]}}\n");
    score("").expect_error(&["standard input"]);
    score("\n  \n").expect_error(&["standard input"]);
    score(&(item("1") + &item("2") + &item("1"))).expect_error(&["standard input:3", "`1`", "line 1"]);
    score(&(item("1") + "{\"candidate\":\"a\",\"references\":[\"a\"]}\n")).expect_error(&["standard input:2", "id"]);
    score(&item("null")).expect_error(&["standard input:1", "id"]);
    score("{\"id\":1,\"candidate\":\"a\",\"references\":[]}\n").expect_error(&["standard input:1", "no reference"]);
    score("{\"id\":1,\"references\":[\"a\"]}\n").expect_error(&["standard input:1", "candidate"]);
    score("not json\n").expect_error(&["standard input:1"]);
    place.host(&["score", "--input", "nowhere.jsonl"]).run().expect_code(2).expect_error(&["nowhere.jsonl"]);
    place.host(&["score"]).run().expect_code(2);
}

#[test]
fn a_run_is_reported_in_every_format() {
    let place = Place::with(Registry::usual().model("second", ""));
    let eval = place.eval("run", "fine,second", "hm").run().expect_code(0);
    let report = |format: &str| place.host(&["report", "runs/run", "--format", format]).run().expect_code(0).stdout;
    assert_eq!(report("terminal"), eval.stdout);
    let run = place.run("run");
    assert_eq!(report("markdown"), run.text("table.md"));
    assert_eq!(report("csv"), run.text("table.csv"));
    assert_eq!(report("latex"), run.text("table.tex"));
    let scores: serde_json::Value = serde_json::from_str(&report("json")).unwrap();
    assert_eq!(scores, serde_json::from_str::<serde_json::Value>(&run.text("scores.json")).unwrap());
    let value = &scores["hm"]["fine"]["metrics"]["bleu-4"];
    let [low, middle, high] = ["low", "value", "high"].map(|key| value[key].as_f64().unwrap());
    assert!((0.0..=middle).contains(&low) && (middle..=1.0).contains(&high), "{value}");
    let markdown = report("markdown");
    assert!(markdown.contains("| Model | Items | BLEU-1 |") && markdown.contains("multiplied by 100"), "{markdown}");
    // Tables are made from scores: what was lost comes again.
    std::fs::remove_file(place.path("runs/run/table.md")).unwrap();
    report("terminal");
    assert_eq!(place.run("run").text("table.md"), markdown);
    place.host(&["report", "weights"]).run().expect_code(2).expect_error(&["is no run directory"]);
}

#[test]
fn evaluation_as_json_is_one_document_and_absent_weights_are_skipped_or_refused() {
    let place = Place::with(Registry::usual());
    let registry = std::fs::read_to_string(place.path("registry.toml")).unwrap();
    place.write("registry.toml", &(registry + "[models.large]\nplugin = \"trial\"\nweights = \"hf:some/large\"\n"));
    let all = place.eval("run", "all", "hm").with(&["--json"]).run().expect_code(0);
    let all = all.expect_error(&["skipping large", "host models pull large"]);
    let document = all.json();
    assert_eq!(document["skipped"], json!([{ "name": "large", "lacks": "weights", "get": "host models pull large" }]));
    assert_eq!(document["failed"], json!([]));
    assert!(document["scores"]["hm"]["fine"]["metrics"]["cider"]["value"].is_number());
    let named = place.eval("other", "large", "hm").run().expect_code(2);
    named.expect_error(&["the weights of `large`", "host models pull large"]);

    let models = place.host(&["models", "list", "--json"]).run().expect_code(0).json();
    assert_eq!(models[0]["name"], "fine");
    assert_eq!(models[0]["present"], true);
    assert_eq!(models[1]["present"], false);
    assert_eq!(models[1]["get"], "host models pull large");
    let text = place.host(&["models", "list"]).run().expect_code(0);
    assert!(text.stdout.contains("large") && text.stdout.contains("absent"), "{text}");
}

#[test]
fn the_doctor_says_what_is_here_and_what_is_missing() {
    let place = Place::with(Registry::usual().dataset("later", "hm", std::path::Path::new("nowhere")));
    let findings = place.host(&["doctor", "--json"]).run().expect_code(0).json();
    let find = |what: &str| findings.as_array().unwrap().iter().find(|finding| finding["what"] == what).cloned();
    assert!(find("plugin trial").unwrap()["advice"].is_null());
    assert!(find("model fine").unwrap()["advice"].is_null());
    assert!(find("dataset later").unwrap()["advice"].as_str().unwrap().contains("host demo"));
    let text = place.host(&["doctor"]).run().expect_code(0);
    assert!(text.stdout.contains("! dataset later: no folder at"), "{text}");
}

#[test]
fn the_demo_makes_its_catalogue_once_prints_the_table_and_leaves_somebodys_own_data_alone() {
    let place = Place::without_lock(Registry::default());
    let data = end_to_end_tests::sample_catalogue().display().to_string();
    place.write("registry.toml", &Registry::usual().text().replace(&data, "data"));
    place.host(&["plugin", "add", "--all"]).run().expect_code(0);
    let demo = || place.host(&["demo", "--articles", "60", "--offline"]);
    let first = demo().run().expect_code(0).expect_error(&["drawing a sample catalogue of 60 articles"]);
    assert!(first.stdout.contains("hm (test split)") && first.stdout.contains("fashiongen (test split)"), "{first}");
    assert!(first.stdout.contains("runs/demo/report.html"), "{first}");
    assert!(place.path("runs/demo/report.html").is_file());
    let again = demo().run().expect_code(0);
    assert!(again.stdout == first.stdout && !again.stderr.contains("drawing"), "{again}");

    std::fs::remove_file(place.path("data/made-by-host-demo.txt")).unwrap();
    let refused = demo().run().expect_code(2);
    refused.expect_error(&["is there already and was not made by the demo", "host eval"]);
    assert!(place.path("data/hm/articles.csv").is_file());
}

#[test]
fn standard_output_that_nobody_reads_is_no_error() {
    let place = Place::new();
    let many: String = (0..20_000)
        .map(|id| format!("{{\"id\":{id},\"candidate\":\"a dress\",\"references\":[\"a red dress\"]}}\n"))
        .collect();
    place.write("many.jsonl", &many);
    let program = end_to_end_tests::host_program();
    let line = format!(
        "{:?} score --input many.jsonl --metrics trial-words --json | head -c 100; exit ${{PIPESTATUS[0]}}",
        program
    );
    let output = std::process::Command::new("bash").args(["-c", &line]).current_dir(place.folder()).output().unwrap();
    assert_eq!(output.stdout.len(), 100);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
