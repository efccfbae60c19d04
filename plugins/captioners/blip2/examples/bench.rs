//! Times BLIP-2 with random weights: `bench CONFIG.json [--batch-size N] [--new-tokens N] [--threads N] [--runs N]`.
//! One JSON object comes out, with the keys that `tests/bench/compare_transformers.py` reads.

use blip2::{Blip2, Blip2Config};
use nn::Placement;
use nn::generation::Settings;
use serde_json::{Value, json};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, usual: usize| -> Result<usize, Box<dyn std::error::Error>> {
        match arguments.iter().position(|argument| argument == name) {
            Some(place) => Ok(arguments.get(place + 1).ok_or("a number is missing")?.parse()?),
            None => Ok(usual),
        }
    };
    let path = arguments
        .first()
        .ok_or("usage: bench CONFIG.json [--batch-size N] [--new-tokens N] [--threads N] [--runs N]")?;
    let (rows, new, runs) = (number("--batch-size", 8)?, number("--new-tokens", 20)?, number("--runs", 3)?);
    nn::limit_threads(number("--threads", 2)?);
    let value: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let config = Blip2Config::from_value(value)?;
    let placement = Placement::auto()?;
    let model = Blip2::random(&config, &placement)?;
    let pixels: Vec<f32> = (0..rows * 3 * config.vision.image_size.pow(2)).map(|i| (i as f32 * 0.37).sin()).collect();
    let text = vec![config.begin_token.unwrap_or(1)];
    let texts = vec![text.as_slice(); rows];
    let seeds = vec![0; rows];
    // No end token: every row gets all its tokens.
    let settings = |tokens: usize| Settings::greedy(tokens, Vec::new());
    let mut best = [f64::INFINITY; 3];
    for _ in 0..=runs {
        let begin = Instant::now();
        model.image_vectors(pixels.clone(), rows).into_data();
        let vision = begin.elapsed().as_secs_f64();
        let begin = Instant::now();
        model.caption(pixels.clone(), &texts, &seeds, &settings(1), &|| false)?;
        let first = begin.elapsed().as_secs_f64();
        let begin = Instant::now();
        model.caption(pixels.clone(), &texts, &seeds, &settings(new), &|| false)?;
        let all = begin.elapsed().as_secs_f64();
        for (best, time) in best.iter_mut().zip([vision, first, all]) {
            *best = best.min(time);
        }
    }
    let [vision, first, all] = best;
    let step = (all - first) / (new.max(2) - 1) as f64;
    println!(
        "{}",
        json!({
            "device": placement.to_string(), "precision": placement.precision(), "batch_size": rows, "new_tokens": new,
            "parameters": Blip2::expected(&config)?.parameters(), "images_per_second": rows as f64 / all,
            "vision_seconds": vision, "first_token_seconds": first, "step_milliseconds": step * 1e3, "total_seconds": all,
        })
    );
    Ok(())
}
