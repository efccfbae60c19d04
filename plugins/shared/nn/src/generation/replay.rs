//! Greedy decoding on a GPU: the device alone goes from token to token, and each step is a replay of the first ones as one graph. The
//! graph is kept: a batch of the same shape takes the place of the one before in its buffers. Rows that have ended ride along, since a
//! step costs what reading the weights costs.

use super::single::check_chosen;
use super::{Generated, Limits, Settings};
use crate::gpu::{self, Pace};
use crate::language::{LanguageModel, Prompt, State};
use crate::layers::KvCache;
use crate::{Error, Result, Tensor};
use burn::tensor::{Graph, Int, capture};
use std::sync::Arc;

/// Steps before the host looks whether all rows have ended.
const WINDOW: usize = 8;
/// Fewer steps are not worth a graph: recording takes some.
const WORTH_A_GRAPH: usize = 6;

type Step = Box<dyn FnMut() + Send>;

/// A recorded step with the buffers that it reads and writes.
pub struct Kept {
    shape: Shape,
    graph: Graph<(), Step>,
    pace: Arc<Pace>,
    caches: Vec<KvCache>,
    crossed: Vec<(Tensor<4>, Tensor<4>)>,
}

/// What must be the same for a graph to serve again.
#[derive(Clone, Copy, PartialEq)]
pub struct Shape {
    rows: usize,
    length: usize,
    most: usize,
}

/// The prompt with the buffers of the batch before, if the kept graph can serve it; else the graph is dropped, and with it its buffers. Only batches
/// that take the `plain` way, the likeliest token each time, are served.
pub fn seated(prompt: Prompt, limits: Limits, plain: bool, kept: &mut Option<Kept>) -> (Prompt, Shape) {
    let [rows, length, _] = prompt.embeddings.dims();
    let shape = Shape { rows, length, most: limits.most };
    let prompt = match kept {
        _ if !plain => prompt,
        // So few tokens take no graph, and leave the kept one to batches of more.
        Some(Kept { shape: Shape { rows, length, .. }, .. })
            if shape.most <= WORTH_A_GRAPH && (shape.rows, shape.length) == (*rows, *length) =>
        {
            prompt
        }
        Some(kept) if kept.shape == shape => {
            let room = kept.caches.iter().map(KvCache::emptied).collect();
            prompt.within(room)
        }
        _ => {
            let keeps = shape.most > WORTH_A_GRAPH;
            if kept.take().is_some() || keeps {
                // Recorded memory serves no other recording, and what is recorded next uses none of what others have left.
                prompt.embeddings.device().memory_cleanup();
            }
            prompt.keeping(keeps)
        }
    };
    (prompt, shape)
}

/// Goes on from a prompt that was [`seated`], read, and of which these are the scores of the first new token.
///
/// # Errors
/// The scores of the first new token are no numbers, or the user asked to stop.
pub fn search(
    model: &Arc<dyn LanguageModel>,
    kept: &mut Option<Kept>,
    shape: Shape,
    state: State,
    scores: Tensor<2>,
    settings: &Settings,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Generated>> {
    let rows = shape.rows;
    let mut results = vec![Generated { ids: Vec::new(), ended: false }; rows];
    let tokens = likeliest(scores.clone());
    check_chosen(scores, &tokens)?;
    let first: Vec<i64> = tokens.clone().into_data().iter::<i64>().collect();
    let steps = shape.most - 1;
    let go_on = |results: &mut [Generated], said: &[i64]| {
        take(said, results, settings);
        results.iter().any(|result| !result.ended)
    };
    if !go_on(&mut results, &first) || steps == 0 {
        return Ok(results);
    }
    if steps < WORTH_A_GRAPH {
        let (mut step, pace, _) = step_of(model, state, &tokens, steps);
        for _ in 0..steps {
            step();
        }
        take(&pace.said(steps), &mut results, settings);
        return Ok(results);
    }
    let mut taken = 0;
    let kept = match kept {
        Some(kept) => {
            state.take_the_place(&kept.crossed, &kept.pace, &tokens);
            kept
        }
        None => {
            let (caches, device) = (state.caches().to_vec(), tokens.device());
            let (step, pace, crossed) = step_of(model, state, &tokens, steps);
            let graph = capture(&device, step);
            // Recording took some; how many, the device knows.
            taken = pace.taken();
            kept.insert(Kept { shape, graph, pace, caches, crossed })
        }
    };
    let mut seen = 0;
    loop {
        if taken > seen {
            let said = kept.pace.said(taken);
            if !go_on(&mut results, &said[seen * rows..]) || taken == steps {
                return Ok(results);
            }
            seen = taken;
        }
        if cancelled() {
            return Err(Error::Cancelled);
        }
        let window = WINDOW.min(steps - taken);
        for _ in 0..window {
            // SAFETY: a step reads and writes the caches, the pace and the weights, which live as long as the closure inside the graph,
            // and what it allocates, which the graph keeps. One stream takes all of it in the order in which it is issued, and this
            // function holds the graph for itself.
            unsafe {
                kept.graph.replay();
            }
        }
        taken += window;
    }
}

/// A step of this batch for itself, where it stands, and what an encoder read.
fn step_of(
    model: &Arc<dyn LanguageModel>,
    mut state: State,
    tokens: &Tensor<1, Int>,
    steps: usize,
) -> (Step, Arc<Pace>, Vec<(Tensor<4>, Tensor<4>)>) {
    let pace = state.pace_from(tokens, steps);
    let crossed = state.crossed().to_vec();
    let (model, place) = (Arc::clone(model), Arc::clone(&pace));
    let step = move || {
        let scores = model.step(&mut state, place.tokens());
        place.advance(&likeliest(scores));
    };
    (Box::new(step), pace, crossed)
}

/// The token with the greatest score of each row.
fn likeliest(scores: Tensor<2>) -> Tensor<1, Int> {
    gpu::argmax(&scores).unwrap_or_else(|| scores.argmax(1).squeeze_dim(1))
}

/// Adds the tokens that some steps said, step after step, to the rows that have not ended.
fn take(said: &[i64], results: &mut [Generated], settings: &Settings) {
    for step in said.chunks(results.len().max(1)) {
        for (result, &token) in results.iter_mut().zip(step) {
            if !result.ended {
                let token = token as u32;
                result.ids.push(token);
                result.ended = settings.end_tokens.contains(&token);
            }
        }
    }
}
