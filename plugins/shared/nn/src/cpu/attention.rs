//! Attention head by head, on all cores, for processors with AVX-512: queries, keys and values are read where they lie, and weights live in
//! a thread's own cache. Every other processor takes burn's products.

#![cfg(target_arch = "x86_64")]

mod heads;
#[cfg(test)]
mod tests;

pub use heads::{Heads, HeadsOut};

use super::backward::softmax_row as softmax_back;
use super::softmax::row as softmax;
use super::tile::{self, Left, PANEL, ROWS, Target, Then};
use rayon::prelude::*;

/// Queries that meet all keys before the next ones come.
const BLOCK: usize = 4 * ROWS;

/// What is added to the scores: number (row, head, query, key). A step is 0 where all share a number.
#[derive(Clone, Copy)]
pub struct Bias<'a> {
    pub numbers: &'a [f32],
    pub steps: [usize; 4],
}

/// An attention; `groups` divides `heads`, neighbouring heads share keys and values.
#[derive(Clone, Copy)]
pub struct Attention<'a> {
    pub query: Heads<'a>,
    pub keys: Heads<'a>,
    pub values: Heads<'a>,
    pub bias: Option<Bias<'a>>,
    pub scale: f32,
    pub rows: usize,
    pub heads: usize,
    pub groups: usize,
    pub length: usize,
    pub positions: usize,
    pub size: usize,
}

/// A thread's own memory: packed sides of products, and the weights of some queries with their gradients.
#[derive(Default)]
struct Scratch {
    keys: Vec<f32>,
    values: Vec<f32>,
    other: Vec<f32>,
    weights: Vec<f32>,
    gradients: Vec<f32>,
}

impl Attention<'_> {
    /// softmax(scale · Q·Kᵀ + bias)·V, to a place of `rows` by `length` by `heads`.
    pub fn forward(&self, out: &mut [f32]) {
        assert!(tile::is_available(), "the caller asks first");
        assert_eq!(out.len(), self.rows * self.length * self.heads * self.size);
        if out.is_empty() {
            return;
        }
        let out = HeadsOut::new(out, self.length, self.heads, self.size, 0, self.heads);
        (0..self.rows * self.heads).into_par_iter().for_each_init(Scratch::default, |scratch, job| {
            // SAFETY: the processor has the feature, and each job writes a head of its own.
            unsafe { self.head(job / self.heads, job % self.heads, scratch, out) }
        });
    }

    /// From the gradient of what [`Attention::forward`] gives, those of queries, keys and values. Places of keys and values have `groups` heads.
    pub fn backward(&self, gradient: Heads<'_>, query: HeadsOut, keys: HeadsOut, values: HeadsOut) {
        assert!(tile::is_available(), "the caller asks first");
        if self.size == 0 || self.length == 0 || self.positions == 0 {
            return;
        }
        (0..self.rows * self.groups).into_par_iter().for_each_init(Scratch::default, |scratch, job| {
            // SAFETY: the processor has the feature, and each job writes a group of heads of its own.
            unsafe { self.group_back(job / self.groups, job % self.groups, scratch, gradient, [query, keys, values]) }
        });
    }

    /// Numbers of a row of weights with what fills its last panel.
    fn wide(&self) -> usize {
        self.positions.next_multiple_of(PANEL)
    }

    /// Weights of `count` queries of a head from `first` on, with the keys packed.
    ///
    /// # Safety
    /// The processor has AVX-512.
    #[target_feature(enable = "avx512f,fma")]
    unsafe fn weights(&self, row: usize, head: usize, first: usize, count: usize, keys: &[f32], weights: &mut [f32]) {
        let query = self.query.left(row, head).from(first, 0);
        // SAFETY: the caller has the processor.
        unsafe { scores(query, count, self.size, keys, self.scale, weights) };
        for (query, weights) in weights.chunks_exact_mut(self.wide()).take(count).enumerate() {
            let (weights, rest) = weights.split_at_mut(self.positions);
            if let Some(Bias { numbers, steps: [of_row, of_head, of_query, of_key] }) = self.bias {
                let bias = &numbers[row * of_row + head * of_head + (first + query) * of_query..];
                if of_key == 1 {
                    weights.iter_mut().zip(bias).for_each(|(weight, bias)| *weight += bias);
                } else {
                    weights.iter_mut().enumerate().for_each(|(key, weight)| *weight += bias[key * of_key]);
                }
            }
            softmax(weights, f32::mul_add);
            rest.fill(0.0);
        }
    }

    #[target_feature(enable = "avx512f,fma")]
    unsafe fn head(&self, row: usize, head: usize, scratch: &mut Scratch, out: HeadsOut) {
        let Attention { length, positions, size, keys, values, .. } = *self;
        let group = head / (self.heads / self.groups);
        let wide = self.wide();
        tile::pack_turned(keys.of(row, group), keys.step, positions, size, &mut scratch.keys);
        tile::pack(values.of(row, group), values.step, size, positions, &mut scratch.values);
        scratch.weights.resize(BLOCK.min(length) * wide, 0.0);
        for first in (0..length).step_by(BLOCK) {
            let count = BLOCK.min(length - first);
            // SAFETY: the processor has the feature; the head's place is this job's.
            unsafe {
                self.weights(row, head, first, count, &scratch.keys, &mut scratch.weights);
                let weights = Left::rows(&scratch.weights, wide);
                let target = |column| out.target(row, head, first, column, size, Then::Set(None));
                times_panels(weights, count, positions, &scratch.values, target);
            }
        }
    }

    #[target_feature(enable = "avx512f,fma")]
    unsafe fn group_back(
        &self,
        row: usize,
        group: usize,
        scratch: &mut Scratch,
        gradient: Heads<'_>,
        [query_out, keys_out, values_out]: [HeadsOut; 3],
    ) {
        let Attention { length, positions, size, query, keys, values, .. } = *self;
        let wide = self.wide();
        let Scratch { keys: keys_packed, values: values_packed, other, weights, gradients } = scratch;
        weights.resize(length * wide, 0.0);
        gradients.resize(length * wide, 0.0);
        let shared = self.heads / self.groups;
        for place in 0..shared {
            let head = group * shared + place;
            let then = if place == 0 { Then::Set(None) } else { Then::Add };
            tile::pack_turned(keys.of(row, group), keys.step, positions, size, keys_packed);
            tile::pack_turned(values.of(row, group), values.step, positions, size, values_packed);
            // SAFETY: the processor has the feature; the group's places are this job's.
            unsafe {
                self.weights(row, head, 0, length, keys_packed, weights);
                scores(gradient.left(row, head), length, size, values_packed, 1.0, gradients);
                tile::pack(gradient.of(row, head), gradient.step, size, length, other);
                let target = |column| values_out.target(row, group, 0, column, size, then);
                times_panels(Left::columns(weights, wide), positions, length, other, target);
            }
            for (weights, gradients) in weights.chunks_exact(wide).zip(gradients.chunks_exact_mut(wide)) {
                softmax_back(&weights[..positions], &mut gradients[..positions], self.scale);
            }
            // SAFETY: as above.
            unsafe {
                tile::pack(query.of(row, head), query.step, size, length, other);
                let target = |column| keys_out.target(row, group, 0, column, size, then);
                times_panels(Left::columns(gradients, wide), positions, length, other, target);
                tile::pack(keys.of(row, group), keys.step, size, positions, keys_packed);
                let target = |column| query_out.target(row, head, 0, column, size, Then::Set(None));
                times_panels(Left::rows(gradients, wide), length, positions, keys_packed, target);
            }
        }
    }
}

/// `factor` times the products of `count` rows of `x` with packed vectors of `size` numbers, to rows that have whole panels.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f")]
unsafe fn scores(x: Left<'_>, count: usize, size: usize, packed: &[f32], factor: f32, out: &mut [f32]) {
    let wide = packed.len() / size;
    assert!(out.len() >= count * wide);
    for (panel, packed) in packed.chunks_exact(size * PANEL).enumerate() {
        let begin = out.as_mut_ptr().wrapping_add(panel * PANEL);
        let target = Target { begin, row_step: wide, columns: PANEL, factor, then: Then::Set(None) };
        // SAFETY: `out` has the rows, of whole panels.
        unsafe { tile::times_panel(x, count, size, packed, target) };
    }
}

/// `rows` rows of `x` times packed panels; `target` says where the columns from one on go.
///
/// # Safety
/// As [`tile::times_panel`].
#[target_feature(enable = "avx512f")]
unsafe fn times_panels(
    x: Left<'_>,
    rows: usize,
    inner: usize,
    packed: &[f32],
    target: impl Fn(usize) -> Target<'static>,
) {
    for (panel, packed) in packed.chunks_exact(inner * PANEL).enumerate() {
        // SAFETY: the caller answers for the targets.
        unsafe { tile::times_panel(x, rows, inner, packed, target(panel * PANEL)) };
    }
}
