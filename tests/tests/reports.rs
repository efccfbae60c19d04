//! Reports and comparisons of a run: complete, without scores, with failed cells, with lost and damaged files; published figures beside; pages
//! that refer to nothing outside and let no text out of its place.

use end_to_end_tests::{Outcome, Place, Registry, assert_same_run};
use std::fs;

fn place() -> Place {
    Place::with(Registry::usual().model("second", "").model("faulty", "fault = \"segfault\""))
}

fn report(place: &Place, flags: &[&str]) -> Outcome {
    place.host(&["report", "runs/run"]).with(flags).run()
}

fn edit(place: &Place, file: &str, change: impl Fn(String) -> String) {
    let path = place.path("runs/run").join(file);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, change(text)).unwrap();
}

#[test]
fn a_page_is_of_one_piece_and_the_same_however_often_it_is_made() {
    let place = place();
    place.eval("run", "fine,second", "hm,fashiongen").run().expect_code(0);
    let before = place.run("run");
    let page = report(&place, &["--format", "html"]).expect_code(0).stdout;
    assert_eq!(page, fs::read_to_string(place.path("runs/run/report.html")).unwrap());
    for outside in ["http:", "https:", "//", "<script", "<img", "<link", "url(", "@import", "src=", "onload"] {
        assert!(!page.contains(outside), "the page has {outside}");
    }
    for section in ["tables", "scores", "lengths", "categories", "correlations", "plan"] {
        assert!(page.contains(&format!("<section id=\"{section}\">")), "no {section} in {page}");
    }
    // Each metric's chart on both datasets, each with a dot and a whisker a model.
    assert_eq!(page.matches("<svg ").count(), page.matches("</svg>").count());
    assert!(
        page.contains("<figcaption>BLEU-4 on hm</figcaption>")
            && page.contains("<figcaption>CIDEr on fashiongen</figcaption>")
    );
    assert_same_run(&place.run("run"), &before);
}

#[test]
fn html_in_names_captions_and_categories_stays_text() {
    let place = place();
    place.eval("run", "fine", "hm").with(&["--limit", "20"]).run().expect_code(0);
    // A registry takes no such name; a run directory may come from anywhere.
    for folder in ["predictions/hm", "scores/hm"] {
        let folder = place.path("runs/run").join(folder);
        fs::rename(folder.join("fine"), folder.join("<img src=x>")).unwrap();
    }
    let evil = "</text></svg><script>alert(1)</script>";
    edit(&place, "items/hm.jsonl", |text| {
        let lines = text.lines().enumerate().map(|(number, line)| {
            let mut item: serde_json::Value = serde_json::from_str(line).unwrap();
            item["category"] = if number % 2 == 0 { evil.into() } else { "\" onload=\"x".into() };
            item.to_string() + "\n"
        });
        lines.collect()
    });
    edit(&place, "predictions/hm/<img src=x>/shard-0000.jsonl", |text| {
        text.replace("\"caption\":\"", "\"caption\":\"<b onclick=x>")
    });
    edit(&place, "run.toml", |text| {
        text.replace("name = \"fine\"", "name = \"<img src=x>\"").replace("split = \"all\"", "split = \"<i>all</i>\"")
    });
    let page = report(&place, &["--format", "html"]).expect_code(0).stdout;
    for tag in ["<script", "<img", "<b ", "<i>", "\" onload"] {
        assert!(!page.contains(tag), "{tag} came through");
    }
    assert!(page.contains("&lt;/script&gt;") && page.contains("&#60;img src=x&#62;"), "{page}");
    let markdown = report(&place, &["--format", "markdown"]).expect_code(0).stdout;
    assert!(markdown.contains("| &lt;img src=x> |"), "{markdown}");
}

#[test]
fn what_is_missing_is_said_in_every_form_and_the_exit_code_tells() {
    let place = place();
    place.eval("run", "fine,faulty", "hm").run().expect_code(1);
    let failed = report(&place, &[]).expect_code(1).expect_error(&["faulty on hm: "]);
    assert!(failed.stdout.contains("! faulty on hm: ") && failed.stdout.contains("failed"), "{failed}");
    assert!(place.run("run").text("report.html").contains("Not everything is here."));

    // A lost score, a lost list of items, a lost cell: each is named, and the same `host eval` brings it back.
    fs::remove_file(place.path("runs/run/scores/hm/fine/cider.json")).unwrap();
    report(&place, &[]).expect_code(1).expect_error(&["fine on hm: cider: not scored", "the same `host eval` again"]);
    fs::remove_file(place.path("runs/run/items/hm.jsonl")).unwrap();
    report(&place, &[]).expect_code(1).expect_error(&["items/hm.jsonl is missing"]);
    fs::remove_dir_all(place.path("runs/run/predictions/hm/fine")).unwrap();
    fs::remove_dir_all(place.path("runs/run/scores")).unwrap();
    report(&place, &[]).expect_code(3).expect_error(&["has no scores"]);
    place.eval("run", "fine,faulty", "hm").run().expect_code(1);
    let again = report(&place, &[]).expect_code(1);
    assert_eq!(again.stdout, failed.stdout);
}

#[test]
fn half_written_and_damaged_lines_are_counted_or_named() {
    let place = place();
    place.eval("run", "fine", "hm").run().expect_code(0);
    let file = "predictions/hm/fine/shard-0000.jsonl";
    edit(&place, file, |text| text[..text.len() - 20].to_owned());
    report(&place, &[]).expect_code(1).expect_error(&["1 of 60 items have no prediction"]);
    edit(&place, file, |text| text.replacen("\"id\":", "\"id\"", 1));
    report(&place, &[]).expect_code(1).expect_error(&["shard-0000.jsonl:1: the line is damaged"]);
    edit(&place, "scores/hm/fine/bleu.json", |text| text[..text.len() / 2].to_owned());
    report(&place, &[]).expect_code(1).expect_error(&["bleu: not scored"]);
    edit(&place, "items/hm.jsonl", |text| text.replacen("{\"id\":", "{\"id\"", 1));
    report(&place, &[]).expect_code(1).expect_error(&["hm.jsonl:1"]);
}

#[test]
fn shards_that_are_not_merged_are_no_loss() {
    let place = place();
    place.eval("run", "fine", "hm").with(&["--shard", "1/2"]).run().expect_code(0);
    report(&place, &[]).expect_code(3).expect_error(&["has no scores"]);
    assert!(place.run("run").text("table.md").contains("host merge"));
}

#[test]
fn published_figures_stand_beside_and_are_marked_and_never_best() {
    let place = place();
    place.eval("run", "fine,second", "hm,fashiongen").run().expect_code(0);
    let before = place.run("run");
    let beside = |format: &str| report(&place, &["--beside", "study", "--format", format]).expect_code(0).stdout;
    let terminal = beside("terminal");
    assert!(
        terminal.contains("BLIP-2-2.7B, fine-tuned †") && terminal.contains("Published, not computed here"),
        "{terminal}"
    );
    assert!(terminal.contains("none of fashiongen"), "{terminal}");
    let markdown = beside("markdown");
    assert!(
        markdown.lines().filter(|line| line.contains('†') && line.starts_with('|')).all(|line| !line.contains("**")),
        "{markdown}"
    );
    let latex = beside("latex");
    assert!(latex.contains("BLIP-2-2.7B\\textdagger{} &  & -- & -- & -- & 0.3 / 40.8"), "{latex}");
    let csv = beside("csv");
    assert!(csv.lines().any(|line| line.starts_with("hm,,BLIP-2-2.7B,bleu-4,0.003,,,100,,,,published: ")), "{csv}");
    assert!(beside("html").contains("class=\"published\""));
    let scores: serde_json::Value = serde_json::from_str(&beside("json")).unwrap();
    assert_eq!(scores["hm"].as_object().unwrap().len(), 2);
    // Without it the files are again as they were.
    report(&place, &[]).expect_code(0);
    assert_same_run(&place.run("run"), &before);
    report(&place, &["--beside", "studdy"]).expect_code(2).expect_error(&["studdy", "--beside takes `study`"]);
}

#[test]
fn losses_of_a_training_are_drawn() {
    let place = place();
    place.eval("run", "fine", "hm").with(&["--limit", "5"]).run().expect_code(0);
    let steps: String =
        (1..=50).map(|step| format!("{{\"step\":{step},\"loss\":{}}}\n", 3.0 / f64::from(step))).collect();
    fs::create_dir(place.path("trained")).unwrap();
    place.write("trained/log.jsonl", &(steps + "{\"step\":50,\"validation_loss\":0.5}\n{\"step\":51,\"lo"));
    let page = report(&place, &["--training", "trained", "--format", "html"]).expect_code(0).stdout;
    assert!(
        page.contains("Loss a token of trained") && page.contains(">validation</text>")
            || page.contains("validation\n</text>"),
        "{page}"
    );
    report(&place, &["--training", "nowhere"]).expect_code(2).expect_error(&["nowhere", "host train"]);
}

#[test]
fn two_models_are_compared_on_every_metric_and_dataset() {
    let place = place();
    place.eval("run", "fine,second", "hm,fashiongen").run().expect_code(0);
    // The trial captioner says the same under any name: other words for some, scored anew.
    for dataset in ["hm", "fashiongen"] {
        edit(&place, &format!("predictions/{dataset}/second/shard-0000.jsonl"), |text| {
            text.replace("a grey garment", "a dark dress")
        });
    }
    place.eval("run", "fine,second", "hm,fashiongen").run().expect_code(0);
    let compare = |flags: &[&str]| place.host(&["compare", "runs/run", "--resamples", "500"]).with(flags).run();
    let outcome = compare(&["--baseline", "fine", "--candidate", "second", "--json"]).expect_code(0);
    let all = outcome.json();
    let metrics = all["datasets"][0]["metrics"].as_array().unwrap();
    assert_eq!(all["comparisons"].as_u64().unwrap() as usize, metrics.len() * 2);
    let scores: serde_json::Value = serde_json::from_str(&place.run("run").text("scores.json")).unwrap();
    for metric in metrics {
        let name = metric["name"].as_str().unwrap();
        let number = |key: &str| metric[key].as_f64().unwrap_or_else(|| panic!("{name} has no {key}: {metric}"));
        for (model, key) in [("fine", "baseline"), ("second", "candidate")] {
            let recorded = scores["hm"][model]["metrics"][name]["value"].as_f64().unwrap();
            assert!((number(key) - recorded).abs() < 1e-12, "{metric}");
        }
        let low = metric["interval"]["low"].as_f64().unwrap();
        let high = metric["interval"]["high"].as_f64().unwrap();
        assert!(low <= high && (0.0..=1.0).contains(&number("p")) && number("p") <= number("p_holm"), "{metric}");
        assert_eq!(number("wins") + number("ties") + number("losses"), 60.0, "{metric}");
    }
    assert_eq!(compare(&["--baseline", "fine", "--candidate", "second", "--json"]).stdout, outcome.stdout);
    let table =
        compare(&["--baseline", "fine", "--candidate", "second", "--metrics", "bleu-4,rouge-l", "--datasets", "hm"]);
    let table = table.expect_code(0).stdout;
    assert!(table.contains("over the 2 comparisons here") && table.contains("p (Holm)"), "{table}");

    compare(&["--baseline", "fine", "--candidate", "secnd"]).expect_code(2).expect_error(&["did you mean `second`"]);
    compare(&["--baseline", "fine", "--candidate", "fine"]).expect_code(2).expect_error(&["the same model"]);
    compare(&["--baseline", "fine", "--candidate", "second", "--datasets", "hn"])
        .expect_code(2)
        .expect_error(&["no dataset `hn`"]);
}

#[test]
fn a_comparison_says_what_it_could_not_compare() {
    let place = place();
    place.eval("run", "fine,second,faulty", "hm").run().expect_code(1);
    let compare = |candidate: &str| {
        place.host(&["compare", "runs/run", "--resamples", "200", "--baseline", "fine", "--candidate", candidate]).run()
    };
    assert!(
        compare("faulty")
            .expect_code(3)
            .expect_error(&["nothing could be compared"])
            .stdout
            .contains("faulty failed on hm")
    );
    edit(&place, "scores/hm/second/bleu.json", |text| text[..10].to_owned());
    let some = compare("second").expect_code(1).stdout;
    assert!(
        some.contains("! bleu: ") && some.contains("bleu.json is missing or damaged") && some.contains("ROUGE-L"),
        "{some}"
    );
    fs::remove_file(place.path("runs/run/scores/hm/second/statistics.jsonl")).unwrap();
    compare("second").expect_code(3);
    // The same command scores what is missing, and captions nothing.
    place.eval("run", "fine,second,faulty", "hm").run().expect_code(1);
    compare("second").expect_code(0);
}

#[test]
fn damaged_scores_of_items_are_made_anew_by_the_same_command() {
    let place = place();
    let eval = || place.eval("run", "fine,second", "hm").run().expect_code(0);
    eval();
    let whole = place.run("run");
    let half = |text: String| text[..text.len() / 2].to_owned();
    let garbage = |text: String| "x".repeat(text.len());
    let damages: [&dyn Fn(String) -> String; 3] = [&half, &|_| String::new(), &garbage];
    for file in ["scores/hm/second/statistics.jsonl", "scores/hm/second/items.jsonl"] {
        for damage in damages {
            edit(&place, file, damage);
            let compare = ["compare", "runs/run", "--resamples", "200", "--baseline", "fine", "--candidate", "second"];
            let told = place.host(&compare).run().expect_code(3).stdout;
            assert!(told.contains("the same `host eval` again"), "{told}");
            eval();
            assert_same_run(&place.run("run"), &whole);
        }
    }
}
