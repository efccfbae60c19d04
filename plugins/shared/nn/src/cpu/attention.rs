//! Attention head by head, on all cores, for processors with AVX-512: queries, keys and values are read where they lie, and weights live in
//! a thread's own cache. Every other processor takes burn's products.

#![cfg(target_arch = "x86_64")]

use super::backward::softmax_row as softmax_back;
use super::softmax::row as softmax;
use super::tile::{self, Left, PANEL, ROWS, Target, Then};
use rayon::prelude::*;

/// Queries that meet all keys before the next ones come.
const BLOCK: usize = 4 * ROWS;

/// The vectors of heads as they lie: those of a head are `[positions, size]`, the numbers of one side by side.
#[derive(Clone, Copy)]
pub struct Heads<'a> {
    pub numbers: &'a [f32],
    pub row_step: usize,
    pub head_step: usize,
    pub step: usize,
}

impl<'a> Heads<'a> {
    fn of(&self, row: usize, head: usize) -> &'a [f32] {
        &self.numbers[row * self.row_step + head * self.head_step..]
    }

    fn left(&self, row: usize, head: usize) -> Left<'a> {
        Left { numbers: self.of(row, head), row_step: self.step, inner_step: 1 }
    }
}

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

/// A place for the vectors of heads, as [`Heads`] lie.
#[derive(Clone, Copy)]
pub struct HeadsOut {
    begin: *mut f32,
    row_step: usize,
    head_step: usize,
    step: usize,
}

// SAFETY: threads write different heads.
unsafe impl Sync for HeadsOut {}
// SAFETY: as above.
unsafe impl Send for HeadsOut {}

impl HeadsOut {
    /// `count` of the `all` heads that stand side by side at each of `length` positions, from one on.
    pub fn new(numbers: &mut [f32], length: usize, all: usize, size: usize, from: usize, count: usize) -> HeadsOut {
        let step = all * size;
        assert!(from + count <= all && numbers.len().is_multiple_of((length * step).max(1)));
        HeadsOut {
            begin: numbers.as_mut_ptr().wrapping_add(from * size),
            row_step: length * step,
            head_step: size,
            step,
        }
    }

    /// A panel of a head's columns, from one position on.
    fn target(
        &self,
        row: usize,
        head: usize,
        position: usize,
        column: usize,
        size: usize,
        then: Then<'static>,
    ) -> Target<'static> {
        let place = row * self.row_step + head * self.head_step + position * self.step + column;
        Target {
            begin: self.begin.wrapping_add(place),
            row_step: self.step,
            columns: PANEL.min(size - column),
            factor: 1.0,
            then,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 5;
    const SCALE: f64 = 0.4;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut random = crate::random::Random::new(seed);
        (0..count).map(|_| random.uniform() as f32 - 0.5).collect()
    }

    /// Two rows of four heads in two groups, 51 queries of 40 keys; heads side by side at each position.
    struct Case {
        query: Vec<f32>,
        keys: Vec<f32>,
        values: Vec<f32>,
        bias: Vec<f32>,
    }

    const SHAPE: [usize; 5] = [2, 4, 2, 51, 40];

    impl Case {
        fn new() -> Case {
            let [rows, heads, groups, length, positions] = SHAPE;
            let mut bias = numbers(length * positions, 4);
            for query in 0..length {
                // The last keys are hidden from early queries.
                bias[query * positions + positions.min(query + 2)..(query + 1) * positions].fill(-1e9);
            }
            let of_keys = rows * positions * groups * SIZE;
            Case {
                query: numbers(rows * length * heads * SIZE, 1),
                keys: numbers(of_keys, 2),
                values: numbers(of_keys, 3),
                bias,
            }
        }

        fn attention(&self) -> Attention<'_> {
            let [rows, heads, groups, length, positions] = SHAPE;
            let bias = Bias { numbers: &self.bias, steps: [0, 0, positions, 1] };
            Attention {
                query: lying(&self.query, length, heads),
                keys: lying(&self.keys, positions, groups),
                values: lying(&self.values, positions, groups),
                bias: Some(bias),
                scale: SCALE as f32,
                rows,
                heads,
                groups,
                length,
                positions,
                size: SIZE,
            }
        }

        /// Σ out · `gradient` and out itself, in f64.
        fn exact(&self, gradient: &[f32]) -> (f64, Vec<f64>) {
            let [rows, heads, groups, length, positions] = SHAPE;
            let mut out = Vec::new();
            for (row, query) in (0..rows * length).map(|place| (place / length, place % length)) {
                for head in 0..heads {
                    let group = head / (heads / groups);
                    let of = |x: &[f32], count: usize, all: usize, place: usize, which: usize| -> Vec<f64> {
                        let begin = ((row * count + place) * all + which) * SIZE;
                        x[begin..begin + SIZE].iter().map(|&x| f64::from(x)).collect()
                    };
                    let own = of(&self.query, length, heads, query, head);
                    let weights: Vec<f64> = (0..positions)
                        .map(|key| {
                            let key_vector = of(&self.keys, positions, groups, key, group);
                            let product: f64 = own.iter().zip(key_vector).map(|(a, b)| a * b).sum();
                            (SCALE * product + f64::from(self.bias[query * positions + key])).exp()
                        })
                        .collect();
                    let sum: f64 = weights.iter().sum();
                    let mut mixed = vec![0.0; SIZE];
                    for (key, weight) in weights.iter().enumerate() {
                        let value = of(&self.values, positions, groups, key, group);
                        mixed.iter_mut().zip(value).for_each(|(mixed, value)| *mixed += weight / sum * value);
                    }
                    out.extend(mixed);
                }
            }
            (out.iter().zip(gradient).map(|(out, gradient)| out * f64::from(*gradient)).sum(), out)
        }
    }

    fn lying(numbers: &[f32], length: usize, heads: usize) -> Heads<'_> {
        Heads { numbers, row_step: length * heads * SIZE, head_step: SIZE, step: heads * SIZE }
    }

    #[test]
    fn attention_and_its_gradients_are_those_of_exact_arithmetic() {
        if !tile::is_available() {
            println!("skipped: this processor has no AVX-512");
            return;
        }
        let [rows, heads, groups, length, positions] = SHAPE;
        let mut case = Case::new();
        let mut out = vec![f32::NAN; rows * length * heads * SIZE];
        case.attention().forward(&mut out);
        let gradient = numbers(out.len(), 5);
        let (_, exact) = case.exact(&gradient);
        for (out, exact) in out.iter().zip(&exact) {
            assert!((f64::from(*out) - exact).abs() < 1e-6, "{out} {exact}");
        }
        // The second row alone gives the same bytes.
        let half = out.len() / 2;
        let of_keys = case.keys.len() / 2;
        let second = Case {
            query: case.query[half..].to_vec(),
            keys: case.keys[of_keys..].to_vec(),
            values: case.values[of_keys..].to_vec(),
            bias: case.bias.clone(),
        };
        let mut alone = vec![f32::NAN; half];
        Attention { rows: 1, ..second.attention() }.forward(&mut alone);
        assert_eq!(alone, out[half..], "a row depends on its neighbours");

        let mut to_query = vec![f32::NAN; case.query.len()];
        // Keys and values side by side.
        let mut to_both = vec![f32::NAN; 2 * case.keys.len()];
        case.attention().backward(
            lying(&gradient, length, heads),
            HeadsOut::new(&mut to_query, length, heads, SIZE, 0, heads),
            HeadsOut::new(&mut to_both, positions, 2 * groups, SIZE, 0, groups),
            HeadsOut::new(&mut to_both, positions, 2 * groups, SIZE, groups, groups),
        );
        let slope = |case: &mut Case, of: fn(&mut Case) -> &mut Vec<f32>, place: usize| {
            let before = of(case)[place];
            let mut at = |x: f32| {
                of(case)[place] = x;
                (f64::from(x), case.exact(&gradient).0)
            };
            let ((a, low), (b, high)) = (at(before - 0.01), at(before + 0.01));
            of(case)[place] = before;
            (high - low) / (b - a)
        };
        let near = |found: f32, exact: f64| assert!((f64::from(found) - exact).abs() < 2e-5, "{found} {exact}");
        for place in (0..case.query.len()).step_by(97) {
            near(to_query[place], slope(&mut case, |case| &mut case.query, place));
        }
        for place in (0..case.keys.len()).step_by(41) {
            let (position, inside) = (place / (groups * SIZE), place % (groups * SIZE));
            let joined = position * 2 * groups * SIZE + inside;
            near(to_both[joined], slope(&mut case, |case| &mut case.keys, place));
            near(to_both[joined + groups * SIZE], slope(&mut case, |case| &mut case.values, place));
        }
    }
}
