//! Times ResNet50 with random weights: `bench_resnet50 [BATCH [THREADS [RUNS]]]`. One JSON object comes out, as `tests/bench/compare_encoders.py`
//! reads it.

use nn::Placement;
use resnet50::{ResNet, ResNetConfig};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|word| word.parse()).collect::<Result<_, _>>()?;
    let [rows, threads, runs] =
        [(0, 8), (1, 2), (2, 3)].map(|(place, usual)| numbers.get(place).copied().unwrap_or(usual));
    nn::limit_threads(threads);
    let placement = Placement::auto()?;
    let model = ResNet::random(&ResNetConfig::torchvision([3, 4, 6, 3]), &placement)?;
    let pixels: Vec<f32> = (0..rows * 3 * 224 * 224).map(|i| (i as f32 * 0.37).sin()).collect();
    let mut best = f64::INFINITY;
    for _ in 0..=runs {
        let begin = Instant::now();
        model.features(pixels.clone(), [rows, 224, 224]).into_data();
        best = best.min(begin.elapsed().as_secs_f64());
    }
    println!("{{\"device\": \"{placement}\", \"batch\": {rows}, \"per_second\": {}}}", rows as f64 / best);
    Ok(())
}
