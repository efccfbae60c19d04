//! Times CLIP's vision tower with random weights: `bench_clip [BATCH [THREADS [RUNS]]]`. One JSON object comes out, as
//! `tests/bench/compare_encoders.py` reads it.

use clip::{Clip, ClipModelConfig};
use nn::Placement;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|word| word.parse()).collect::<Result<_, _>>()?;
    let [rows, threads, runs] =
        [(0, 8), (1, 2), (2, 3)].map(|(place, usual)| numbers.get(place).copied().unwrap_or(usual));
    nn::limit_threads(threads);
    let placement = Placement::auto()?;
    let config = serde_json::json!({"model_type": "clip", "vision_config": {"patch_size": 16}, "text_config": {}});
    let model = Clip::random(&ClipModelConfig::from_value(config)?, &placement)?;
    let pixels: Vec<f32> = (0..rows * 3 * 224 * 224).map(|i| (i as f32 * 0.37).sin()).collect();
    let mut best = f64::INFINITY;
    for _ in 0..=runs {
        let begin = Instant::now();
        model.embed_images(pixels.clone(), rows).into_data();
        best = best.min(begin.elapsed().as_secs_f64());
    }
    println!("{{\"device\": \"{placement}\", \"batch\": {rows}, \"per_second\": {}}}", rows as f64 / best);
    Ok(())
}
