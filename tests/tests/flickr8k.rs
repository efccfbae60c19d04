//! The published table on Flickr8k-Expert: how well each metric agrees with expert ratings (Kendall's tau-c). The data is for
//! development only; where it or METEOR's paraphrase table is absent, that part is skipped and says so.

use end_to_end_tests::{Place, Registry, library, repository};
use std::collections::HashMap;

/// Published tau-c × 100 (as in the facts page of the data), each to be met within 0.05.
const PUBLISHED: [(&str, f64); 5] =
    [("bleu-1", 32.3), ("bleu-4", 30.8), ("rouge-l", 32.3), ("cider", 43.9), ("meteor", 41.8)];

#[test]
fn metrics_agree_with_expert_ratings_as_published() {
    let path = repository().join("../shared/data/flickr8k-expert.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not here", path.display());
        return;
    };
    let images: HashMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let mut names: Vec<&String> = images.keys().collect();
    names.sort();
    // Every candidate once, with its three ratings.
    let (mut lines, mut ratings) = (String::new(), Vec::new());
    for name in names {
        let image = &images[name];
        let mut candidates: Vec<(&str, Vec<u8>)> = Vec::new();
        for judgement in image["human_judgement"].as_array().unwrap() {
            let caption = judgement["caption"].as_str().unwrap();
            let rating = judgement["rating"].as_f64().unwrap() as u8;
            match candidates.iter_mut().find(|(known, _)| *known == caption) {
                Some((_, ratings)) => ratings.push(rating),
                None => candidates.push((caption, vec![rating])),
            }
        }
        for (caption, given) in candidates {
            let item =
                serde_json::json!({ "id": ratings.len(), "candidate": caption, "references": image["ground_truth"] });
            lines += &format!("{item}\n");
            ratings.push(given);
        }
    }
    let judgements = ratings.iter().map(Vec::len).sum::<usize>();
    println!("{} candidates, {judgements} ratings", ratings.len());

    let place = Place::with(Registry::usual().plugin("meteor", &library("meteor")).metric("meteor", "meteor", ""));
    for (metric, published) in PUBLISHED {
        let scored = place.host(&["score", "--input", "-", "--json", "--metrics", metric]).input(&lines).run();
        if metric == "meteor" && scored.code == Some(2) && scored.stderr.contains("host assets add meteor") {
            println!("meteor: skipped: its paraphrase table is not installed (host assets add meteor)");
            continue;
        }
        let scored = scored.expect_code(0).json();
        let items = scored["items"].as_array().unwrap();
        let pairs = items.iter().zip(&ratings);
        let pairs: Vec<(f64, u8)> = pairs
            .flat_map(|(item, given)| given.iter().map(|rating| (item[metric].as_f64().unwrap(), *rating)))
            .collect();
        let tau = 100.0 * kendall_tau_c(&pairs);
        println!("{metric}: tau-c × 100 = {tau:.2}, published {published}");
        assert!((tau - published).abs() <= 0.05 + 1e-9, "{metric}: {tau} is not within 0.05 of {published}");
    }
}

/// Stuart's tau-c: 2 (P − Q) / (n² (m − 1) / m), m the smaller number of distinct values (Kendall and Stuart 1973).
fn kendall_tau_c(pairs: &[(f64, u8)]) -> f64 {
    let mut by_rating: HashMap<u8, Vec<f64>> = HashMap::new();
    for (score, rating) in pairs {
        by_rating.entry(*rating).or_default().push(*score);
    }
    let mut groups: Vec<(u8, Vec<f64>)> = by_rating.into_iter().collect();
    groups.sort_by_key(|(rating, _)| *rating);
    for (_, scores) in &mut groups {
        scores.sort_by(f64::total_cmp);
    }
    let mut difference = 0i64;
    for (place, (_, lower)) in groups.iter().enumerate() {
        for (_, higher) in &groups[place + 1..] {
            for score in lower {
                let (below, not_above) =
                    (higher.partition_point(|other| other < score), higher.partition_point(|other| other <= score));
                difference += (higher.len() - not_above) as i64 - below as i64;
            }
        }
    }
    let mut scores: Vec<f64> = pairs.iter().map(|(score, _)| *score).collect();
    scores.sort_by(f64::total_cmp);
    scores.dedup();
    let (n, m) = (pairs.len() as f64, groups.len().min(scores.len()) as f64);
    2.0 * difference as f64 / (n * n * (m - 1.0) / m)
}
