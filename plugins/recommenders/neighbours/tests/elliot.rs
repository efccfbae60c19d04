//! Score matrices against scikit-learn's similarities and Elliot's rules in numpy (`tests/parity/recommend/make.py`), to 1e-9; ranking against the scores.

use neighbours::{Knn, MostPop, Random, Side};
use plugin_api::{Features, Host, Interactions, Recommender, RecommenderConfig, Settings, best_unseen};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The fixture's training part, users and items in natural order.
struct Train {
    items: usize,
    offsets: Vec<u64>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/parity/recommend");
    std::fs::read_to_string(folder.join(name)).expect("the fixture is there")
}

fn train() -> Train {
    let text = fixture("train.tsv");
    let mut rows: BTreeMap<&str, BTreeMap<&str, f32>> = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        rows.entry(fields[0]).or_default().insert(fields[1], fields[2].parse().unwrap());
    }
    let mut items: Vec<&str> = rows.values().flat_map(|row| row.keys().copied()).collect();
    items.sort_unstable();
    items.dedup();
    let mut train = Train { items: items.len(), offsets: vec![0], indices: Vec::new(), values: Vec::new() };
    for row in rows.values() {
        for (item, rating) in row {
            train.indices.push(items.binary_search(item).unwrap() as u32);
            train.values.push(*rating);
        }
        train.offsets.push(train.indices.len() as u64);
    }
    train
}

impl Train {
    fn interactions(&self) -> Interactions<'_> {
        Interactions::new(self.items, &self.offsets, &self.indices, &self.values).unwrap()
    }
}

fn config(parameters: Value, threads: usize) -> RecommenderConfig {
    RecommenderConfig { seed: 5, threads, settings: Settings::new(parameters), host: Host::silent() }
}

fn made(recommender: &str, parameters: &Value, threads: usize) -> Box<dyn Recommender> {
    let config = config(parameters.clone(), threads);
    match recommender {
        "item-knn" => Box::new(Knn::new(Side::Items, &config).unwrap()),
        "user-knn" => Box::new(Knn::new(Side::Users, &config).unwrap()),
        "most-pop" => Box::new(MostPop::default()),
        other => panic!("the fixture has a recommender {other}"),
    }
}

#[test]
fn scores_are_those_of_elliots_definitions_for_every_similarity() {
    let expected: Value = serde_json::from_str(&fixture("expected.json")).unwrap();
    let train = train();
    let users: Vec<u32> =
        expected["scored_users"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as u32).collect();
    let models = expected["models"].as_array().unwrap();
    assert!(models.len() >= 25);
    for model in models {
        let mut recommender = made(model["recommender"].as_str().unwrap(), &model["parameters"], 2);
        assert!(recommender.fit(train.interactions(), &[], 1).unwrap().finished);
        let mut scores = vec![0.0; users.len() * train.items];
        recommender.score(train.interactions(), &users, &mut scores).unwrap();
        let wanted = model["scores"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
        for (place, (score, wanted)) in scores.iter().zip(wanted).enumerate() {
            let difference = (score - wanted.as_f64().unwrap()).abs();
            assert!(difference < 1e-9, "{}: place {place}: {score}, not {wanted}", model["name"]);
        }
        // What is ranked sparsely is what the scores say, unseen items only.
        let lists = recommender.top(train.interactions(), &users, 12).unwrap();
        for ((user, list), row) in users.iter().zip(lists).zip(scores.chunks_exact(train.items)) {
            assert_eq!(list, best_unseen(row, train.interactions().row(*user as usize), 12), "{}", model["name"]);
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let train = train();
    let users: Vec<u32> = (0..40).collect();
    let scores = |threads| {
        let mut recommender = made("item-knn", &serde_json::json!({ "neighbours": 7 }), threads);
        recommender.fit(train.interactions(), &[], 1).unwrap();
        let mut scores = vec![0.0; users.len() * train.items];
        recommender.score(train.interactions(), &users, &mut scores).unwrap();
        scores
    };
    assert_eq!(scores(1), scores(3));
}

#[test]
fn attributes_stand_for_who_has_an_item() {
    // Items 0 and 1 share an attribute, 2 and 3 another; the user has 0.
    let (offsets, indices) = ([0, 1], [0]);
    let train = Interactions::new(4, &offsets, &indices, &[]).unwrap();
    let values = [1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0];
    let features = [Features { name: "attributes", width: 2, values: &values, present: &[1; 4] }];
    let parameters = serde_json::json!({ "neighbours": 2 });
    let mut recommender = Knn::new(Side::Attributes, &config(parameters, 1)).unwrap();
    assert!(recommender.describe().needs_features);
    recommender.fit(train, &features, 1).unwrap();
    let mut scores = [0.0; 4];
    recommender.score(train, &[0], &mut scores).unwrap();
    assert_eq!(scores, [1.0, 1.0, 0.0, 0.0]);
    assert!(recommender.fit(train, &[], 1).is_err());
}

#[test]
fn random_lists_hold_no_item_twice_and_none_that_is_known() {
    let train = train();
    let mut recommender = Random::new(3);
    recommender.fit(train.interactions(), &[], 1).unwrap();
    let users: Vec<u32> = (0..40).collect();
    let lists = recommender.top(train.interactions(), &users, 30).unwrap();
    let mut firsts = std::collections::BTreeSet::new();
    for (user, list) in lists.iter().enumerate() {
        let mut items: Vec<u32> = list.iter().map(|ranked| ranked.item).collect();
        firsts.insert(items[0]);
        items.extend(train.interactions().row(user));
        items.sort_unstable();
        assert_eq!(items, (0..train.items as u32).collect::<Vec<_>>());
    }
    assert!(firsts.len() > 10, "every user has an order of his own");
    let mut scores = vec![0.0; train.items];
    recommender.score(train.interactions(), &[4], &mut scores).unwrap();
    assert_eq!(lists[4], best_unseen(&scores, train.interactions().row(4), 30));
}

#[test]
fn parameters_that_cannot_be_are_told() {
    for (parameters, wrong) in [
        (serde_json::json!({ "neighbours": 0 }), "`neighbours` is 0"),
        (serde_json::json!({ "similarity": "tversky" }), "`standard` has no similarity `tversky`"),
        (serde_json::json!({ "similarity": "cosin" }), "unknown variant `cosin`"),
        (serde_json::json!({ "shrink": -1.0 }), "at least 0"),
        (serde_json::json!({ "k": 3 }), "unknown field `k`"),
    ] {
        let error = Knn::new(Side::Items, &config(parameters, 1)).err().unwrap();
        assert!(error.message.contains(wrong), "{error}");
    }
}
