//! The loss of a batch of sentences and its gradient: the network of `network::run` with dropout, backward.

use super::linear;
use super::lstm::{self, Batch, Trace};
use crate::network::features::{Features, UNKNOWN};
use crate::network::matrix::{Packed, add_outer};
use crate::network::weights::{DISTANCES, Sizes, Weights, distance_class};

/// A sentence with its truth as indices; `None` where the treebank has none or the inventory does not hold it.
#[derive(Debug, Clone, Default)]
pub struct Example {
    pub features: Features,
    pub upos: Vec<Option<usize>>,
    pub xpos: Vec<Option<usize>>,
    pub lemmas: Vec<Option<usize>>,
    /// 0 for the root.
    pub heads: Vec<usize>,
    pub labels: Vec<Option<usize>>,
}

/// Shares of numbers that are dropped while training.
#[derive(Debug, Clone)]
pub struct Dropout {
    /// Words seen as unknown ones.
    pub word: f32,
    /// Inputs of the first layer.
    pub input: f32,
    /// Outputs of each layer.
    pub hidden: f32,
    /// Arc and label vectors.
    pub projection: f32,
}

/// Rows of the tables that a batch has touched: only they have gradients.
#[derive(Debug, Default)]
pub struct Touched {
    pub words: Vec<u32>,
    pub hashed: Vec<u32>,
}

/// Adds the gradient of the batch's mean loss to `gradient`; returns the loss, summed over its parts.
///
/// `examples` come longest first.
pub fn accumulate(
    weights: &Weights,
    sizes: &Sizes,
    examples: &[&Example],
    dropout: &Dropout,
    random: &mut fastrand::Rng,
    gradient: &mut Weights,
) -> (f64, Touched) {
    let batch = Batch::new(examples.iter().map(|example| example.features.len()).collect());
    let words: Vec<u32> = examples
        .iter()
        .flat_map(|example| &example.features.words)
        .map(|&word| if random.f32() < dropout.word { UNKNOWN } else { word })
        .collect();

    // Forward: inputs, layers, each with one dropout mask a sentence (Gal and Ghahramani 2016).
    let input_mask = masks(&batch, sizes.input(), dropout.input, random);
    let mut input = embed(weights, sizes, examples, &words);
    multiply(&mut input, &input_mask);
    let mut outputs: Vec<Vec<f32>> = Vec::new();
    let mut traces: Vec<[Trace; 2]> = Vec::new();
    let mut hidden_masks = Vec::new();
    let width = 2 * sizes.hidden;
    for pair in &weights.lstms {
        let x = outputs.last().unwrap_or(&input);
        let mut out = vec![0.0; batch.tokens * width];
        let there = lstm::forward(&pair[0], x, &batch, false, &mut out, (width, 0));
        let back = lstm::forward(&pair[1], x, &batch, true, &mut out, (width, sizes.hidden));
        let mask = masks(&batch, width, dropout.hidden, random);
        multiply(&mut out, &mask);
        outputs.push(out);
        traces.push([there, back]);
        hidden_masks.push(mask);
    }
    let encoded = outputs.last().unwrap_or(&input);

    // Heads: losses and what flows back from each.
    let scale: f32 = 1.0 / batch.tokens as f32;
    let mut d_encoded = vec![0.0; batch.tokens * width];
    let mut d_input = vec![0.0; batch.tokens * sizes.input()];
    let mut loss = 0.0;
    for (head, head_gradient, truth) in [
        (&weights.upos, &mut gradient.upos, (|example: &Example| &example.upos) as fn(&Example) -> &Vec<_>),
        (&weights.xpos, &mut gradient.xpos, |example: &Example| &example.xpos),
    ] {
        let mut scores = linear::apply(head, encoded);
        let classes = examples.iter().flat_map(|example| truth(example).iter().copied());
        loss += linear::cross_entropy(&mut scores, classes, head.weight.columns, scale);
        linear::backward(head, encoded, &scores, head_gradient, Some(&mut d_encoded));
    }
    loss += lemmas(weights, sizes, examples, (&input, encoded), scale, gradient, (&mut d_input, &mut d_encoded));
    loss += trees(weights, sizes, examples, &batch, encoded, (dropout, scale), random, gradient, &mut d_encoded);

    // Backward through the layers.
    for (layer, pair) in weights.lstms.iter().enumerate().rev() {
        multiply(&mut d_encoded, &hidden_masks[layer]);
        let x = if layer == 0 { &input } else { &outputs[layer - 1] };
        let mut below = if layer == 0 { std::mem::take(&mut d_input) } else { vec![0.0; batch.tokens * width] };
        for (direction, offset) in [(0, 0), (1, sizes.hidden)] {
            lstm::backward(
                &pair[direction],
                x,
                &batch,
                direction == 1,
                &traces[layer][direction],
                &d_encoded,
                (width, offset),
                &mut gradient.lstms[layer][direction],
                &mut below,
            );
        }
        if layer == 0 { d_input = below } else { d_encoded = below }
    }
    multiply(&mut d_input, &input_mask);
    (loss / batch.tokens as f64, scatter(sizes, examples, &words, &d_input, gradient))
}

/// `[tokens, input]`
fn embed(weights: &Weights, sizes: &Sizes, examples: &[&Example], words: &[u32]) -> Vec<f32> {
    let mut out = vec![0.0; words.len() * sizes.input()];
    let mut rows = out.chunks_exact_mut(sizes.input()).zip(words);
    for example in examples {
        for (at, (out, &word)) in (0..example.features.len()).zip(&mut rows) {
            let (own, rest) = out.split_at_mut(sizes.word);
            let (sum, vector) = rest.split_at_mut(sizes.hashed);
            own.copy_from_slice(weights.words.row(word as usize));
            for &feature in example.features.hashed_of(at) {
                sum.iter_mut().zip(weights.hashed.row(feature as usize)).for_each(|(sum, value)| *sum += value);
            }
            if let Some(row) = example.features.vectors[at] {
                vector.copy_from_slice(weights.vectors.row(row as usize));
            }
        }
    }
    out
}

/// The gradients of the tables' rows.
fn scatter(sizes: &Sizes, examples: &[&Example], words: &[u32], d_input: &[f32], gradient: &mut Weights) -> Touched {
    let mut touched = Touched::default();
    let mut rows = d_input.chunks_exact(sizes.input()).zip(words);
    for example in examples {
        for (at, (d_input, &word)) in (0..example.features.len()).zip(&mut rows) {
            let (own, rest) = d_input.split_at(sizes.word);
            gradient.words.row_mut(word as usize).iter_mut().zip(own).for_each(|(sum, value)| *sum += value);
            touched.words.push(word);
            for &feature in example.features.hashed_of(at) {
                let row = gradient.hashed.row_mut(feature as usize);
                row.iter_mut().zip(&rest[..sizes.hashed]).for_each(|(sum, value)| *sum += value);
                touched.hashed.push(feature);
            }
        }
    }
    for rows in [&mut touched.words, &mut touched.hashed] {
        rows.sort_unstable();
        rows.dedup();
    }
    touched
}

fn lemmas(
    weights: &Weights,
    sizes: &Sizes,
    examples: &[&Example],
    (input, encoded): (&[f32], &[f32]),
    scale: f32,
    gradient: &mut Weights,
    (d_input, d_encoded): (&mut [f32], &mut [f32]),
) -> f64 {
    let width = 2 * sizes.hidden;
    let mut x = Vec::with_capacity(encoded.len() / width * sizes.lemma_input());
    for (input, encoded) in input.chunks_exact(sizes.input()).zip(encoded.chunks_exact(width)) {
        x.extend_from_slice(encoded);
        x.extend_from_slice(&input[sizes.word..][..sizes.hashed]);
    }
    let mut scores = linear::apply(&weights.lemmas, &x);
    let classes = examples.iter().flat_map(|example| example.lemmas.iter().copied());
    let loss = linear::cross_entropy(&mut scores, classes, weights.lemmas.weight.columns, scale);
    let mut d_x = vec![0.0; x.len()];
    linear::backward(&weights.lemmas, &x, &scores, &mut gradient.lemmas, Some(&mut d_x));
    let rows = d_x.chunks_exact(sizes.lemma_input());
    for ((d_x, d_input), d_encoded) in
        rows.zip(d_input.chunks_exact_mut(sizes.input())).zip(d_encoded.chunks_exact_mut(width))
    {
        d_encoded.iter_mut().zip(d_x).for_each(|(sum, value)| *sum += value);
        d_input[sizes.word..][..sizes.hashed].iter_mut().zip(&d_x[width..]).for_each(|(sum, value)| *sum += value);
    }
    loss
}

/// Arcs against the true heads; labels of the true arcs.
#[expect(clippy::too_many_arguments, reason = "one step of `accumulate`, apart for its length")]
fn trees(
    weights: &Weights,
    sizes: &Sizes,
    examples: &[&Example],
    batch: &Batch,
    encoded: &[f32],
    (dropout, scale): (&Dropout, f32),
    random: &mut fastrand::Rng,
    gradient: &mut Weights,
    d_encoded: &mut [f32],
) -> f64 {
    let Sizes { arc, label, .. } = *sizes;
    let width = sizes.projections();
    let mut projected = linear::apply(&weights.projections, encoded);
    let mask = masks(batch, width, dropout.projection, random);
    for (value, mask) in projected.iter_mut().zip(&mask) {
        *value = value.max(0.0) * mask;
    }
    let part = |values: &[f32], from: usize, count: usize| -> Vec<f32> {
        values.chunks_exact(width).flat_map(|row| &row[from..][..count]).copied().collect()
    };
    let mut d_projected = vec![0.0; projected.len()];
    let mut add = |token: usize, from: usize, values: &[f32]| {
        let out = &mut d_projected[token * width + from..][..values.len()];
        out.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    };
    let mut loss = 0.0;

    let dependents = part(&projected, 0, arc);
    let queries = linear::apply(&weights.arcs, &dependents);
    let mut d_queries = vec![0.0; queries.len()];
    let all_heads = part(&projected, arc, arc);
    for (example, (start, n)) in examples.iter().zip(batch.sequences()) {
        let mut heads = weights.root.values[..arc].to_vec();
        heads.extend_from_slice(&all_heads[start * arc..][..n * arc]);
        let queries = &queries[start * arc..][..n * arc];
        let mut scores = vec![0.0; n * (n + 1)];
        Packed::transposed(&heads, n + 1, arc).multiply(queries, &mut scores);
        for (dependent, row) in scores.chunks_exact_mut(n + 1).enumerate() {
            for (head, score) in row.iter_mut().enumerate() {
                *score += weights.distances.values[distance_class(dependent, head)];
            }
            row[dependent + 1] = -1e4;
        }
        let classes = example.heads.iter().map(|&head| Some(head));
        loss += linear::cross_entropy(&mut scores, classes, n + 1, scale);
        let mut d_distances = [0.0; DISTANCES];
        for (dependent, row) in scores.chunks_exact(n + 1).enumerate() {
            for (head, value) in row.iter().enumerate() {
                d_distances[distance_class(dependent, head)] += value;
            }
        }
        gradient.distances.values.iter_mut().zip(d_distances).for_each(|(sum, value)| *sum += value);
        Packed::new(&heads, n + 1, arc).multiply(&scores, &mut d_queries[start * arc..][..n * arc]);
        let mut d_heads = vec![0.0; heads.len()];
        add_outer(&scores, n + 1, queries, arc, &mut d_heads);
        gradient.root.values.iter_mut().zip(&d_heads[..arc]).for_each(|(sum, value)| *sum += value);
        for (at, d_head) in d_heads.chunks_exact(arc).skip(1).enumerate() {
            add(start + at, arc, d_head);
        }
    }
    let mut d_dependents = vec![0.0; dependents.len()];
    linear::backward(&weights.arcs, &dependents, &d_queries, &mut gradient.arcs, Some(&mut d_dependents));
    for (token, d_dependent) in d_dependents.chunks_exact(arc).enumerate() {
        add(token, 0, d_dependent);
    }

    let mut x = Vec::with_capacity(batch.tokens * 3 * label);
    let governors: Vec<Option<usize>> = examples
        .iter()
        .zip(batch.sequences())
        .flat_map(|(example, (start, _))| {
            example.heads.iter().map(move |&head| head.checked_sub(1).map(|at| start + at))
        })
        .collect();
    let of_head = |governor: Option<usize>| match governor {
        Some(token) => &projected[token * width + 2 * arc + label..][..label],
        None => &weights.root.values[arc..],
    };
    for (token, &governor) in governors.iter().enumerate() {
        let dependent = &projected[token * width + 2 * arc..][..label];
        let head = of_head(governor);
        x.extend_from_slice(dependent);
        x.extend_from_slice(head);
        x.extend(dependent.iter().zip(head).map(|(a, b)| a * b));
    }
    let mut scores = linear::apply(&weights.labels, &x);
    let classes = examples.iter().flat_map(|example| example.labels.iter().copied());
    loss += linear::cross_entropy(&mut scores, classes, weights.labels.weight.columns, scale);
    let mut d_x = vec![0.0; x.len()];
    linear::backward(&weights.labels, &x, &scores, &mut gradient.labels, Some(&mut d_x));
    for (token, (d_x, &governor)) in d_x.chunks_exact(3 * label).zip(&governors).enumerate() {
        let dependent = &projected[token * width + 2 * arc..][..label];
        let head = of_head(governor);
        let product = &d_x[2 * label..];
        let sum = |own: &[f32], other: &[f32]| -> Vec<f32> {
            own.iter().zip(product.iter().zip(other)).map(|(own, (product, other))| own + product * other).collect()
        };
        let (d_dependent, d_head) = (sum(&d_x[..label], head), sum(&d_x[label..2 * label], dependent));
        add(token, 2 * arc, &d_dependent);
        match governor {
            Some(governor) => add(governor, 2 * arc + label, &d_head),
            None => {
                gradient.root.values[arc..].iter_mut().zip(&d_head).for_each(|(sum, value)| *sum += value);
            }
        }
    }

    for ((d, value), mask) in d_projected.iter_mut().zip(&projected).zip(&mask) {
        *d *= if *value > 0.0 { *mask } else { 0.0 };
    }
    linear::backward(&weights.projections, encoded, &d_projected, &mut gradient.projections, Some(d_encoded));
    loss
}

/// A dropout mask `[tokens, width]`, the same for all tokens of a sentence; what is kept is scaled up.
fn masks(batch: &Batch, width: usize, share: f32, random: &mut fastrand::Rng) -> Vec<f32> {
    let mut out = Vec::with_capacity(batch.tokens * width);
    for (_, length) in batch.sequences() {
        let row: Vec<f32> = (0..width).map(|_| if random.f32() < share { 0.0 } else { 1.0 / (1.0 - share) }).collect();
        for _ in 0..length {
            out.extend_from_slice(&row);
        }
    }
    out
}

fn multiply(values: &mut [f32], mask: &[f32]) {
    values.iter_mut().zip(mask).for_each(|(value, mask)| *value *= mask);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Inventory;

    const NO_DROPOUT: Dropout = Dropout { word: 0.0, input: 0.0, hidden: 0.0, projection: 0.0 };

    fn example(words: &[u32], heads: &[usize]) -> Example {
        let classes = |modulus: usize| (0..words.len()).map(|at| Some(at % modulus)).collect::<Vec<_>>();
        Example {
            features: Features {
                words: words.to_vec(),
                vectors: words.iter().map(|word| (word % 2 == 0).then_some(word / 2)).collect(),
                ends: (1..=words.len() as u32).map(|at| 2 * at).collect(),
                hashed: words.iter().flat_map(|word| [word % 3, 7]).collect(),
            },
            upos: classes(2),
            xpos: vec![None; words.len()],
            lemmas: classes(3),
            heads: heads.to_vec(),
            labels: classes(4),
        }
    }

    /// One of the first numbers of a tensor: of the dense ones, then of the words, then of the hashed features.
    fn place(weights: &mut Weights, tensor: usize, at: usize) -> &mut f32 {
        let dense = weights.dense().len();
        let values = if tensor < dense {
            &mut weights.dense_mut().swap_remove(tensor).values
        } else {
            let [words, hashed, _] = weights.tables_mut();
            if tensor == dense { &mut words.values } else { &mut hashed.values }
        };
        let at = at * 7 % values.len().min(28);
        &mut values[at]
    }

    #[test]
    fn gradients_are_the_slopes_of_the_loss() {
        let sizes = Sizes { word: 3, hashed: 4, vector: 2, hidden: 5, layers: 2, arc: 4, label: 3 };
        let names = |count: usize| (0..count).map(|at| at.to_string()).collect::<Vec<_>>();
        let inventory = Inventory {
            words: names(5),
            vectors: names(3),
            upos: names(2),
            xpos: names(3),
            labels: names(4),
            lemma_rules: names(3),
        };
        let mut random = fastrand::Rng::with_seed(5);
        let mut weights = Weights::zeros(&sizes, &inventory);
        let mut fill = |values: &mut [f32]| values.iter_mut().for_each(|value| *value = random.f32() - 0.5);
        weights.dense_mut().into_iter().for_each(|tensor| fill(&mut tensor.values));
        weights.tables_mut().into_iter().for_each(|tensor| fill(&mut tensor.values));
        let examples = [example(&[1, 2, 3, 4], &[2, 0, 2, 3]), example(&[5, 2], &[0, 1])];
        let examples: Vec<&Example> = examples.iter().collect();
        let loss = |weights: &Weights, gradient: &mut Weights| {
            let mut random = fastrand::Rng::with_seed(1);
            accumulate(weights, &sizes, &examples, &NO_DROPOUT, &mut random, gradient).0
        };
        let mut gradient = Weights::zeros(&sizes, &inventory);
        loss(&weights, &mut gradient);
        let mut scratch = gradient.clone();
        let dense = weights.dense().len();
        let step = 1e-2f32;
        for tensor in 0..dense + 2 {
            for at in 0..6 {
                let mut moved = weights.clone();
                *place(&mut moved, tensor, at) += step;
                let up = loss(&moved, &mut scratch);
                *place(&mut moved, tensor, at) -= 2.0 * step;
                let down = loss(&moved, &mut scratch);
                let slope = f64::from(*place(&mut gradient, tensor, at));
                let expected = (up - down) / f64::from(2.0 * step);
                assert!(
                    (slope - expected).abs() < 2e-3 + 0.02 * expected.abs(),
                    "tensor {tensor}, place {at}: {slope} for {expected}"
                );
            }
        }
    }
}
