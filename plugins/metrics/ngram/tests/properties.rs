//! What must hold of the n-gram metrics whatever the captions are.

use ngram::{Bleu, Cider, RougeL, Variant};
use plugin_api::__private::abi_stable::std_types::{ROption, RSlice, RStr};
use plugin_api::__private::metric;
use plugin_api::Host;
use plugin_api::abi::{MetricItemRef, ReferenceSetRef, TextRef};
use plugin_api::testing::{Scored, TestItem, score};
use proptest::prelude::*;

fn all(items: &[TestItem]) -> Vec<Scored> {
    vec![
        score(&mut Bleu, items).unwrap(),
        score(&mut RougeL, items).unwrap(),
        score(&mut Cider::new(Variant::D, Host::silent()), items).unwrap(),
        score(&mut Cider::new(Variant::Plain, Host::silent()), items).unwrap(),
    ]
}

fn caption() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec!["a", "red", "dress", "with", "long", "sleeves", "1\u{a0}3/4", "é"]);
    prop::collection::vec(word, 0..90).prop_map(|words| words.join(" "))
}

fn items() -> impl Strategy<Value = Vec<TestItem>> {
    let item = (caption(), prop::collection::vec(caption(), 1..5)).prop_map(|(candidate, references)| {
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        TestItem::new(&candidate, &references)
    });
    prop::collection::vec(item, 1..6)
}

/// The longest common subsequence by the textbook's table.
fn common(a: &[&str], b: &[&str]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if x == y { diagonal + 1 } else { above.max(row[j]) };
            diagonal = above;
        }
    }
    row[b.len()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scores_are_finite_and_in_range(items in items()) {
        for (scored, most) in all(&items).iter().zip([1.0, 1.0, 10.0, 10.0]) {
            let values = scored.items.iter().flat_map(|item| &item.values).chain(&scored.corpus);
            for value in values {
                prop_assert!((0.0..=most + 1e-9).contains(value), "{value}");
            }
        }
    }

    #[test]
    fn the_order_of_items_and_of_references_changes_nothing(items in items()) {
        let mut turned = items.clone();
        turned.reverse();
        turned.iter_mut().for_each(|item| item.references.reverse());
        for (before, after) in all(&items).into_iter().zip(all(&turned)) {
            for (a, b) in before.items.iter().zip(after.items.iter().rev()) {
                for (a, b) in a.values.iter().zip(&b.values) {
                    prop_assert!((a - b).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn rouge_l_of_one_reference_follows_the_textbooks_table(a in caption(), b in caption()) {
        let words = |text: &'static str| text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>();
        let (left, right) = (words(a.clone().leak()), words(b.clone().leak()));
        prop_assume!(!left.is_empty() && !right.is_empty());
        let length = common(&left, &right) as f64;
        let (p, r) = (length / left.len() as f64, length / right.len() as f64);
        let expected = if length == 0.0 { 0.0 } else { (1.0 + 1.44) * p * r / (r + 1.44 * p) };
        let scored = score(&mut RougeL, &[TestItem::new(&a, &[&b])]).unwrap();
        prop_assert!((scored.corpus[0] - expected).abs() < 1e-12);
    }

    #[test]
    fn another_reference_never_lowers_rouge_ls_precision_or_recall(candidate in caption(), first in caption(), second in caption()) {
        let one = score(&mut RougeL, &[TestItem::new(&candidate, &[&first])]).unwrap().corpus[0];
        let two = score(&mut RougeL, &[TestItem::new(&candidate, &[&first, &second])]).unwrap().corpus[0];
        prop_assert!(two >= one - 1e-12, "{two} < {one}");
    }
}

#[test]
fn a_caption_equal_to_its_reference_is_maximal() {
    let items = [
        TestItem::new("a red dress with long sleeves", &["a red dress with long sleeves"]),
        TestItem::new("blue jeans in washed denim", &["blue jeans in washed denim"]),
    ];
    let corpus: Vec<f64> = all(&items).into_iter().flat_map(|scored| scored.corpus).collect();
    let expected = [1.0, 1.0, 1.0, 1.0, 1.0, 10.0, 10.0];
    for (value, expected) in corpus.iter().zip(expected) {
        assert!((value - expected).abs() < 1e-6, "{corpus:?}");
    }
}

#[test]
fn captions_of_a_hundred_kilobytes_are_scored_in_seconds() {
    let long: String = (0..20_000).map(|word| format!("w{} ", word % 700)).collect();
    let clock = std::time::Instant::now();
    let scored = all(&[TestItem::new(&long, &[&long, "a dress"]), TestItem::new("a dress", &[&long])]);
    assert!((scored[1].items[0].values[0] - 1.0).abs() < 1e-12);
    assert!(clock.elapsed().as_secs() < 30, "{:?}", clock.elapsed());
}

#[test]
fn several_threads_that_start_together_get_the_scores_of_one() {
    let text = |item: usize, text: usize| {
        let words: Vec<String> = (0..6 + text).map(|word| format!("w{}", item * word % (50 + text))).collect();
        words.join(" ")
    };
    let texts: Vec<Vec<String>> = (0..400).map(|item| (0..4).map(|number| text(item, number)).collect()).collect();
    let tokens: Vec<Vec<Vec<RStr<'_>>>> = texts
        .iter()
        .map(|item| item.iter().map(|text| text.split(' ').map(RStr::from_str).collect()).collect())
        .collect();
    let texts: Vec<Vec<TextRef<'_>>> = texts
        .iter()
        .zip(&tokens)
        .map(|(item, tokens)| {
            let text = |(raw, tokens)| TextRef { raw: RStr::from_str(raw), tokens: RSlice::from_slice(tokens) };
            item.iter().map(String::as_str).zip(tokens.iter().map(Vec::as_slice)).map(text).collect()
        })
        .collect();
    let items: Vec<MetricItemRef<'_>> = texts
        .iter()
        .map(|item| MetricItemRef {
            candidate: item[0],
            truth: ReferenceSetRef {
                id: RStr::from_str("item"),
                references: RSlice::from_slice(&item[1..]),
                category: ROption::RNone,
            },
        })
        .collect();
    let truths: Vec<ReferenceSetRef<'_>> = items.iter().map(|item| item.truth).collect();
    let makers = [
        || metric(Bleu),
        || metric(RougeL),
        || metric(Cider::new(Variant::D, Host::silent())),
        || metric(Cider::new(Variant::Plain, Host::silent())),
    ];
    for make in makers {
        let values = |metric: &plugin_api::abi::MetricBox| {
            metric.score(RSlice::from_slice(&items)).into_result().unwrap().values.into_vec()
        };
        let made = || {
            let mut made = make();
            made.observe(RSlice::from_slice(&truths)).into_result().unwrap();
            made
        };
        let expected = values(&made());
        assert!(expected.iter().any(|value| *value > 0.0));
        let (shared, barrier) = (made(), std::sync::Barrier::new(4));
        std::thread::scope(|scope| {
            let run = || {
                barrier.wait();
                values(&shared)
            };
            for thread in [(); 4].map(|()| scope.spawn(run)) {
                assert_eq!(thread.join().unwrap(), expected);
            }
        });
    }
}
