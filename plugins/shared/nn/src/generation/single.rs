//! One continuation a row: the likeliest token each time, or a drawn one.

use super::replay::Kept;
use super::{Generated, Limits, Request, Settings, scores};
use crate::language::LanguageModel;
use crate::random::Random;
use crate::{Error, Result};
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::sync::Arc;

struct Row {
    /// Where the row stands in the request.
    item: usize,
    said: Vec<u32>,
    random: Random,
}

pub fn search(
    model: &Arc<dyn LanguageModel>,
    kept: &mut Option<Kept>,
    request: Request,
    settings: &Settings,
    limits: Limits,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Generated>> {
    let plain = settings.is_plain_greedy(limits);
    #[cfg(feature = "cuda")]
    let (request, shape) = {
        let (prompt, shape) = super::replay::seated(request.prompt, limits, plain, kept);
        (Request { prompt, ..request }, shape)
    };
    let mut rows: Vec<Row> = request
        .said
        .into_iter()
        .zip(request.seeds)
        .enumerate()
        .map(|(item, (said, seed))| Row { item, said, random: Random::new(seed) })
        .collect();
    let mut results = vec![Generated { ids: Vec::new(), ended: false }; rows.len()];
    let device = request.prompt.embeddings.device();
    let (mut state, mut scores) = model.start(request.prompt, limits.most);
    #[cfg(feature = "cuda")]
    if plain && state.fits_gpu() {
        return super::replay::search(model, kept, shape, state, scores, settings, cancelled);
    }
    let _ = kept;
    for made in 1..=limits.most {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        let mut tokens = if plain {
            let tokens = scores.clone().argmax(1).squeeze_dim(1);
            check_chosen(scores, &tokens)?;
            tokens
        } else {
            chosen_on_host(scores, &mut rows, made - 1, settings, limits, &device)?
        };
        let finished = take(&tokens, &mut rows, &mut results, settings);
        if made == limits.most || finished.iter().all(|&finished| finished) {
            break;
        }
        if finished.contains(&true) {
            let alive: Vec<usize> = (0..rows.len()).filter(|&row| !finished[row]).collect();
            state.select_rows(&alive);
            tokens = tokens.select(0, index(&alive, &device));
            let mut finished = finished.into_iter();
            rows.retain(|_| !finished.next().unwrap_or(false));
        }
        scores = model.step(&mut state, tokens);
    }
    Ok(results)
}

/// Reads the chosen tokens and hands them to the results. True for every row that has ended.
fn take(tokens: &Tensor<1, Int>, rows: &mut [Row], results: &mut [Generated], settings: &Settings) -> Vec<bool> {
    let tokens: Vec<i64> = tokens.clone().into_data().iter::<i64>().collect();
    let each = rows.iter_mut().zip(tokens).map(|(row, token)| {
        let (token, result) = (token as u32, &mut results[row.item]);
        result.ids.push(token);
        result.ended = settings.end_tokens.contains(&token);
        row.said.push(token);
        result.ended
    });
    each.collect()
}

fn chosen_on_host(
    all: Tensor<2>,
    rows: &mut [Row],
    new: usize,
    settings: &Settings,
    limits: Limits,
    device: &Device,
) -> Result<Tensor<1, Int>> {
    let [_, vocabulary] = all.dims();
    let mut all: Vec<f32> = all.into_data().iter::<f32>().collect();
    let (tokens, chosen): (Vec<i32>, Vec<f32>) = rows
        .iter_mut()
        .zip(all.chunks_mut(vocabulary))
        .map(|(row, row_scores)| {
            scores::penalise(row_scores, &row.said, new, settings, limits);
            let token = if settings.do_sample {
                scores::draw(row_scores, settings, &mut row.random)
            } else {
                scores::best(row_scores)
            };
            (token as i32, row_scores[token as usize])
        })
        .unzip();
    scores::check(chosen)?;
    let count = tokens.len();
    Ok(Tensor::from_data(TensorData::new(tokens, [count]), device))
}

/// # Errors
/// As [`scores::check`], of the tokens that were chosen from scores `[rows, vocabulary]`.
pub(super) fn check_chosen(all: Tensor<2>, tokens: &Tensor<1, Int>) -> Result<()> {
    scores::check(all.gather(1, tokens.clone().unsqueeze_dim(1)).into_data().iter::<f32>())
}

pub(super) fn index(numbers: &[usize], device: &Device) -> Tensor<1, Int> {
    let numbers: Vec<i32> = numbers.iter().map(|&number| number as i32).collect();
    let count = numbers.len();
    Tensor::from_data(TensorData::new(numbers, [count]), device)
}
