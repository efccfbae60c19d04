//! Times a captioner and the device's ceilings.

use super::{Family, Model};
use crate::generation::Settings;
use crate::memory;
use crate::{Error, Placement, Result};
use burn::tensor::{Int, Tensor, TensorData};
use plugin_api::{BatchBench, BenchRequest, BenchScores, Host};
use rayon::prelude::*;
use std::time::Instant;

/// Images whose scores are held beside another device's.
const SCORED: usize = 4;

/// Scores of a few made-up images.
///
/// # Errors
/// The model has no positions for the tokens, a score is no finite number, or as [`Model::begin`].
pub fn scores<F: Family>(model: &Model<F>, text: &[u32]) -> Result<BenchScores> {
    let (config, placement) = (model.config(), model.placement());
    let (language, prompt) = model.begin(&made_up(SCORED, config.image_side()), &[text; SCORED])?;
    let new = BenchScores::SAID + 1;
    Settings::greedy(new, Vec::new()).check_room(config.positions(text)?, language.positions())?;
    let (mut state, first) = language.start(prompt, new);
    let mut later = first.clone();
    for step in 0..BenchScores::SAID {
        // Any tokens, other ones for each image.
        let tokens = (0..SCORED).map(|row| ((step * SCORED + row) * 37 % language.vocabulary()) as i32).collect();
        let tokens: Tensor<1, Int> = Tensor::from_data(TensorData::new(tokens, [SCORED]), &placement.device);
        later = language.step(&mut state, tokens);
    }
    let read = |scores: Tensor<2>| {
        let scores: Vec<f32> = scores.into_data().iter::<f32>().collect();
        match scores.iter().filter(|score| !score.is_finite()).count() {
            0 => Ok(scores),
            wrong => Err(Error::Device(format!(
                "{wrong} of {} scores that {placement} computed are no finite numbers",
                scores.len()
            ))),
        }
    };
    Ok(BenchScores { images: SCORED, first: read(first)?, later: read(later)? })
}

/// Pixels `[rows, 3, side, side]` that are the same every time.
fn made_up(rows: usize, side: usize) -> Vec<f32> {
    (0..rows * 3 * side * side).map(|i| (i as f32 * 0.37).sin()).collect()
}

/// Times every batch size that was asked for: a warm-up, then the best of the runs.
///
/// # Errors
/// As [`Model::caption`].
pub fn batches<F: Family>(
    model: &Model<F>,
    text: &[u32],
    request: &BenchRequest,
    host: Host,
) -> Result<Vec<BatchBench>> {
    let mut measured = Vec::with_capacity(request.batch_sizes.len());
    for (place, &rows) in request.batch_sizes.iter().enumerate() {
        let pixels = made_up(rows, model.config().image_side());
        let texts = vec![text; rows];
        // No end token: every row gets all its tokens.
        let seeds = vec![0; rows];
        let say = |tokens| {
            let settings = Settings::greedy(tokens, Vec::new());
            model.caption(&pixels, &texts, &seeds, &settings, &|| false).map(drop)
        };
        let see = || {
            wait(&model.image_vectors(&pixels, rows));
            Ok(())
        };
        let (first_token, all) = (|| say(1), || say(request.new_tokens));
        // One after the other, as in use: captions of different lengths would hold memory of their own side by side.
        let works: [&dyn Fn() -> Result<()>; 3] = [&see, &first_token, &all];
        let mut best = [f64::INFINITY; 3];
        for (part, (work, best)) in works.into_iter().zip(&mut best).enumerate() {
            for run in 0..=request.runs {
                if host.cancelled() {
                    return Err(Error::Cancelled);
                }
                let runs = request.runs + 1;
                host.progress(
                    ((place * works.len() + part) * runs + run) as u64,
                    (request.batch_sizes.len() * works.len() * runs) as u64,
                );
                let time = seconds(work)?;
                // The first run compiles, tunes and warms up.
                if run > 0 || request.runs == 0 {
                    *best = best.min(time);
                }
            }
        }
        let [vision, first, total] = best;
        let steps = request.new_tokens.saturating_sub(1).max(1);
        measured.push(BatchBench {
            batch_size: rows,
            new_tokens: request.new_tokens,
            vision_seconds: vision,
            first_token_seconds: first,
            step_seconds: (total - first).max(0.0) / steps as f64,
            total_seconds: total,
            peak_memory: memory::peak_memory(model.placement()),
        });
    }
    Ok(measured)
}

fn seconds(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let begin = Instant::now();
    work()?;
    Ok(begin.elapsed().as_secs_f64())
}

/// Waits until the device has computed a tensor, by reading one number of it.
pub fn wait<const D: usize>(x: &Tensor<D>) {
    let first: [std::ops::Range<usize>; D] = std::array::from_fn(|_| 0..1);
    // The data are read when they are looked at, not before.
    let _ = x.clone().slice(first).into_data().iter::<f32>().next();
}

/// Bytes a second that the device moves from and to its memory: the best of several passes over more than any cache holds.
pub fn bandwidth(placement: &Placement) -> f64 {
    if placement.is_cpu() {
        let numbers = vec![1.0_f32; 64 << 20];
        return fastest(5, || {
            let sum: f32 = numbers.par_chunks(1 << 16).map(sum).sum();
            std::hint::black_box(sum);
        })
        .recip()
            * (numbers.len() * size_of::<f32>()) as f64;
    }
    const PASSES: usize = 10;
    // Several times what a cache holds, and little beside a model.
    let x: Tensor<2> = Tensor::ones([1 << 12, 1 << 15], (&placement.device, placement.dtype));
    let y = x.clone() * 2.0;
    let bytes = x.shape().num_elements() as f64 * placement.number_bytes() as f64;
    let sum = || {
        #[cfg(feature = "cuda")]
        if let Some(sum) = crate::gpu::biased(&x, None, None, Some(&y)) {
            return sum;
        }
        x.clone() + y.clone()
    };
    wait(&sum());
    let time = fastest(5, || {
        (1..PASSES).for_each(|_| drop(sum()));
        wait(&sum());
    });
    // Two are read and one is written.
    PASSES as f64 * 3.0 * bytes / time
}

/// Several sums side by side: a single one waits for its own additions.
fn sum(numbers: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 64];
    for chunk in numbers.as_chunks::<64>().0 {
        for (sum, number) in sums.iter_mut().zip(chunk) {
            *sum += number;
        }
    }
    sums.iter().sum()
}

/// FLOP a second of a large matrix product in the device's number format, as the models' layers multiply.
pub fn matrix_rate(placement: &Placement) -> f64 {
    let size: usize = if placement.is_cpu() { 1536 } else { 8192 };
    let numbers = |step: f32| -> Tensor<2> {
        let values: Vec<f32> = (0..size * size).map(|i| (i as f32 * step).sin()).collect();
        Tensor::from_data(TensorData::new(values, [size, size]), (&placement.device, placement.dtype))
    };
    let (a, b) = (numbers(0.37), numbers(0.73));
    let product = || {
        #[cfg(feature = "cuda")]
        if let Some(product) = crate::gpu::linear(&a, &b, None, None, None) {
            return product;
        }
        a.clone().matmul(b.clone().transpose())
    };
    wait(&product());
    let time = fastest(5, || wait(&product()));
    2.0 * (size as f64).powi(3) / time
}

fn fastest(times: usize, mut work: impl FnMut()) -> f64 {
    (0..times).fold(f64::INFINITY, |best, _| {
        let begin = Instant::now();
        work();
        best.min(begin.elapsed().as_secs_f64())
    })
}
