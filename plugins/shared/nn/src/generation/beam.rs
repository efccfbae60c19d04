//! Beam search: several continuations a row in work, the best finished one wins.
//!
//! The rules are those of transformers 5 (two candidates a beam and end token are looked at, a finished one counts only among
//! the first `num_beams`), with sums in f32 as there, so that the same scores give the same beams.

use super::single::index;
use super::{EarlyStopping, Generated, Limits, Request, Settings, scores};
use crate::language::LanguageModel;
use crate::{Error, Result};
use burn::tensor::Tensor;
use rayon::prelude::*;

/// Of a beam that does not exist.
const NEVER: f32 = -1.0e9;

/// One row of the request.
struct Item {
    /// Where it stands in the request.
    number: usize,
    /// The prompt's tokens, then those of each beam, count as said.
    said: Vec<u32>,
    running: Vec<Beam>,
    finished: Vec<Finished>,
    improvable: bool,
}

#[derive(Clone)]
struct Beam {
    ids: Vec<u32>,
    /// Sum of the logarithms of the probabilities.
    score: f32,
    /// The beam of the step before that it continues.
    parent: usize,
}

#[derive(Clone)]
struct Finished {
    ids: Vec<u32>,
    /// With the length penalty.
    score: f32,
    ended: bool,
}

struct Candidate {
    score: f32,
    beam: usize,
    token: u32,
}

pub fn search(
    model: &dyn LanguageModel,
    request: Request,
    settings: &Settings,
    limits: Limits,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Generated>> {
    let device = request.prompt.embeddings.device();
    let mut items: Vec<Item> = request
        .said
        .into_iter()
        .enumerate()
        .map(|(number, said)| Item {
            number,
            said,
            // One beam to begin with: all would say the same.
            running: vec![Beam { ids: Vec::new(), score: 0.0, parent: 0 }],
            finished: Vec::new(),
            improvable: true,
        })
        .collect();
    let mut results = vec![Generated { ids: Vec::new(), ended: false }; items.len()];
    let (mut state, mut all) = model.start(request.prompt, limits.most);
    for made in 1..=limits.most {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        // Where each item's beams begin among the rows of the device.
        let mut begins = Vec::with_capacity(items.len());
        let mut rows = 0;
        for item in &items {
            begins.push(rows);
            rows += item.running.len();
        }
        let candidates = candidates(all, &items, &begins, made - 1, settings, limits);
        scores::check(candidates.iter().flatten().map(|candidate| candidate.score))?;
        let mut parents = Vec::new();
        let mut still = Vec::with_capacity(items.len());
        for ((mut item, candidates), begin) in items.into_iter().zip(candidates).zip(begins) {
            item.advance(&candidates, made, settings, limits);
            if item.is_done(made, settings, limits) {
                let best = item.finished.into_iter().next();
                results[item.number] = match best {
                    Some(best) => Generated { ids: best.ids, ended: best.ended },
                    None => Generated { ids: item.running.swap_remove(0).ids, ended: false },
                };
            } else {
                parents.extend(item.running.iter().map(|beam| begin + beam.parent));
                still.push(item);
            }
        }
        items = still;
        if items.is_empty() {
            break;
        }
        state.select_rows(&parents);
        let tokens: Vec<usize> = items
            .iter()
            .flat_map(|item| &item.running)
            .map(|beam| beam.ids.last().map_or(0, |&token| token as usize))
            .collect();
        all = model.step(&mut state, index(&tokens, &device));
    }
    Ok(results)
}

/// The best continuations of every item, best first.
fn candidates(
    all: Tensor<2>,
    items: &[Item],
    begins: &[usize],
    new: usize,
    settings: &Settings,
    limits: Limits,
) -> Vec<Vec<Candidate>> {
    let [_, vocabulary] = all.dims();
    let all: Vec<f32> = all.into_data().iter::<f32>().collect();
    let wanted = settings.num_beams * (1 + settings.end_tokens.len()).max(2);
    items
        .par_iter()
        .zip(begins)
        .map(|(item, &begin)| {
            let mut found = Vec::new();
            for (number, beam) in item.running.iter().enumerate() {
                let row = begin + number;
                let mut scores = all[row * vocabulary..(row + 1) * vocabulary].to_vec();
                scores::log_softmax(&mut scores);
                let said: Vec<u32> = item.said.iter().chain(&beam.ids).copied().collect();
                scores::penalise(&mut scores, &said, new, settings, limits);
                found.extend(scores.into_iter().enumerate().map(|(token, score)| Candidate {
                    score: score + beam.score,
                    beam: number,
                    token: token as u32,
                }));
            }
            let order = |a: &Candidate, b: &Candidate| {
                b.score.total_cmp(&a.score).then(a.beam.cmp(&b.beam)).then(a.token.cmp(&b.token))
            };
            let wanted = wanted.min(found.len());
            if wanted < found.len() {
                found.select_nth_unstable_by(wanted, order);
                found.truncate(wanted);
            }
            found.sort_by(order);
            found
        })
        .collect()
}

impl Item {
    /// Takes one step: the best candidates that go on become the beams, those that end may become finished ones.
    fn advance(&mut self, candidates: &[Candidate], made: usize, settings: &Settings, limits: Limits) {
        let beams = settings.num_beams;
        let ends = |candidate: &Candidate| settings.end_tokens.contains(&candidate.token);
        let last = made == limits.most;
        let extended = |candidate: &Candidate| {
            let mut ids = self.running[candidate.beam].ids.clone();
            ids.push(candidate.token);
            ids
        };
        let closed =
            !self.improvable || (settings.early_stopping == EarlyStopping::Full && self.finished.len() == beams);
        if !closed {
            let penalty = (made as f32).powf(settings.length_penalty as f32);
            let new: Vec<_> = candidates
                .iter()
                .take(beams)
                .filter(|candidate| ends(candidate) || last)
                .map(|candidate| Finished {
                    ids: extended(candidate),
                    score: candidate.score / penalty,
                    ended: ends(candidate),
                })
                .collect();
            self.finished.extend(new);
            // Stable: of equals, the earlier stays.
            self.finished.sort_by(|a, b| b.score.total_cmp(&a.score));
            self.finished.truncate(beams);
        }
        let mut running: Vec<Beam> = candidates
            .iter()
            .map(|candidate| Beam {
                ids: extended(candidate),
                score: if ends(candidate) || last { candidate.score + NEVER } else { candidate.score },
                parent: candidate.beam,
            })
            .collect();
        running.sort_by(|a, b| b.score.total_cmp(&a.score));
        running.truncate(beams);
        self.running = running;
    }

    fn is_done(&mut self, made: usize, settings: &Settings, limits: Limits) -> bool {
        let full = self.finished.len() == settings.num_beams;
        if full {
            let hopeful = settings.early_stopping == EarlyStopping::Never && settings.length_penalty > 0.0;
            let length = if hopeful { limits.most } else { made };
            let best = self.running[0].score / (length as f32).powf(settings.length_penalty as f32);
            let worst = self.finished.last().map_or(NEVER, |finished| finished.score);
            self.improvable &= best > worst;
        }
        made == limits.most || !self.improvable || (full && settings.early_stopping == EarlyStopping::Full)
    }
}
