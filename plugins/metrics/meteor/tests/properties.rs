//! What must hold of METEOR whatever the captions: ranges, maxima, order, and hostile text. Runs without the paraphrase table.

use meteor::Meteor;
use plugin_api::testing::{Scored, TestItem, score};
use plugin_api::{Host, Metric, MetricConfig, Settings};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn metric(settings: Value) -> Result<Meteor, String> {
    let config = MetricConfig { dataset: None, assets: None, settings: Settings::new(settings), host: Host::silent() };
    Meteor::create(&config).map_err(|error| error.to_string())
}

fn scored(items: &[TestItem]) -> Scored {
    score(&mut metric(json!({ "paraphrase": false })).unwrap(), items).unwrap()
}

fn score_of(caption: &str, references: &[&str]) -> f64 {
    scored(&[TestItem::new(caption, references)]).items[0].values[0]
}

/// Captions over few words, so that words repeat and compete.
fn caption() -> impl Strategy<Value = String> {
    let words =
        ["the", "a", "dog", "dogs", "puppy", "runs", "running", "ran", "t-shirt", "u.s.", "'s", "big", "large", "leaf"];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..12).prop_map(|words| words.join(" "))
}

fn item() -> impl Strategy<Value = TestItem> {
    (caption(), prop::collection::vec(caption(), 1..4)).prop_map(|(candidate, references)| TestItem {
        candidate,
        references,
        ..TestItem::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn scores_are_between_0_and_1(items in prop::collection::vec(item(), 1..6)) {
        let scored = scored(&items);
        for value in scored.items.iter().flat_map(|item| &item.values).chain(&scored.corpus) {
            prop_assert!((0.0..=1.0).contains(value), "{value}");
        }
    }

    #[test]
    fn the_order_of_items_changes_nothing(items in prop::collection::vec(item(), 1..6)) {
        let forward = scored(&items);
        let mut backward = scored(&items.iter().rev().cloned().collect::<Vec<_>>());
        backward.items.reverse();
        prop_assert_eq!(forward, backward);
    }

    #[test]
    fn a_caption_equal_to_its_reference_is_maximal(caption in caption(), other in caption()) {
        prop_assume!(!caption.is_empty());
        prop_assert_eq!(score_of(&caption, &[&other, &caption]), 1.0);
    }

    #[test]
    fn adding_a_reference_never_lowers_the_score(item in item(), another in caption()) {
        let mut more = item.clone();
        more.references.push(another);
        let scored = scored(&[item, more]);
        prop_assert!(scored.items[1].values[0] >= scored.items[0].values[0]);
    }

    #[test]
    fn any_text_at_all_is_scored(candidate in "\\PC{0,40}", reference in any::<String>()) {
        let value = score_of(&candidate, &[&reference]);
        prop_assert!((0.0..=1.0).contains(&value), "{value}");
    }
}

#[test]
fn empty_captions_and_references_score_0() {
    assert_eq!(score_of("", &["a dog"]), 0.0);
    assert_eq!(score_of("a dog", &[""]), 0.0);
    assert_eq!(score_of("", &[""]), 0.0);
    assert_eq!(scored(&[TestItem::new("", &[""])]).corpus, [0.0]);
    assert_eq!(metric(json!({ "paraphrase": false })).unwrap().corpus(&[]), [0.0]);
}

#[test]
fn control_characters_and_odd_white_space_split_words_or_are_words() {
    assert_eq!(score_of("a\tred\r\ndog\u{a0}runs", &["a red dog runs"]), 1.0);
    assert!(score_of("a red\0dog runs", &["a red dog runs"]) < 1.0);
}

#[test]
fn a_caption_of_100_kilobytes_is_scored_in_seconds() {
    let start = Instant::now();
    let varied: String = (0..20_000).map(|number| format!("w{} ", number % 7000)).collect();
    let repeated = "the dog ".repeat(12_500);
    assert!(score_of(&varied, &["the dog runs", "w1 w2 w3"]) > 0.0);
    assert!(score_of(&repeated, &["the dog and the other dog run after the third dog"]) > 0.0);
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn texts_that_repeat_a_word_thousands_of_times_on_both_sides_are_refused_by_id() {
    let long = "the ".repeat(5000);
    let mut item = TestItem::new(&long, &[&long]);
    item.id = "0108775015".to_owned();
    let error = score(&mut metric(json!({ "paraphrase": false })).unwrap(), &[item]).unwrap_err();
    assert!(
        error.message.starts_with("item `0108775015`: the caption and a reference have more than 4000000"),
        "{error}"
    );
}

#[test]
fn ten_thousand_identical_captions_score_as_one_does() {
    let one = TestItem::new("a red dog runs", &["the dog is running", "a dog ran"]);
    let all = scored(&vec![one.clone(); 10_000]);
    let alone = scored(&[one]);
    assert!(all.items.iter().all(|item| *item == alone.items[0]));
    assert!((all.corpus[0] - alone.corpus[0]).abs() < 1e-12);
}

#[test]
fn without_the_paraphrase_table_the_metric_is_refused_with_the_way_to_get_it() {
    let error = metric(json!({})).err().unwrap();
    assert!(error.contains("host assets add meteor") && error.contains("paraphrase = false"), "{error}");
}

#[test]
fn every_variant_goes_by_its_own_name() {
    let name = |settings| metric(settings).unwrap().values()[0].name.clone();
    assert_eq!(name(json!({ "paraphrase": false })), "meteor-no-paraphrase");
    assert_eq!(name(json!({ "paraphrase": false, "exact-reference": false })), "meteor-published-no-paraphrase");
}

#[test]
fn an_unknown_option_is_an_error_that_names_it() {
    let error = metric(json!({ "paraphrases": false })).err().unwrap();
    assert!(error.contains("paraphrases"), "{error}");
}

#[test]
fn as_published_a_single_synonym_beside_a_stem_match_counts() {
    // `shirts` and `shirt` share a stem and a synset: two matches that compete, which the reference weighs at nothing.
    let published =
        |settings| score(&mut metric(settings).unwrap(), &[TestItem::new("shirts x", &["shirt y"])]).unwrap();
    assert_eq!(published(json!({ "paraphrase": false })).items[0].values[0], 0.0);
    assert!(published(json!({ "paraphrase": false, "exact-reference": false })).items[0].values[0] > 0.0);
}
