//! Gradients of LightGCN and FREEDOM against finite differences of their loss, and that both learn.

use super::*;
use crate::sampler::Triple;
use plugin_api::{Host, Recommender, Settings};

const USERS: usize = 5;
const ITEMS: usize = 6;

fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::keyed(seed, 9, 9);
    (0..count).map(|_| (2.0 * random.unit() - 1.0) as f32).collect()
}

fn config(settings: serde_json::Value) -> RecommenderConfig {
    RecommenderConfig { seed: 3, threads: 2, settings: Settings::new(settings), host: Host::silent() }
}

#[test]
fn gradients_are_the_finite_differences_of_the_loss() {
    let offsets = [0, 2, 4, 6, 8, 9];
    let indices = [0, 1, 1, 2, 3, 4, 0, 5, 3];
    let train = Interactions::new(ITEMS, &offsets, &indices, &[]).unwrap();
    let (values, present) = (noise(ITEMS * 4, 5), [1; ITEMS]);
    let features = [Features { name: "f", width: 4, values: &values, present: &present }];
    for content in [false, true] {
        let settings = serde_json::json!({ "factors": 3, "layers": 2, "l2": 0.2, "neighbours": 2, "item-layers": 2, "feature-weight": 0.7 });
        let options = GraphOptions::read(&config(settings)).unwrap();
        let modalities = if content { &features[..] } else { &[] };
        let graphs = Graphs::build(train, modalities, &options);
        let mut parameters = Parameters::fresh(3, &options, train, modalities);
        parameters.nodes.values = noise((USERS + ITEMS) * 3, 8);
        let triple = |user, positive, negative| Triple { user, positive, negative };
        let batch = Batch::of(vec![triple(0, 1, 2), triple(2, 3, 1), triple(0, 0, 5)]);
        let at = |parameters: &Parameters| {
            gradients(parameters, &batch, &graphs.whole, &graphs.items, modalities, USERS, &options)
        };
        let found = at(&parameters);
        let step = 1.0f32 / 64.0;
        let compare = |analytic: f32, change: &dyn Fn(&mut Parameters, f32)| {
            let loss = |by: f32| {
                let mut moved = parameters.clone();
                change(&mut moved, by);
                at(&moved).loss
            };
            // Fourth order: the loss's products are f32, which a small step would drown.
            let numeric =
                (8.0 * (loss(step) - loss(-step)) - (loss(2.0 * step) - loss(-2.0 * step))) / (12.0 * f64::from(step));
            assert!((numeric - f64::from(analytic)).abs() < 1e-4, "finite difference {numeric}, gradient {analytic}");
        };
        for place in 0..found.nodes.len() {
            compare(found.nodes[place], &|moved, by| moved.nodes.values[place] += by);
        }
        assert_eq!(found.projections.len(), usize::from(content));
        for (number, (weights, bias)) in found.projections.iter().enumerate() {
            for (place, gradient) in weights.iter().enumerate() {
                compare(*gradient, &|moved, by| moved.projections[number].weights.values[place] += by);
            }
            for (place, gradient) in bias.iter().enumerate() {
                compare(*gradient, &|moved, by| moved.projections[number].bias.values[place] += by);
            }
        }
    }
}

#[test]
fn both_learn_who_has_what_and_do_not_depend_on_threads() {
    // Two groups of users with items of their own; every user lacks one of his group's.
    let (mut offsets, mut indices) = (vec![0u64], Vec::new());
    for user in 0..20u32 {
        indices.extend((0..6).filter(|place| *place != user / 2 % 6).map(|place| user % 2 * 6 + place));
        offsets.push(indices.len() as u64);
    }
    let train = Interactions::new(12, &offsets, &indices, &[]).unwrap();
    let values: Vec<f32> = (0..12).flat_map(|item| if item < 6 { [1.0, 0.2] } else { [0.2, 1.0] }).collect();
    let present = [1; 12];
    let features = [Features { name: "f", width: 2, values: &values, present: &present }];
    for content in [false, true] {
        let fit = |threads: usize| {
            let settings = serde_json::json!({ "factors": 8, "epochs": 40, "batch-size": 32, "learning-rate": 0.02, "neighbours": 3 });
            let config = RecommenderConfig { threads, ..config(settings) };
            let mut model = Graph::recommender(content, &config).unwrap();
            assert!(model.fit(train, &features, 100).unwrap().finished);
            let users: Vec<u32> = (0..20).collect();
            model.top(train, &users, 1).unwrap()
        };
        let lists = fit(1);
        assert_eq!(lists, fit(3));
        for (user, list) in lists.iter().enumerate() {
            let missing = (user % 2 * 6 + user / 2 % 6) as u32;
            assert_eq!(list[0].item, missing, "user {user}, features {content}");
        }
    }
}
