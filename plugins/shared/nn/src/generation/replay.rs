//! Greedy decoding on a GPU: the device alone goes from token to token, each step a replay of the first ones as one graph. The host looks
//! at what was said now and then.

use super::{Generated, Limits, Settings};
use crate::language::{LanguageModel, State};
use crate::{Error, Result, Tensor};
use burn::tensor::{Device, Graph, Int, capture};

/// Steps between two looks.
const WINDOW: usize = 8;
/// Fewer steps are not worth a graph, whose recording is a step and whose warm-up is three.
const WORTH_A_GRAPH: usize = 6;
/// Rows that have ended ride along until so many steps are left at most: going on without them takes a new graph.
const WORTH_A_NEW_GRAPH: usize = 16;

/// Goes on from the scores of the first new token.
///
/// # Errors
/// The user asked to stop.
pub fn search(
    model: &dyn LanguageModel,
    mut state: State,
    scores: Tensor<2>,
    settings: &Settings,
    limits: Limits,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Generated>> {
    let mut results = vec![Generated { ids: Vec::new(), ended: false }; state.rows()];
    // Where each row in work stands in the results.
    let mut rows: Vec<usize> = (0..state.rows()).collect();
    let mut tokens: Tensor<1, Int> = scores.argmax(1).squeeze_dim(1);
    let first: Vec<i64> = tokens.clone().into_data().iter::<i64>().collect();
    take(&first, &rows, &mut results, settings);
    if results.iter().all(|result| result.ended) {
        return Ok(results);
    }
    let mut made = 1;
    let begin = state.length();
    while made < limits.most && !rows.is_empty() {
        let steps = limits.most - made;
        let pace = state.pace_from(begin + made - 1, &tokens, steps);
        let step = || {
            let scores = model.step(&mut state, pace.tokens());
            pace.advance(&scores.argmax(1).squeeze_dim(1));
        };
        let mut walk = Walk::new(step, steps, &tokens.device());
        // Recording took some; how many, the device knows.
        let (mut seen, mut taken) = (0, pace.taken());
        let alive: Vec<usize> = loop {
            let said = pace.said(taken);
            take(&said[seen * rows.len()..], &rows, &mut results, settings);
            seen = taken;
            let alive: Vec<usize> = (0..rows.len()).filter(|&row| !results[rows[row]].ended).collect();
            let left = steps - taken;
            let few = alive.len() * 2 <= rows.len() && left >= WORTH_A_NEW_GRAPH;
            if left == 0 || alive.is_empty() || few {
                break alive;
            }
            if cancelled() {
                return Err(Error::Cancelled);
            }
            let window = WINDOW.min(left);
            walk.go(window);
            taken += window;
        };
        drop(walk);
        made += seen;
        if made < limits.most && !alive.is_empty() {
            state.select_rows(&alive);
            tokens = pace.tokens().select(0, super::single::index(&alive, &tokens.device()));
        }
        rows = alive.into_iter().map(|row| rows[row]).collect();
    }
    Ok(results)
}

/// The same step again and again.
enum Walk<F: FnMut()> {
    Replayed(Graph<(), F>),
    Run(F),
}

impl<F: FnMut()> Walk<F> {
    /// For about so many steps. Recording takes some of them.
    fn new(step: F, steps: usize, device: &Device) -> Walk<F> {
        if steps >= WORTH_A_GRAPH { Walk::Replayed(capture(device, step)) } else { Walk::Run(step) }
    }

    fn go(&mut self, steps: usize) {
        for _ in 0..steps {
            match self {
                // SAFETY: a step reads and writes the caches, the pace and the weights, which live as long as the closure inside the graph,
                // and what it allocates, which the graph keeps. One thread issues all of it, and reads it, in this order.
                Walk::Replayed(graph) => unsafe {
                    graph.replay();
                },
                Walk::Run(step) => step(),
            }
        }
    }
}

/// Adds the tokens that some steps said, step after step, to the rows that have not ended.
fn take(said: &[i64], rows: &[usize], results: &mut [Generated], settings: &Settings) {
    for step in said.chunks(rows.len().max(1)) {
        for (&row, &token) in rows.iter().zip(step) {
            let result = &mut results[row];
            if !result.ended {
                let token = token as u32;
                result.ids.push(token);
                result.ended = settings.end_tokens.contains(&token);
            }
        }
    }
}
