//! Agreement with experts on Flickr8k-Expert: Stuart's τ-c, as the literature reports it.

use serde::Deserialize;
use spice::{SceneGraph, compare, parse};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

#[derive(Deserialize)]
struct Image {
    ground_truth: Vec<String>,
    human_judgement: Vec<Judgement>,
}

#[derive(Deserialize)]
struct Judgement {
    caption: String,
    rating: f64,
}

/// τ-c = 2 (concordant − discordant) / (n² (m − 1) / m), with m the lesser number of distinct values.
fn tau_c(pairs: &[(f64, f64)]) -> f64 {
    let distinct = |values: Vec<f64>| {
        let mut values = values;
        values.sort_by(f64::total_cmp);
        values.dedup();
        values.len()
    };
    let m =
        distinct(pairs.iter().map(|pair| pair.0).collect()).min(distinct(pairs.iter().map(|pair| pair.1).collect()));
    let mut balance = 0i64;
    for (at, a) in pairs.iter().enumerate() {
        for b in &pairs[at + 1..] {
            let sign = (a.0 - b.0) * (a.1 - b.1);
            balance += i64::from(sign > 0.0) - i64::from(sign < 0.0);
        }
    }
    let (n, m) = (pairs.len() as f64, m as f64);
    2.0 * balance as f64 / (n * n * (m - 1.0) / m)
}

#[test]
fn agreement_with_experts_is_at_least_that_of_the_java_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/flickr8k-expert.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: ../shared/data/flickr8k-expert.json is not here");
        return;
    };
    let images: BTreeMap<String, Image> = serde_json::from_str(&text).unwrap();
    let mut graphs: HashMap<String, SceneGraph> = HashMap::new();
    let mut pairs = Vec::new();
    for image in images.values() {
        let mut graph = |caption: &String| graphs.entry(caption.clone()).or_insert_with(|| parse(caption)).clone();
        let references: Vec<SceneGraph> = image.ground_truth.iter().map(&mut graph).collect();
        let mut scores: HashMap<&str, f64> = HashMap::new();
        for judgement in &image.human_judgement {
            let score = *scores
                .entry(&judgement.caption)
                .or_insert_with(|| compare(&graph(&judgement.caption), &references).score());
            pairs.push((score, judgement.rating));
        }
    }
    let tau = 100.0 * tau_c(&pairs);
    println!("τ-c × 100 = {tau:.2} over {} ratings", pairs.len());
    // Published for the Java program: 44.9.
    assert!(tau >= 44.9, "{tau}");
}
