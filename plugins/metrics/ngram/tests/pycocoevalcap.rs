//! Parity with pycocoevalcap 1.2: tokens of the PTB tokenizer, and BLEU, ROUGE-L and CIDEr given the same tokens. The fixtures
//! are made by `tests/parity/pycocoevalcap/make.py`.

use language::ptb::tokenize;
use ngram::{Bleu, Cider, RougeL, Variant};
use plugin_api::testing::{Scored, TestItem, score};
use plugin_api::{Host, Metric};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Deserialize)]
struct Item {
    id: String,
    candidate: String,
    references: Vec<String>,
    candidate_tokens: String,
    reference_tokens: Vec<String>,
    scores: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Shared {
    tokens: BTreeMap<String, String>,
    #[serde(rename = "flickr8k-expert")]
    flickr: Flickr,
}

#[derive(Deserialize)]
struct Flickr {
    items: usize,
    corpus: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Entry {
    ground_truth: Vec<String>,
    human_judgement: Vec<Judgement>,
}

#[derive(Deserialize)]
struct Judgement {
    caption: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

fn fixture(name: &str) -> String {
    let path = root().join("tests/parity/pycocoevalcap").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn items() -> Vec<Item> {
    fixture("items.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A file of the development data, or `None` with a word on why the test ends here.
fn shared(name: &str) -> Option<String> {
    let path = root().join("../shared/data").join(name);
    std::fs::read_to_string(&path).inspect_err(|error| eprintln!("skipped: ../shared/data/{name}: {error}")).ok()
}

/// FNV-1a, 64 bits, the upper 32 of them: what `make.py` keeps of texts that are not ours to publish.
fn digest(text: &str) -> String {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("{:08x}", hash >> 32)
}

/// The names of a metric's values, and how to score items with a fresh one.
type Scorer = (Vec<String>, Box<dyn Fn(&[TestItem]) -> Scored>);

fn metrics() -> Vec<Scorer> {
    fn with<M: Metric>(make: impl Fn() -> M + 'static) -> Scorer {
        let names = make().values().into_iter().map(|value| value.name).collect();
        (names, Box::new(move |items| score(&mut make(), items).unwrap()))
    }
    vec![
        with(|| Bleu),
        with(|| RougeL),
        with(|| Cider::new(Variant::D, Host::silent())),
        with(|| Cider::new(Variant::Plain, Host::silent())),
    ]
}

#[track_caller]
fn close(actual: f64, expected: f64, what: &str) {
    assert!((actual - expected).abs() <= 1e-9, "{what}: {actual}, where the reference has {expected}");
}

#[test]
fn own_product_text_has_the_references_tokens() {
    let items = items();
    assert!(items.len() >= 500);
    assert_eq!(items.iter().map(|item| item.references.len()).max(), Some(5));
    let texts = items.iter().flat_map(|item| {
        let tokens = std::iter::once(&item.candidate_tokens).chain(&item.reference_tokens);
        std::iter::once(&item.candidate).chain(&item.references).zip(tokens)
    });
    let (mut count, mut different) = (0, Vec::new());
    for (text, expected) in texts {
        count += 1;
        let tokens = tokenize(text).join(" ");
        if tokens != *expected {
            different.push(format!("{text:?}\n  here:      {tokens}\n  reference: {expected}"));
        }
    }
    // The bound is 99.5 %; every caption agrees, and a change that loses one should be seen.
    assert!(different.is_empty(), "{} of {count} captions differ:\n{}", different.len(), different.join("\n"));
}

#[test]
fn rare_forms_of_the_trade_have_the_references_tokens() {
    #[derive(Deserialize)]
    struct Rare {
        text: String,
        tokens: String,
    }
    let rare: Vec<Rare> = fixture("rare.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rare.len() >= 200);
    for Rare { text, tokens } in rare {
        assert_eq!(tokenize(&text).join(" "), tokens, "{text:?}");
    }
}

#[test]
fn items_and_corpus_score_as_the_reference_does_given_its_tokens() {
    let expected = items();
    let corpus: BTreeMap<String, f64> = serde_json::from_str(&fixture("corpus.json")).unwrap();
    let given: Vec<TestItem> = expected
        .iter()
        .map(|item| {
            let references: Vec<&str> = item.reference_tokens.iter().map(String::as_str).collect();
            TestItem::new(&item.candidate_tokens, &references)
        })
        .collect();
    let mut compared = 0;
    for (names, run) in metrics() {
        let scored = run(&given);
        for (value, name) in names.iter().enumerate() {
            close(scored.corpus[value], corpus[name], name);
            for (item, score) in expected.iter().zip(&scored.items) {
                close(score.values[value], item.scores[name], &format!("{name} of {}", item.id));
                compared += 1;
            }
        }
    }
    assert_eq!(compared, expected.len() * 7);
}

#[test]
fn other_peoples_text_has_the_references_tokens() {
    let expected: Shared = serde_json::from_str(&fixture("shared.json")).unwrap();
    for (name, digests) in &expected.tokens {
        let Some(texts) = texts(name) else { continue };
        let digests: Vec<&str> = digests.split(' ').collect();
        assert_eq!(texts.len(), digests.len(), "{name}");
        let different: Vec<&String> = texts
            .iter()
            .zip(digests)
            .filter(|(text, expected)| digest(&tokenize(text).join(" ")) != *expected)
            .map(|pair| pair.0)
            .collect();
        assert!(different.is_empty(), "{name}: {} of {} captions differ: {different:#?}", different.len(), texts.len());
    }
}

fn flickr() -> Option<serde_json::Map<String, serde_json::Value>> {
    shared("flickr8k-expert.json").map(|text| serde_json::from_str(&text).unwrap())
}

fn entries() -> Option<Vec<Entry>> {
    Some(flickr()?.into_iter().map(|(_, entry)| serde_json::from_value(entry).unwrap()).collect())
}

/// The texts of a development file, in the order of the fixture.
fn texts(name: &str) -> Option<Vec<String>> {
    match name {
        "product-descriptions" => Some(
            shared("product-descriptions.jsonl")?
                .lines()
                .map(|line| {
                    serde_json::from_str::<serde_json::Value>(line).unwrap()["description"].as_str().unwrap().to_owned()
                })
                .collect(),
        ),
        "flickr8k-expert" => {
            let entries = entries()?;
            let references = entries.iter().flat_map(|entry| entry.ground_truth.iter().cloned());
            let candidates =
                entries.iter().flat_map(|entry| entry.human_judgement.iter().map(|judged| judged.caption.clone()));
            let mut seen = std::collections::HashSet::new();
            Some(references.chain(candidates).filter(|text| seen.insert(text.clone())).collect())
        }
        "ud-english-ewt" => {
            let mut texts = Vec::new();
            for part in ["train", "dev", "test"] {
                let text = shared(&format!("ud-english-ewt/en_ewt-ud-{part}.conllu"))?;
                texts.extend(text.lines().filter_map(|line| line.strip_prefix("# text = ")).map(str::to_owned));
            }
            Some(texts)
        }
        _ => panic!("the fixture names a text that this test does not know: {name}"),
    }
}

#[test]
fn flickr8k_expert_scores_as_the_reference_does() {
    let expected = serde_json::from_str::<Shared>(&fixture("shared.json")).unwrap().flickr;
    let Some(entries) = entries() else { return };
    let mut items = Vec::new();
    for entry in &entries {
        let references: Vec<String> = entry.ground_truth.iter().map(|text| tokenize(text).join(" ")).collect();
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        let mut seen = std::collections::HashSet::new();
        let candidates =
            entry.human_judgement.iter().map(|judged| &judged.caption).filter(|caption| seen.insert(*caption));
        items.extend(candidates.map(|caption| TestItem::new(&tokenize(caption).join(" "), &references)));
    }
    assert_eq!(items.len(), expected.items);
    for (names, run) in metrics() {
        let clock = std::time::Instant::now();
        let scored = run(&items);
        eprintln!("{names:?}: {} items in {:?}", items.len(), clock.elapsed());
        for (name, value) in names.iter().zip(&scored.corpus) {
            close(*value, expected.corpus[name], name);
        }
    }
}
