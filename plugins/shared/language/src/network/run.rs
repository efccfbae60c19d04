//! The network in use: from features of a sentence to tags, lemma rules and a tree.

use super::activation::{largest, lstm_step};
use super::features::{Features, Vocabulary};
use super::matrix::Packed;
use super::weights::{Inventory, Linear, Lstm, Sizes, Weights, distance_class};
use crate::lemma::LemmaRule;
use crate::tree::best_tree;
use crate::wordnet::WordNet;

/// A network ready to run: its weights packed.
pub struct Network {
    pub sizes: Sizes,
    pub inventory: Inventory,
    pub vocabulary: Vocabulary,
    rules: Vec<LemmaRule>,
    root_label: Option<usize>,
    weights: Weights,
    lstms: Vec<[(Affine, Packed); 2]>,
    projections: Affine,
    arcs: Affine,
    labels: Affine,
    upos: Affine,
    xpos: Affine,
    lemmas: Affine,
}

/// What was found of a word, as indices into the [`Inventory`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedWord {
    pub upos: usize,
    pub xpos: usize,
    /// 0 for the root, else the head's number from 1.
    pub head: usize,
    pub label: usize,
    pub lemma: String,
}

pub type Parsed = Vec<ParsedWord>;

struct Affine {
    weight: Packed,
    bias: Vec<f32>,
}

impl Affine {
    fn new(linear: &Linear) -> Affine {
        let weight = Packed::new(&linear.weight.values, linear.weight.rows, linear.weight.columns);
        Affine { weight, bias: linear.bias.values.clone() }
    }

    fn apply(&self, x: &[f32]) -> Vec<f32> {
        let rows = x.len() / self.weight.rows();
        let mut out = Vec::with_capacity(rows * self.bias.len());
        for _ in 0..rows {
            out.extend(&self.bias);
        }
        self.weight.multiply(x, &mut out);
        out
    }
}

impl Network {
    /// Packs the weights. `None` where a lemma rule of the inventory is not understood or shapes do not fit the sizes.
    pub fn new(sizes: Sizes, inventory: Inventory, mut weights: Weights) -> Option<Network> {
        let rules = inventory.lemma_rules.iter().map(|rule| rule.parse().ok()).collect::<Option<Vec<_>>>()?;
        let pack = |lstm: &Lstm| {
            let recurrent = Packed::new(&lstm.recurrent.values, lstm.recurrent.rows, lstm.recurrent.columns);
            (Affine::new(&lstm.input), recurrent)
        };
        let lstms = weights.lstms.iter().map(|pair| [pack(&pair[0]), pack(&pair[1])]).collect();
        weights.lstms.clear();
        Some(Network {
            vocabulary: Vocabulary::new(&inventory.words, &inventory.vectors),
            rules,
            root_label: inventory.labels.iter().position(|label| label == "root"),
            lstms,
            projections: Affine::new(&weights.projections),
            arcs: Affine::new(&weights.arcs),
            labels: Affine::new(&weights.labels),
            upos: Affine::new(&weights.upos),
            xpos: Affine::new(&weights.xpos),
            lemmas: Affine::new(&weights.lemmas),
            weights,
            sizes,
            inventory,
        })
    }

    /// Tags and parses the words of one sentence. Time and memory grow with the square of its length: callers cut what is long.
    pub fn parse(&self, forms: &[&str], wordnet: &WordNet) -> Parsed {
        if forms.is_empty() {
            return Vec::new();
        }
        let mut features = Features::default();
        self.vocabulary.extract(forms, wordnet, &mut features);
        let n = forms.len();
        let input = self.embed(&features);
        let mut encoded = input.clone();
        for layer in &self.lstms {
            encoded = self.encode(layer, &encoded, n);
        }
        let upos = self.upos.apply(&encoded);
        let xpos = self.xpos.apply(&encoded);
        let lemmas = self.lemma_scores(&input, &encoded, n);
        let (heads, labels) = self.tree(&encoded, n);
        (0..n)
            .map(|at| ParsedWord {
                upos: pick(&upos, n, at),
                xpos: pick(&xpos, n, at),
                head: heads[at],
                label: labels[at],
                lemma: self.lemma(forms[at], &lemmas[at * self.rules.len()..][..self.rules.len()]),
            })
            .collect()
    }

    /// `[n, input]`
    fn embed(&self, features: &Features) -> Vec<f32> {
        let Sizes { word, hashed, .. } = self.sizes;
        let mut out = vec![0.0; features.len() * self.sizes.input()];
        for (at, out) in out.chunks_exact_mut(self.sizes.input()).enumerate() {
            let (own, rest) = out.split_at_mut(word);
            let (sum, vector) = rest.split_at_mut(hashed);
            own.copy_from_slice(self.weights.words.row(features.words[at] as usize));
            for &feature in features.hashed_of(at) {
                for (sum, value) in sum.iter_mut().zip(self.weights.hashed.row(feature as usize)) {
                    *sum += value;
                }
            }
            if let Some(row) = features.vectors[at] {
                vector.copy_from_slice(self.weights.vectors.row(row as usize));
            }
        }
        out
    }

    /// A BiLSTM layer: `[n, inputs]` to `[n, 2 × hidden]`.
    fn encode(&self, layer: &[(Affine, Packed); 2], x: &[f32], n: usize) -> Vec<f32> {
        let hidden = self.sizes.hidden;
        let mut out = vec![0.0; n * 2 * hidden];
        for (direction, (input, recurrent)) in layer.iter().enumerate() {
            let mut gates = input.apply(x);
            let mut cells = [vec![0.0; hidden], vec![0.0; hidden]];
            let mut output = vec![0.0; hidden];
            for step in 0..n {
                let at = if direction == 0 { step } else { n - 1 - step };
                let gates = &mut gates[at * 4 * hidden..][..4 * hidden];
                recurrent.multiply(&output, gates);
                let [last, cell] = &mut cells;
                lstm_step(gates, last, cell, &mut output);
                cells.swap(0, 1);
                out[at * 2 * hidden + direction * hidden..][..hidden].copy_from_slice(&output);
            }
        }
        out
    }

    fn lemma_scores(&self, input: &[f32], encoded: &[f32], n: usize) -> Vec<f32> {
        let Sizes { word, hashed, hidden, .. } = self.sizes;
        let mut x = Vec::with_capacity(n * self.sizes.lemma_input());
        for (input, encoded) in input.chunks_exact(self.sizes.input()).zip(encoded.chunks_exact(2 * hidden)) {
            x.extend_from_slice(encoded);
            x.extend_from_slice(&input[word..][..hashed]);
        }
        self.lemmas.apply(&x)
    }

    /// The best rule that fits the form; the form in lower case where none does.
    fn lemma(&self, form: &str, scores: &[f32]) -> String {
        let first = largest(scores).and_then(|best| self.rules[best].apply(form));
        first.unwrap_or_else(|| {
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
            order.iter().find_map(|&rule| self.rules[rule].apply(form)).unwrap_or_else(|| form.to_lowercase())
        })
    }

    /// Heads and labels.
    fn tree(&self, encoded: &[f32], n: usize) -> (Vec<usize>, Vec<usize>) {
        let Sizes { arc, label, .. } = self.sizes;
        let mut projected = self.projections.apply(encoded);
        projected.iter_mut().for_each(|value| *value = value.max(0.0));
        let part = |from: usize, width: usize| {
            let rows = projected.chunks_exact(self.sizes.projections());
            rows.flat_map(move |row| row[from..][..width].iter().copied())
        };
        let dependents: Vec<f32> = part(0, arc).collect();
        let (root_arc, root_label) = self.weights.root.values.split_at(arc);
        let heads: Vec<f32> = root_arc.iter().copied().chain(part(arc, arc)).collect();
        let mut scores = vec![0.0; n * (n + 1)];
        Packed::transposed(&heads, n + 1, arc).multiply(&self.arcs.apply(&dependents), &mut scores);
        for (dependent, row) in scores.chunks_exact_mut(n + 1).enumerate() {
            for (head, score) in row.iter_mut().enumerate() {
                *score += self.weights.distances.values[distance_class(dependent, head)];
            }
        }
        let heads = best_tree(&scores, n);
        let label_heads: Vec<f32> = root_label.iter().copied().chain(part(2 * arc + label, label)).collect();
        let label_dependents: Vec<f32> = part(2 * arc, label).collect();
        let mut x = Vec::with_capacity(n * 3 * label);
        for (dependent, &head) in label_dependents.chunks_exact(label).zip(&heads) {
            let head = &label_heads[head * label..][..label];
            x.extend_from_slice(dependent);
            x.extend_from_slice(head);
            x.extend(dependent.iter().zip(head).map(|(a, b)| a * b));
        }
        let mut scores = self.labels.apply(&x);
        let count = self.inventory.labels.len();
        let labels = heads
            .iter()
            .enumerate()
            .map(|(at, &head)| {
                // The label `root` belongs to the root alone.
                match self.root_label {
                    Some(root) if head == 0 => return root,
                    Some(root) => scores[at * count + root] = f32::NEG_INFINITY,
                    None => {}
                }
                pick(&scores, n, at)
            })
            .collect();
        (heads, labels)
    }
}

/// The best class of row `at` of `[n, classes]`.
fn pick(scores: &[f32], n: usize, at: usize) -> usize {
    let width = scores.len() / n;
    largest(&scores[at * width..][..width]).unwrap_or(0)
}
