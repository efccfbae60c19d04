//! Parity with METEOR 1.5 (the jar of pycocoevalcap 1.2). The fixtures are made by `tests/parity/meteor/make_fixtures.py`.
//! What needs the paraphrase table (61 MB, never committed) is skipped, with the reason printed, where it is not installed.

use flate2::read::GzDecoder;
use meteor::Meteor;
use meteor::normalise::normalise;
use meteor_data::{INSTALL_COMMAND, PARAPHRASE_FILE};
use plugin_api::testing::{TestItem, score};
use plugin_api::{Host, MetricConfig, Settings};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

fn fixture(name: &str) -> String {
    let path = root().join("tests/parity/meteor").join(name);
    let mut text = String::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn shared(name: &str) -> Option<String> {
    let path = root().join("../shared/data").join(name);
    std::fs::read_to_string(&path).inspect_err(|error| eprintln!("skipped: ../shared/data/{name}: {error}")).ok()
}

/// The folder of assets, as the host finds it, if the table is there.
fn assets() -> Option<PathBuf> {
    let user_data = || match std::env::var_os("XDG_DATA_HOME") {
        Some(data) => Some(PathBuf::from(data).join("lookbook")),
        None => Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share/lookbook")),
    };
    let folder = std::env::var_os("LOOKBOOK_ASSETS").map(PathBuf::from).or_else(user_data)?;
    let installed = folder.join(PARAPHRASE_FILE).exists();
    if !installed {
        eprintln!("skipped: the paraphrase table is not in {}; get it with `{INSTALL_COMMAND}`", folder.display());
    }
    installed.then_some(folder)
}

fn metric(settings: Value, assets: Option<PathBuf>) -> Meteor {
    let config = MetricConfig { dataset: None, assets, settings: Settings::new(settings), host: Host::silent() };
    Meteor::create(&config).unwrap()
}

/// The metric with paraphrases where they are installed, and without; with the position of its score in the fixtures.
fn metrics() -> Vec<(&'static str, usize, Meteor)> {
    let mut metrics = vec![("meteor-no-paraphrase", 1, metric(json!({ "paraphrase": false }), None))];
    if let Some(assets) = assets() {
        metrics.push(("meteor", 0, metric(json!({}), Some(assets))));
    }
    metrics
}

#[derive(Deserialize)]
struct CorpusScores {
    segments: usize,
    #[serde(flatten)]
    scores: BTreeMap<String, f64>,
}

/// Scores the items and compares: every segment within 1e-9, the corpus within 1e-6. The bound is 99.9 % of the segments; none
/// differs, and a change that loses one should be seen.
fn assert_parity(set: &str, items: &[TestItem], expected: &[[f64; 2]]) {
    let corpus = std::fs::read_to_string(root().join("tests/parity/meteor/corpus.json")).unwrap();
    let corpus: BTreeMap<String, CorpusScores> = serde_json::from_str(&corpus).unwrap();
    assert_eq!([items.len(), expected.len()], [corpus[set].segments; 2]);
    for (name, column, mut metric) in metrics() {
        let scored = score(&mut metric, items).unwrap();
        let mut different = Vec::new();
        for ((item, found), expected) in items.iter().zip(&scored.items).zip(expected) {
            if (found.values[0] - expected[column]).abs() > 1e-9 {
                different.push(format!("{item:?}\n  here: {}, reference: {}", found.values[0], expected[column]));
            }
        }
        assert!(different.is_empty(), "{name}, {} of {}:\n{}", different.len(), items.len(), different.join("\n"));
        let difference = (scored.corpus[0] - corpus[set].scores[name]).abs();
        assert!(difference < 1e-6, "{name}: the corpus of {set} differs by {difference}");
        println!("{set}: {} segments agree on {name}; the corpus score differs by {difference:e}", items.len());
    }
}

/// Scores only, two a line: with and without paraphrases.
fn expected_scores(name: &str) -> Vec<[f64; 2]> {
    fixture(name)
        .lines()
        .map(|line| {
            let (full, without) = line.split_once(' ').unwrap();
            [full.parse().unwrap(), without.parse().unwrap()]
        })
        .collect()
}

/// The rule of `make_fixtures.py` for shared texts.
fn tokens(text: &str) -> String {
    let words = text.to_lowercase();
    let words = words
        .split_whitespace()
        .map(|word| word.trim_matches(['.', ',', ';', ':', '!', '?', '(', ')', '\'', '"', '`']));
    words.filter(|word| !word.trim_matches('-').is_empty()).collect::<Vec<_>>().join(" ")
}

#[derive(Deserialize)]
struct Picture {
    ground_truth: Vec<String>,
    human_judgement: Vec<Judgement>,
}

#[derive(Deserialize)]
struct Judgement {
    caption: String,
    rating: f64,
}

fn flickr() -> Option<serde_json::Map<String, Value>> {
    Some(serde_json::from_str(&shared("flickr8k-expert.json")?).unwrap())
}

/// Each picture's captions, once each, in order; with the position of the first of a picture.
fn flickr_items(pictures: &serde_json::Map<String, Value>) -> Vec<(Picture, Vec<TestItem>)> {
    pictures
        .values()
        .map(|picture| {
            let picture: Picture = serde_json::from_value(picture.clone()).unwrap();
            let references: Vec<String> = picture.ground_truth.iter().map(|text| tokens(text)).collect();
            let references: Vec<&str> = references.iter().map(String::as_str).collect();
            let mut seen = HashSet::new();
            let items = picture
                .human_judgement
                .iter()
                .filter(|judgement| seen.insert(judgement.caption.clone()))
                .map(|judgement| TestItem::new(&tokens(&judgement.caption), &references))
                .collect();
            (picture, items)
        })
        .collect()
}

#[test]
fn segments_of_our_own_score_as_the_reference_does() {
    type Row = (String, Vec<String>, f64, f64);
    let rows: Vec<Row> = fixture("own.jsonl.gz").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.len() >= 3000);
    assert_eq!(rows.iter().map(|row| row.1.len()).min(), Some(1));
    let items: Vec<TestItem> = rows
        .iter()
        .map(|(caption, references, ..)| {
            TestItem::new(caption, &references.iter().map(String::as_str).collect::<Vec<_>>())
        })
        .collect();
    assert_parity("own", &items, &rows.iter().map(|row| [row.2, row.3]).collect::<Vec<_>>());
}

#[test]
fn flickr8k_expert_scores_as_the_reference_does() {
    let Some(pictures) = flickr() else { return };
    let items: Vec<TestItem> = flickr_items(&pictures).into_iter().flat_map(|(_, items)| items).collect();
    assert_parity("flickr8k-expert", &items, &expected_scores("flickr8k-expert.txt.gz"));
}

#[test]
fn product_descriptions_score_as_the_reference_does() {
    let Some(lines) = shared("product-descriptions.jsonl") else { return };
    let texts: Vec<String> = lines
        .lines()
        .map(|line| tokens(serde_json::from_str::<Value>(line).unwrap()["description"].as_str().unwrap()))
        .collect();
    let items: Vec<TestItem> = (0..texts.len())
        .map(|at| {
            let strides = &[1, 7, 20, 50, 101][..at % 5 + 1];
            let references: Vec<&str> = strides.iter().map(|stride| &*texts[(at + stride) % texts.len()]).collect();
            TestItem::new(&texts[at], &references)
        })
        .collect();
    assert_parity("product-descriptions", &items, &expected_scores("product-descriptions.txt.gz"));
}

#[test]
fn texts_are_normalised_as_the_reference_does() {
    let texts: Vec<(String, String)> =
        fixture("normalised.jsonl.gz").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(texts.len() > 5000);
    let mut different = Vec::new();
    for (text, expected) in &texts {
        let mut found = Vec::new();
        normalise(text, |token| found.push(token.to_owned()));
        if found.join(" ") != *expected {
            different.push(format!("{text:?}\n  here:      {}\n  reference: {expected}", found.join(" ")));
        }
    }
    assert!(different.is_empty(), "{} of {}:\n{}", different.len(), texts.len(), different.join("\n"));
}

/// Kendall's τ-c between scores and ratings: 2·(concordant − discordant) / (n²·(m − 1)/m), m the number of distinct values of
/// whichever has fewer.
fn kendall_tau_c(pairs: &[(f64, f64)]) -> f64 {
    let mut balance = 0i64;
    for (at, one) in pairs.iter().enumerate() {
        for other in &pairs[at + 1..] {
            let product = (one.0 - other.0) * (one.1 - other.1);
            balance += i64::from(product > 0.0) - i64::from(product < 0.0);
        }
    }
    let distinct = |values: Vec<f64>| values.iter().map(|value| value.to_bits()).collect::<HashSet<_>>().len();
    let classes =
        distinct(pairs.iter().map(|pair| pair.0).collect()).min(distinct(pairs.iter().map(|pair| pair.1).collect()));
    let (count, classes) = (pairs.len() as f64, classes as f64);
    2.0 * balance as f64 / (count * count * (classes - 1.0) / classes)
}

#[test]
fn the_published_correlation_with_flickr8ks_experts_is_reproduced() {
    let (Some(pictures), Some(assets)) = (flickr(), assets()) else { return };
    let mut metric = metric(json!({}), Some(assets));
    let mut pairs = Vec::new();
    for (picture, items) in flickr_items(&pictures) {
        let scored = score(&mut metric, &items).unwrap();
        let mut scores: BTreeMap<&str, f64> = BTreeMap::new();
        let mut found = scored.items.iter();
        for judgement in &picture.human_judgement {
            let score = *scores.entry(&judgement.caption).or_insert_with(|| found.next().unwrap().values[0]);
            pairs.push((score, judgement.rating));
        }
    }
    let tau = 100.0 * kendall_tau_c(&pairs);
    println!("{} ratings: Kendall τ-c × 100 = {tau:.3}", pairs.len());
    assert!((tau - 41.8).abs() <= 0.05, "{tau}");
}
