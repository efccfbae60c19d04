//! `host score` on captions as they come: other locales, odd paths, control characters, very long and very many captions, ids that do not
//! match. The right score, or an error that names the line.

use end_to_end_tests::{Place, Registry, library};
use serde_json::{Value, json};
use std::time::Duration;

const METRICS: &str = "bleu,rouge-l,cider,meteor";

/// METEOR without its table of paraphrases, which is no part of the repository.
fn place() -> Place {
    let registry = Registry::usual().plugin("meteor", &library("meteor"));
    Place::with(registry.metric("meteor", "meteor", "paraphrase = false"))
}

fn line(id: &str, candidate: &str, references: &[&str]) -> String {
    json!({ "id": id, "candidate": candidate, "references": references }).to_string() + "\n"
}

fn scored(place: &Place, input: &str) -> Value {
    place.host(&["score", "--input", "-", "--metrics", METRICS, "--json"]).input(input).run().expect_code(0).json()
}

fn three_items() -> String {
    line("a", "a red cotton dress with short sleeves", &["a red dress in cotton", "short sleeved cotton dress"])
        + &line("b", "blue jeans, 1.5 cm hem.", &["Blue denim jeans with a hem of 1.5 cm"])
        + &line("c", "gr\u{f6}\u{df}e stra\u{df}e \u{4e2d}\u{6587}", &["gr\u{f6}\u{df}e \u{4e2d}\u{6587}"])
}

#[test]
fn the_locale_changes_nothing() {
    let place = place();
    let usual = scored(&place, &three_items());
    for locale in ["it_IT.UTF-8", "tr_TR.UTF-8", "POSIX"] {
        let host = place.host(&["score", "--input", "-", "--metrics", METRICS, "--json"]);
        let host = host.environment("LC_ALL", locale).environment("LANG", locale);
        assert_eq!(host.input(&three_items()).run().expect_code(0).json(), usual, "{locale}");
    }
    // A decimal comma would be another number.
    let text = place.host(&["score", "--input", "-", "--metrics", METRICS]).environment("LC_ALL", "it_IT.UTF-8");
    let text = text.input(&three_items()).run().expect_code(0);
    assert!(text.stdout.contains('.'), "{text}");
}

#[test]
fn a_path_may_have_spaces_quotes_and_letters_of_any_script() {
    let place = place();
    let folder = "my caption's \"final\" \u{4e2d}\u{6587} folder";
    std::fs::create_dir(place.path(folder)).unwrap();
    let file = format!("{folder}/my captions.jsonl");
    place.write(&file, &three_items());
    let from_file = place.host(&["score", "--input", &file, "--metrics", METRICS, "--json"]).run().expect_code(0);
    assert_eq!(from_file.json(), scored(&place, &three_items()));
    place.write(&file, "no json\n");
    place.host(&["score", "--input", &file]).run().expect_code(2).expect_error(&[&format!("{file}:1")]);
}

#[test]
fn newlines_and_tabs_in_a_caption_are_spaces() {
    let place = place();
    let plain = line("a", "a red dress with short sleeves", &["a red dress in cotton with short sleeves"]);
    let spaced = line("a", "a red\ndress\twith\r\nshort  sleeves\n", &["a red dress in\tcotton\nwith short sleeves"]);
    assert_eq!(scored(&place, &spaced), scored(&place, &plain));
}

#[test]
fn a_nul_and_other_control_characters_are_scored_and_finite() {
    let place = place();
    let input =
        line("a", "a red\0dress \u{1b}[31m\u{7}", &["a red dress"]) + &line("b", "\0", &["\0", "\u{85}\u{2028}"]);
    let all = scored(&place, &input);
    for item in all["items"].as_array().unwrap() {
        for (name, value) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "id") {
            assert!(value.as_f64().is_some_and(|value| (0.0..=10.0).contains(&value)), "{name}: {item}");
        }
    }
    // What is printed to a terminal must not steer it.
    let table = place.host(&["score", "--input", "-", "--metrics", METRICS]).input(&input).run().expect_code(0);
    assert!(!table.stdout.contains('\u{1b}'), "{table}");
}

#[test]
fn a_caption_of_a_hundred_kilobytes_is_scored() {
    let place = place();
    let words = ["soft", "cotton", "dress", "with", "long", "sleeves", "in", "red", "and", "blue"];
    let long: Vec<&str> = (0..20_000).map(|place| words[(place * 7 + place / 10) % 10]).collect();
    let long = long.join(" ");
    assert!(long.len() > 100_000);
    let other = long.replace("red", "green");
    let score = |metrics: &str, input: &str| {
        place.host(&["score", "--input", "-", "--metrics", metrics, "--json"]).input(input).run()
    };
    let all = score("bleu,rouge-l,cider", &line("same", &long, &[&long])).expect_code(0).json();
    assert_eq!(all["items"][0]["bleu-4"].as_f64().map(|value| (value * 1e9).round()), Some(1e9));
    assert_eq!(all["items"][0]["rouge-l"], 1.0);
    let input = line("long", &long, &["a dress"]) + &line("other", &other, &[&long]);
    let differ = score("bleu,rouge-l,cider", &input).expect_code(0).json();
    // A word among 20,000: precision of 2 / 20,000 at the most.
    assert!(differ["items"][0]["bleu-1"].as_f64().unwrap() <= 1e-4 + 1e-9, "{differ}");
    let kept = 0.9;
    let bleu = differ["items"][1]["bleu-1"].as_f64().unwrap();
    assert!((bleu - kept).abs() < 0.01, "a tenth of the words differ: {bleu}");
    // METEOR aligns words: ten words, each two thousand times on both sides, are forty million pairs. It says so rather than hang.
    score("meteor", &input).expect_code(3).expect_error(&["item `other`", "pairs of matching words"]);
    let varied: Vec<String> = (0..20_000).map(|word| format!("word{word}")).collect();
    let varied = varied.join(" ");
    let same = score("meteor", &line("varied", &varied, &[&varied])).expect_code(0).json();
    let meteor = same["items"][0]["meteor-no-paraphrase"].as_f64().unwrap();
    assert!((meteor - 1.0).abs() < 1e-9, "a caption equal to its reference: {meteor}");
}

#[test]
fn ten_thousand_identical_captions_score_as_one_does() {
    let place = place();
    let one = |id: usize| line(&id.to_string(), "a red dress", &["a red dress", "a dress"]);
    let started = std::time::Instant::now();
    let all = scored(&place, &(0..10_000).map(one).collect::<String>());
    assert!(started.elapsed() < Duration::from_secs(60), "something grows with the square of the items");
    let single = scored(&place, &one(0));
    for metric in ["bleu-1", "bleu-2", "bleu-3", "rouge-l", "meteor-no-paraphrase", "cider"] {
        let [all, single] = [&all, &single].map(|scores| scores["corpus"][metric].as_f64());
        let (all, single) = (all.unwrap_or(f64::NAN), single.unwrap_or(f64::NAN));
        assert!((all - single).abs() < 1e-9, "{metric}: {all} is not {single}");
    }
    assert_eq!(all["items"].as_array().map(Vec::len), Some(10_000));
}

#[test]
fn ids_that_stand_twice_or_on_one_side_alone_are_named() {
    let place = place();
    let coco = |results: Value, annotations: Value| {
        place.write("results.json", &results.to_string());
        place.write("references.json", &json!({ "annotations": annotations }).to_string());
        let flags = ["score", "--results", "results.json", "--references", "references.json", "--metrics", "bleu"];
        place.host(&flags).run()
    };
    let result = |id: i64| json!({ "image_id": id, "caption": "a dress" });
    let reference = |id: i64| json!({ "image_id": id, "id": id, "caption": "a red dress" });
    coco(json!([result(1), result(2)]), json!([reference(1), reference(2)])).expect_code(0);
    let twice = coco(json!([result(1), result(2), result(1)]), json!([reference(1), reference(2)])).expect_code(2);
    twice.expect_error(&["results.json", "`1`"]);
    let unknown = coco(json!([result(1), result(9)]), json!([reference(1)])).expect_code(2);
    unknown.expect_error(&["results.json", "`9`", "no reference"]);
    coco(json!([]), json!([reference(1)])).expect_code(2).expect_error(&["results.json"]);
    let lines = line("x", "a", &["a"]) + &line("y", "a", &["a"]) + &line("x", "b", &["b"]);
    let host = place.host(&["score", "--input", "-", "--metrics", "bleu"]).input(&lines);
    host.run().expect_code(2).expect_error(&["standard input:3", "`x`", "line 1"]);
}
