//! Gradients against finite differences of the loss as its definition has it, computed here in f64; reproducibility; what is learnt.

use super::*;
use crate::random::Random;
use crate::sampler::Triple;
use plugin_api::{Host, Recommender, Settings};

fn config(settings: serde_json::Value, threads: usize) -> RecommenderConfig {
    RecommenderConfig { seed: 7, threads, settings: Settings::new(settings), host: Host::silent() }
}

/// Numbers of −1…1 that look random.
fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::keyed(seed, 9, 9);
    (0..count).map(|_| (2.0 * random.unit() - 1.0) as f32).collect()
}

fn double(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

/// The loss of the module's comment, by its definition.
fn loss(parameters: &Parameters, triples: &[Triple], inputs: &[Input<'_>], l2: f64) -> f64 {
    let times = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let content = |number: usize, item: u32| {
        let (content, (values, width)) = (&parameters.contents[number], &inputs[number]);
        let mut projected = double(&content.bias.values);
        let k = projected.len();
        for (place, value) in values[item as usize * width..][..*width].iter().enumerate() {
            for (sum, weight) in projected.iter_mut().zip(&content.weights.values[place * k..][..k]) {
                *sum += f64::from(*value) * f64::from(*weight);
            }
        }
        let norm = times(&projected, &projected).sqrt();
        projected.iter().map(|value| value / norm).collect::<Vec<f64>>()
    };
    let score = |user: u32, item: u32| {
        let own = times(&double(parameters.users.row(user)), &double(parameters.items.row(item)));
        let contents = 0..parameters.contents.len();
        own + contents
            .map(|number| times(&double(parameters.contents[number].users.row(user)), &content(number, item)))
            .sum::<f64>()
    };
    let mut sum = 0.0;
    for triple in triples {
        let difference = score(triple.user, triple.positive) - score(triple.user, triple.negative);
        sum += (1.0 + (-difference).exp()).ln();
        let mut squares = 0.0;
        for row in [
            parameters.users.row(triple.user),
            parameters.items.row(triple.positive),
            parameters.items.row(triple.negative),
        ] {
            squares += times(&double(row), &double(row));
        }
        for content in &parameters.contents {
            let row = double(content.users.row(triple.user));
            squares += times(&row, &row);
        }
        sum += l2 * 0.5 * squares;
    }
    sum / triples.len() as f64
}

fn check(modalities: &[usize], combine: &str) {
    let (users, items, l2) = (4, 6, 0.3);
    let values: Vec<Vec<f32>> = modalities.iter().zip(0..).map(|(width, seed)| noise(items * width, seed)).collect();
    let present = vec![1; items];
    let features: Vec<Features<'_>> = (values.iter().zip(modalities))
        .map(|(values, width)| Features { name: "f", width: *width, values, present: &present })
        .collect();
    let settings = serde_json::json!({ "factors": 5, "feature-factors": 3, "combine": combine });
    let options = BilinearOptions::read(&config(settings, 2)).unwrap();
    let model = Bilinear { options, seed: 7 };
    let inputs = model.inputs(items, &features);
    let mut parameters = Parameters::fresh(model.seed, &model.options, users, items, &inputs);
    for content in &mut parameters.contents {
        content.bias.values = noise(content.bias.values.len(), 77);
    }
    let triple = |user, positive, negative| Triple { user, positive, negative };
    // Rows that come twice, and an item that is positive once and negative once.
    let triples = vec![triple(0, 1, 2), triple(0, 1, 3), triple(3, 2, 5), triple(1, 4, 1)];
    let batch = Batch::of(triples.clone());
    let found = parameters.gradients(&batch, &inputs, l2 as f32);
    let expected = loss(&parameters, &triples, &inputs, l2);
    assert!((found.loss - expected).abs() < 1e-5, "loss {} and {expected}", found.loss);

    let mut checked = 0;
    let mut compare = |analytic: f32, change: &dyn Fn(&mut Parameters, f32)| {
        // The difference is taken in f64 of a loss in f64; parameters are f32, so the step must be one that f32 resolves.
        let step = 1.0f32 / 1024.0;
        let at = |by: f32| {
            let mut moved = parameters.clone();
            change(&mut moved, by);
            loss(&moved, &triples, &inputs, l2)
        };
        let numeric = (at(step) - at(-step)) / (2.0 * f64::from(step));
        assert!((numeric - f64::from(analytic)).abs() < 2e-5, "finite difference {numeric}, gradient {analytic}");
        checked += 1;
    };
    for (place, row) in batch.users.rows.iter().enumerate() {
        for factor in 0..5 {
            compare(found.users[place * 5 + factor], &|moved, by| moved.users.row_mut(*row)[factor] += by);
        }
    }
    for (place, row) in batch.items.rows.iter().enumerate() {
        for factor in 0..5 {
            compare(found.items[place * 5 + factor], &|moved, by| moved.items.row_mut(*row)[factor] += by);
        }
    }
    for (number, (user_gradients, weights, bias)) in found.contents.iter().enumerate() {
        for (place, row) in batch.users.rows.iter().enumerate() {
            for factor in 0..3 {
                compare(user_gradients[place * 3 + factor], &|moved, by| {
                    moved.contents[number].users.row_mut(*row)[factor] += by;
                });
            }
        }
        for (place, gradient) in weights.iter().enumerate() {
            compare(*gradient, &|moved, by| moved.contents[number].weights.values[place] += by);
        }
        for (place, gradient) in bias.iter().enumerate() {
            compare(*gradient, &|moved, by| moved.contents[number].bias.values[place] += by);
        }
    }
    assert!(checked >= 40);
}

#[test]
fn bprmf_gradients_are_the_finite_differences_of_the_loss() {
    check(&[], "concat");
}

#[test]
fn vbpr_gradients_are_the_finite_differences_of_the_loss() {
    check(&[7], "concat");
}

#[test]
fn gradients_of_several_modalities_beside_each_other_and_apart() {
    check(&[7, 4], "concat");
    check(&[7, 4], "separate");
}

/// Two groups of users, each with items of its own half; the last item of each half is nobody's.
fn world() -> (Vec<u64>, Vec<u32>, Vec<f32>) {
    let (mut offsets, mut indices) = (vec![0], Vec::new());
    for user in 0..40u32 {
        let half = user % 2;
        for place in 0..8u32 {
            if (user / 2 + place) % 3 != 0 {
                indices.push(half * 10 + place);
            }
        }
        offsets.push(indices.len() as u64);
    }
    let features = (0..20).flat_map(|item| if item < 10 { [1.0, 0.1] } else { [0.1, 1.0] }).collect();
    (offsets, indices, features)
}

fn fitted(content: bool, threads: usize, steps: &[usize]) -> (Trained<Bilinear>, Vec<f64>) {
    let (offsets, indices, values) = world();
    let train = Interactions::new(20, &offsets, &indices, &[]).unwrap();
    let present = vec![1; 20];
    let features = [Features { name: "half", width: 2, values: &values, present: &present }];
    let settings = serde_json::json!({ "factors": 8, "feature-factors": 8, "epochs": 60, "batch-size": 64, "learning-rate": 0.02, "l2": 0.1 });
    let mut model = Bilinear::recommender(content, &config(settings, threads)).unwrap();
    for step in steps {
        model.fit(train, &features, *step).unwrap();
    }
    let users: Vec<u32> = (0..40).collect();
    let mut scores = vec![0.0; 40 * 20];
    model.score(train, &users, &mut scores).unwrap();
    (model, scores)
}

#[test]
fn threads_and_steps_change_no_bit() {
    for content in [false, true] {
        let (_, one) = fitted(content, 1, &[60]);
        let (_, three) = fitted(content, 3, &[60]);
        let (_, parts) = fitted(content, 2, &[1, 19, 40]);
        assert!(one == three && one == parts);
    }
}

#[test]
fn vbpr_ranks_items_that_nobody_has_by_their_features() {
    let (_, scores) = fitted(true, 2, &[60]);
    for (user, row) in scores.chunks_exact(20).enumerate() {
        let (own, other) = if user % 2 == 0 { (9, 19) } else { (19, 9) };
        assert!(row[own] > row[other], "user {user}");
    }
}

#[test]
fn what_was_kept_comes_back() {
    let (offsets, indices, values) = world();
    let train = Interactions::new(20, &offsets, &indices, &[]).unwrap();
    let present = vec![1; 20];
    let features = [Features { name: "half", width: 2, values: &values, present: &present }];
    let mut model = Bilinear::recommender(true, &config(serde_json::json!({ "epochs": 20, "factors": 4 }), 1)).unwrap();
    let scores = |model: &Trained<Bilinear>| {
        let mut scores = vec![0.0; 20];
        model.score(train, &[3], &mut scores).unwrap();
        scores
    };
    model.fit(train, &features, 5).unwrap();
    model.keep().unwrap();
    let kept = scores(&model);
    assert!(model.fit(train, &features, 15).unwrap().finished);
    assert_ne!(scores(&model), kept);
    model.restore().unwrap();
    assert_eq!(scores(&model), kept);
}

#[test]
fn unknown_parameters_and_absent_features_are_told() {
    let error = Bilinear::recommender(false, &config(serde_json::json!({ "factor": 3 }), 1)).err().unwrap();
    assert!(error.message.contains("unknown field `factor`"), "{error}");
    let (offsets, indices, _) = world();
    let train = Interactions::new(20, &offsets, &indices, &[]).unwrap();
    let mut model = Bilinear::recommender(true, &config(serde_json::json!({}), 1)).unwrap();
    assert!(model.fit(train, &[], 1).unwrap_err().message.contains("features"));
}
