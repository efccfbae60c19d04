//! Times all-mpnet-base-v2's shape with random weights on texts of 32 tokens: `bench_sentence_bert [BATCH [THREADS [RUNS]]]`. One JSON object comes out,
//! as `tests/bench/compare_encoders.py` reads it.

use nn::Placement;
use sentence_bert::{Mpnet, MpnetConfig, Pooling};
use std::time::Instant;

const TOKENS: usize = 32;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|word| word.parse()).collect::<Result<_, _>>()?;
    let [rows, threads, runs] =
        [(0, 8), (1, 2), (2, 3)].map(|(place, usual)| numbers.get(place).copied().unwrap_or(usual));
    nn::limit_threads(threads);
    let placement = Placement::auto()?;
    let model = Mpnet::random(&MpnetConfig { max_position_embeddings: 514, ..MpnetConfig::default() }, &placement)?;
    let texts: Vec<Vec<u32>> =
        (0..rows).map(|row| (0..TOKENS).map(|token| (row * 31 + token * 7) as u32 % 30_000).collect()).collect();
    let mut best = f64::INFINITY;
    for _ in 0..=runs {
        let begin = Instant::now();
        model.embed(&texts, Pooling::Mean, true).into_data();
        best = best.min(begin.elapsed().as_secs_f64());
    }
    println!("{{\"device\": \"{placement}\", \"batch\": {rows}, \"per_second\": {}}}", rows as f64 / best);
    Ok(())
}
