//! Graphs with normalised edges, and smoothing over them.

use crate::product::{add_scaled, dot};
use plugin_api::{Best, Features, Interactions, Ranked};
use rayon::prelude::*;

/// A symmetric sparse matrix D^(−1/2) A D^(−1/2), by rows.
#[derive(Debug, Clone, Default)]
pub struct Adjacency {
    offsets: Vec<usize>,
    edges: Vec<(u32, f32)>,
}

impl Adjacency {
    /// Of edges from row to column (both directions must be there), each with weight 1.
    fn of_edges(nodes: usize, mut edges: Vec<(u32, u32)>) -> Adjacency {
        edges.sort_unstable();
        edges.dedup();
        let mut offsets = vec![0; nodes + 1];
        for (row, _) in &edges {
            offsets[*row as usize + 1] += 1;
        }
        for node in 0..nodes {
            offsets[node + 1] += offsets[node];
        }
        let degree = |node: u32| (offsets[node as usize + 1] - offsets[node as usize]) as f32;
        let weight = |(row, column): &(u32, u32)| (*column, 1.0 / (degree(*row) * degree(*column)).sqrt());
        let edges = edges.iter().map(weight).collect();
        Adjacency { offsets, edges }
    }

    /// The graph of users and items, users first, of these interactions (user, item).
    pub fn bipartite(users: usize, items: usize, pairs: impl Iterator<Item = (u32, u32)>) -> Adjacency {
        let mut edges = Vec::new();
        for (user, item) in pairs {
            let item = users as u32 + item;
            edges.push((user, item));
            edges.push((item, user));
        }
        Adjacency::of_edges(users + items, edges)
    }

    /// Items and their nearest by the cosine of a modality's features; FREEDOM's frozen graph. Its rows are normalised by the degrees
    /// of a row and, as there, by those of the same row count: every item has `neighbours` edges of its own.
    pub fn nearest_items(features: &Features<'_>, neighbours: usize) -> Adjacency {
        let items = features.present.len();
        let norms: Vec<f32> = (0..items).map(|item| dot(features.row(item), features.row(item)).sqrt()).collect();
        let lists: Vec<Vec<Ranked>> = (0..items)
            .into_par_iter()
            .map(|item| {
                let mut best = Best::new(neighbours);
                for other in 0..items {
                    let scale = norms[item] * norms[other];
                    let cosine = if scale > 0.0 { dot(features.row(item), features.row(other)) / scale } else { 0.0 };
                    best.offer(Ranked { item: other as u32, score: f64::from(cosine) });
                }
                best.finish()
            })
            .collect();
        let mut offsets = vec![0];
        let mut edges = Vec::new();
        for list in &lists {
            let weight = 1.0 / list.len().max(1) as f32;
            edges.extend(list.iter().map(|ranked| (ranked.item, weight)));
            offsets.push(edges.len());
        }
        Adjacency { offsets, edges }
    }

    pub fn transposed(&self) -> Adjacency {
        let nodes = self.offsets.len() - 1;
        let mut turned: Vec<Vec<(u32, f32)>> = vec![Vec::new(); nodes];
        for row in 0..nodes {
            for (column, weight) in &self.edges[self.offsets[row]..self.offsets[row + 1]] {
                turned[*column as usize].push((row as u32, *weight));
            }
        }
        let mut offsets = vec![0];
        for row in &turned {
            offsets.push(offsets[offsets.len() - 1] + row.len());
        }
        Adjacency { offsets, edges: turned.concat() }
    }

    /// `out = self · values`, both `[nodes, width]`.
    pub fn smooth(&self, values: &[f32], width: usize, out: &mut [f32]) {
        out.par_chunks_exact_mut(width).with_min_len(16).enumerate().for_each(|(row, out)| {
            out.fill(0.0);
            for (column, weight) in &self.edges[self.offsets[row]..self.offsets[row + 1]] {
                add_scaled(out, *weight, &values[*column as usize * width..][..width]);
            }
        });
    }

    /// The mean of `values`, `self · values`, …, `selfᴸ · values`: LightGCN's propagation, and, as the matrix is symmetric, its gradient's.
    pub fn propagated(&self, values: &[f32], width: usize, layers: usize) -> Vec<f32> {
        let mut sum = values.to_vec();
        let (mut last, mut next) = (values.to_vec(), vec![0.0; values.len()]);
        for _ in 0..layers {
            self.smooth(&last, width, &mut next);
            std::mem::swap(&mut last, &mut next);
            sum.par_iter_mut().zip(&last).for_each(|(sum, value)| *sum += value);
        }
        let share = 1.0 / (layers + 1) as f32;
        sum.par_iter_mut().for_each(|value| *value *= share);
        sum
    }
}

/// All pairs of user and item.
pub fn pairs(train: Interactions<'_>) -> impl Iterator<Item = (u32, u32)> + '_ {
    (0..train.users()).flat_map(move |user| train.row(user).iter().map(move |item| (user as u32, *item)))
}
