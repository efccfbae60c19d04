//! Times training of BLIP-2 with random weights: `train_bench CONFIG.json [--micro-batch N] [--tokens N] [--threads N] [--steps N] [--rank N]
//! [--all-linear] [--checkpointing]`. One JSON object comes out, with the keys that `tests/bench/compare_peft.py` reads.

use blip2::{Blip2, Blip2Config};
use nn::training::{Batch, Labels, Learner, Session, Tape, Var};
use plugin_api::{AdamW, Adaptation, LoraTarget};
use serde_json::{Value, json};
use std::time::Instant;

struct Model {
    blip2: Blip2,
    text: Vec<u32>,
}

impl Learner for Model {
    fn scores<'m>(&'m self, tape: &mut Tape<'m>, batch: &Batch) -> nn::Result<Var> {
        self.blip2.learn(tape, batch.pixels.clone(), &self.text, &batch.labels)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let number = |name: &str, usual: usize| -> Result<usize, Box<dyn std::error::Error>> {
        match arguments.iter().position(|argument| argument == name) {
            Some(place) => Ok(arguments.get(place + 1).ok_or("a number is missing")?.parse()?),
            None => Ok(usual),
        }
    };
    let path =
        arguments.first().ok_or("usage: train_bench CONFIG.json [--micro-batch N] [--tokens N] [--steps N] …")?;
    let (rows, tokens, steps) = (number("--micro-batch", 4)?, number("--tokens", 20)?, number("--steps", 4)?);
    let rank = number("--rank", 32)?;
    nn::limit_threads(number("--threads", 2)?);
    let value: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    let config = Blip2Config::from_value(value)?;
    let placement = nn::plugin::placement(plugin_api::Device::Auto)?;
    let blip2 = Blip2::random(&config, &placement)?;
    let session = Session::new(blip2.layers(), str::to_string, &placement);
    let model = Model { blip2, text: vec![config.begin_token.unwrap_or(1)] };
    let is_target = |path: &str, role: &str| match has("--all-linear") {
        true => role != "head",
        false => ["q", "v", "q_proj", "v_proj"].contains(&path.rsplit('.').next().unwrap_or_default()),
    };
    let layers = session.layers().into_iter().filter(|layer| is_target(&layer.path, &layer.role));
    let scaling = 2.0 * (rank as f64).sqrt();
    let targets = layers
        .map(|layer| LoraTarget { path: layer.path, rank, alpha: 2.0 * rank as f64, scaling, dropout: 0.05 })
        .collect();
    let trained = session.adapt(&Adaptation {
        targets,
        seed: 0,
        optimizer: AdamW { max_grad_norm: Some(1.0), ..AdamW::default() },
        gradient_checkpointing: has("--checkpointing"),
        base: None,
    })?;
    let loaded = peak_memory();
    let side = config.vision.image_size;
    let mut seconds = Vec::new();
    let mut losses = Vec::new();
    for step in 0..=steps {
        let pixels = (0..rows * 3 * side * side).map(|i| ((i + step) as f32 * 0.37).sin()).collect();
        let row = |row: usize| (0..tokens).map(|place| ((row * 31 + place * 7) % 90 + 5) as u32).collect();
        let batch = Batch { pixels, seeds: vec![0; rows], labels: Labels::new((0..rows).map(row).collect()) };
        let begin = Instant::now();
        let loss = session.accumulate(&model, &batch, 1.0 / (rows * tokens) as f64)?;
        session.step(1e-4)?;
        losses.push(loss.sum / loss.tokens as f64);
        seconds.push(begin.elapsed().as_secs_f64());
    }
    // The first step warms up.
    let best = seconds[1..].iter().copied().fold(f64::INFINITY, f64::min);
    println!(
        "{}",
        json!({
            "device": placement.to_string(), "trained": trained, "step_seconds": best, "images_per_second": rows as f64 / best,
            "losses": losses, "loaded_kib": loaded, "peak_kib": peak_memory(),
        })
    );
    Ok(())
}

/// Peak resident memory of this process so far, in KiB; 0 where the system does not say.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
