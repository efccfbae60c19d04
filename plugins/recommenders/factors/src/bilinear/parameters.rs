//! What BPRMF and VBPR learn, with the loss of a batch and its gradients.

use crate::batch::{Batch, pairwise};
use crate::dense::{AdamStep, Dense};
use crate::options::BilinearOptions;
use crate::product::{add_scaled, dot, product, transposed_product};
use crate::random::Random;
use crate::sampler::Triple;
use crate::scorer::Scorer;
use crate::table::Table;
use rayon::prelude::*;
use std::borrow::Cow;

/// Feature vectors of all items, row after row, and their width.
pub type Input<'a> = (Cow<'a, [f32]>, usize);

/// One feature vector's part of the model.
#[derive(Debug, Clone)]
pub struct Content {
    /// θu `[users, k]`
    pub(super) users: Table,
    /// W `[width, k]`
    pub(super) weights: Dense,
    /// b `[k]`
    pub(super) bias: Dense,
    width: usize,
}

/// What is learnt.
#[derive(Debug, Clone)]
pub struct Parameters {
    pub(super) users: Table,
    pub(super) items: Table,
    pub(super) contents: Vec<Content>,
    /// Batches so far: Adam's t.
    steps: u64,
}

/// The projected features of the batch's items, before and after normalisation.
struct Projected {
    /// The gathered features `[items, width]`.
    features: Vec<f32>,
    /// `[items, k]`, of length 1 each.
    unit: Vec<f32>,
    norms: Vec<f32>,
}

/// A batch's gradients, by the places of the batch's rows.
pub struct Gradients {
    pub(super) loss: f64,
    pub(super) users: Vec<f32>,
    pub(super) items: Vec<f32>,
    /// θu, W and b of each content.
    pub(super) contents: Vec<(Vec<f32>, Vec<f32>, Vec<f32>)>,
}

/// `[items, k]` projections of some items' features, of length 1, and the lengths that they had.
fn project(content: &Content, features: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let k = content.bias.values.len();
    let count = features.len() / content.width;
    let mut unit = vec![0.0; count * k];
    product(features, &content.weights.values, content.width, k, &mut unit);
    let mut norms = vec![0.0; count];
    unit.par_chunks_exact_mut(k).zip(norms.par_iter_mut()).for_each(|(row, norm)| {
        add_scaled(row, 1.0, &content.bias.values);
        // torch's normalize divides by max(‖x‖, 1e-12).
        *norm = dot(row, row).sqrt().max(1e-12);
        row.iter_mut().for_each(|value| *value /= *norm);
    });
    (unit, norms)
}

fn gather(values: &[f32], width: usize, rows: &[u32]) -> Vec<f32> {
    let mut gathered = vec![0.0; rows.len() * width];
    gathered.par_chunks_exact_mut(width).zip(rows.par_iter()).for_each(|(to, row)| {
        to.copy_from_slice(&values[*row as usize * width..][..width]);
    });
    gathered
}

/// Gradients of the batch's rows of a table of users; `sides` are the vectors that a triple's user is multiplied with.
fn user_gradients<'a>(
    table: &Table,
    batch: &Batch,
    pairs: &[(f64, f32)],
    decay: f32,
    sides: impl Fn(usize) -> (&'a [f32], &'a [f32]) + Sync,
) -> Vec<f32> {
    let mut gradients = vec![0.0; batch.users.rows.len() * table.width()];
    gradients.par_chunks_exact_mut(table.width()).with_min_len(8).enumerate().for_each(|(place, gradient)| {
        let uses = batch.users.uses(place);
        add_scaled(gradient, decay * uses.len() as f32, table.row(batch.users.rows[place]));
        for (triple, _) in uses {
            let (slope, (better, worse)) = (pairs[*triple as usize].1, sides(*triple as usize));
            add_scaled(gradient, slope, better);
            add_scaled(gradient, -slope, worse);
        }
    });
    gradients
}

impl Parameters {
    /// Where training begins, by a seed.
    pub fn fresh(seed: u64, options: &BilinearOptions, users: usize, items: usize, inputs: &[Input<'_>]) -> Parameters {
        let mut purpose = 0;
        let mut xavier = |inputs: usize, outputs: usize| {
            purpose += 1;
            Random::keyed(seed, purpose, 0).xavier(inputs, outputs, inputs * outputs)
        };
        let (width, k) = (options.factors, options.feature_factors);
        let (own_users, own_items) = (xavier(users, width), xavier(items, width));
        let contents = inputs
            .iter()
            .map(|(_, inputs)| Content {
                users: Table::new(&xavier(users, k), k),
                weights: Dense::new(xavier(*inputs, k)),
                bias: Dense::new(vec![0.0; k]),
                width: *inputs,
            })
            .collect();
        Parameters { users: Table::new(&own_users, width), items: Table::new(&own_items, width), contents, steps: 0 }
    }

    /// Loss and gradients of a batch at these parameters.
    pub fn gradients(&self, batch: &Batch, inputs: &[Input<'_>], l2: f32) -> Gradients {
        let size = batch.triples.len() as f32;
        let rows = &batch.items.rows;
        let projected: Vec<Projected> = (self.contents.iter().zip(inputs))
            .map(|(content, (values, width))| {
                let features = gather(values, *width, rows);
                let (unit, norms) = project(content, &features);
                Projected { features, unit, norms }
            })
            .collect();
        let unit = |content: usize, place: u32| {
            let k = self.contents[content].bias.values.len();
            &projected[content].unit[place as usize * k..][..k]
        };
        let pairs: Vec<(f64, f32)> = batch
            .triples
            .par_iter()
            .zip(&batch.places)
            .with_min_len(32)
            .map(|(triple, (positive, negative))| {
                let user = self.users.row(triple.user);
                let (better, worse) = (self.items.row(triple.positive), self.items.row(triple.negative));
                let mut difference = dot(user, better) - dot(user, worse);
                for (number, content) in self.contents.iter().enumerate() {
                    let user = content.users.row(triple.user);
                    difference += dot(user, unit(number, *positive)) - dot(user, unit(number, *negative));
                }
                let (loss, slope) = pairwise(difference);
                (loss, slope / size)
            })
            .collect();
        let ranking: f64 = pairs.iter().map(|(loss, _)| loss).sum::<f64>() / f64::from(size);

        let decay = l2 / size;
        let users = user_gradients(&self.users, batch, &pairs, decay, |triple| {
            let triple = batch.triples[triple];
            (self.items.row(triple.positive), self.items.row(triple.negative))
        });
        let mut items = vec![0.0; rows.len() * self.items.width()];
        items.par_chunks_exact_mut(self.items.width()).with_min_len(8).enumerate().for_each(|(place, gradient)| {
            let uses = batch.items.uses(place);
            add_scaled(gradient, decay * uses.len() as f32, self.items.row(rows[place]));
            for (number, sign) in uses {
                let (user, slope) = (batch.triples[*number as usize].user, pairs[*number as usize].1);
                add_scaled(gradient, sign * slope, self.users.row(user));
            }
        });
        let contents = (self.contents.iter().zip(&projected).enumerate())
            .map(|(number, (content, projected))| {
                let k = content.bias.values.len();
                let users = user_gradients(&content.users, batch, &pairs, decay, |triple| {
                    let (positive, negative) = batch.places[triple];
                    (unit(number, positive), unit(number, negative))
                });
                let mut outputs = vec![0.0; rows.len() * k];
                outputs.par_chunks_exact_mut(k).with_min_len(8).enumerate().for_each(|(place, gradient)| {
                    for (number, sign) in batch.items.uses(place) {
                        let (user, slope) = (batch.triples[*number as usize].user, pairs[*number as usize].1);
                        add_scaled(gradient, sign * slope, content.users.row(user));
                    }
                    // Through z = p / ‖p‖: dp = (dz − z (z·dz)) / ‖p‖.
                    let unit = &projected.unit[place * k..][..k];
                    let along = dot(unit, gradient);
                    add_scaled(gradient, -along, unit);
                    gradient.iter_mut().for_each(|value| *value /= projected.norms[place]);
                });
                let mut weights = vec![0.0; content.weights.values.len()];
                transposed_product(&projected.features, &outputs, content.width, k, &mut weights);
                let mut bias = vec![0.0; k];
                outputs.chunks_exact(k).for_each(|row| add_scaled(&mut bias, 1.0, row));
                (users, weights, bias)
            })
            .collect();
        Gradients { loss: ranking + self.penalty(batch, l2), users, items, contents }
    }

    /// The L2 term of a batch's loss.
    fn penalty(&self, batch: &Batch, l2: f32) -> f64 {
        let squares = |row: &[f32]| f64::from(dot(row, row));
        let of = |triple: &Triple| {
            let contents: f64 = self.contents.iter().map(|content| squares(content.users.row(triple.user))).sum();
            squares(self.users.row(triple.user))
                + squares(self.items.row(triple.positive))
                + squares(self.items.row(triple.negative))
                + contents
        };
        if l2 == 0.0 {
            return 0.0;
        }
        f64::from(l2) * 0.5 * batch.triples.iter().map(of).sum::<f64>() / batch.triples.len() as f64
    }

    /// Takes Adam's next step.
    pub fn apply(&mut self, batch: &Batch, gradients: &Gradients, learning_rate: f64) {
        self.steps += 1;
        let step = AdamStep::new(learning_rate, self.steps);
        self.users.update(&batch.users.rows, &gradients.users, step);
        self.items.update(&batch.items.rows, &gradients.items, step);
        for (content, (users, weights, bias)) in self.contents.iter_mut().zip(&gradients.contents) {
            content.users.update(&batch.users.rows, users, step);
            content.weights.update(weights, step);
            content.bias.update(bias, step);
        }
    }

    /// Ranks by these parameters.
    pub fn scorer(&self, inputs: &[Input<'_>]) -> Scorer {
        let projected: Vec<Vec<f32>> =
            (self.contents.iter().zip(inputs)).map(|(content, (values, _))| project(content, values).0).collect();
        let width = self.users.width() + self.contents.iter().map(|content| content.users.width()).sum::<usize>();
        let mut scorer = Scorer { width, ..Scorer::default() };
        for user in 0..self.users.rows() as u32 {
            scorer.users.extend_from_slice(self.users.row(user));
            self.contents.iter().for_each(|content| scorer.users.extend_from_slice(content.users.row(user)));
        }
        for item in 0..self.items.rows() {
            scorer.items.extend_from_slice(self.items.row(item as u32));
            for (content, unit) in self.contents.iter().zip(&projected) {
                let k = content.users.width();
                scorer.items.extend_from_slice(&unit[item * k..][..k]);
            }
        }
        scorer
    }
}
