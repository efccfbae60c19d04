//! The network's tensors by name and shape, shared by training and use.

use super::features::BUCKETS;
use serde::{Deserialize, Serialize};

/// Widths of the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Of a word's own embedding.
    pub word: usize,
    /// Of the sum of its hashed features.
    pub hashed: usize,
    /// Of its induced vector; 0 for none.
    pub vector: usize,
    /// Of one direction of an LSTM layer.
    pub hidden: usize,
    pub layers: usize,
    /// Of the vectors that arcs are scored with.
    pub arc: usize,
    /// Of the vectors that labels are scored with.
    pub label: usize,
}

impl Sizes {
    /// Of a word's input.
    pub fn input(&self) -> usize {
        self.word + self.hashed + self.vector
    }

    /// Of the input of an LSTM layer.
    pub fn layer_input(&self, layer: usize) -> usize {
        if layer == 0 { self.input() } else { 2 * self.hidden }
    }

    /// Of the arc and label vectors of a word, as dependent and as head.
    pub fn projections(&self) -> usize {
        2 * self.arc + 2 * self.label
    }

    /// Of what lemma rules are chosen by: the last layer's output and the word's hashed features.
    pub fn lemma_input(&self) -> usize {
        2 * self.hidden + self.hashed
    }
}

/// What the network chooses among. Words and vectors are the rows of their tables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    pub words: Vec<String>,
    pub vectors: Vec<String>,
    pub upos: Vec<String>,
    pub xpos: Vec<String>,
    pub labels: Vec<String>,
    pub lemma_rules: Vec<String>,
}

/// A row-major matrix.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tensor {
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<f32>,
}

impl Tensor {
    pub fn zeros(rows: usize, columns: usize) -> Tensor {
        Tensor { rows, columns, values: vec![0.0; rows * columns] }
    }

    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.columns..][..self.columns]
    }

    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.columns..][..self.columns]
    }
}

/// A linear map with its bias.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Linear {
    pub weight: Tensor,
    pub bias: Tensor,
}

/// One direction of an LSTM layer. Gates stand in the order input, forget, output, candidate.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lstm {
    /// `[inputs, 4 × hidden]`
    pub input: Linear,
    /// `[hidden, 4 × hidden]`
    pub recurrent: Tensor,
}

/// All tensors. Training keeps gradients and moments in the same shape.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights {
    /// `[words + 1, word]`
    pub words: Tensor,
    /// `[BUCKETS, hashed]`
    pub hashed: Tensor,
    /// `[vectors, vector]`; not trained with the network.
    pub vectors: Tensor,
    /// Forward and backward, layer after layer.
    pub lstms: Vec<[Lstm; 2]>,
    /// `[2 × hidden, 2 × arc + 2 × label]`: arc dependent, arc head, label dependent, label head.
    pub projections: Linear,
    /// `[arc, arc]`; the bias `[1, arc]` scores a word as head whatever the dependent.
    pub arcs: Linear,
    /// `[1, arc + label]`: what stands for the root among the heads.
    pub root: Tensor,
    /// `[1, DISTANCES]`, added to an arc by direction and length.
    pub distances: Tensor,
    /// `[3 × label, labels]` of dependent, head and their product.
    pub labels: Linear,
    pub upos: Linear,
    pub xpos: Linear,
    pub lemmas: Linear,
}

/// Classes of an arc's direction and length; the last is for the root.
pub const DISTANCES: usize = 21;

/// The class of an arc from a dependent (from 0) to a head (0 is the root, words from 1).
pub fn distance_class(dependent: usize, head: usize) -> usize {
    if head == 0 {
        return DISTANCES - 1;
    }
    let (near, far, side) = if head - 1 < dependent { (head - 1, dependent, 0) } else { (dependent, head - 1, 10) };
    side + match far - near {
        0 => 0,
        length @ 1..=5 => length - 1,
        6..=7 => 5,
        8..=10 => 6,
        11..=15 => 7,
        16..=25 => 8,
        _ => 9,
    }
}

impl Linear {
    fn zeros(inputs: usize, outputs: usize) -> Linear {
        Linear { weight: Tensor::zeros(inputs, outputs), bias: Tensor::zeros(1, outputs) }
    }
}

impl Weights {
    pub fn zeros(sizes: &Sizes, inventory: &Inventory) -> Weights {
        let lstm = |layer| Lstm {
            input: Linear::zeros(sizes.layer_input(layer), 4 * sizes.hidden),
            recurrent: Tensor::zeros(sizes.hidden, 4 * sizes.hidden),
        };
        let encoded = 2 * sizes.hidden;
        Weights {
            words: Tensor::zeros(inventory.words.len() + 1, sizes.word),
            hashed: Tensor::zeros(BUCKETS, sizes.hashed),
            vectors: Tensor::zeros(inventory.vectors.len(), sizes.vector),
            lstms: (0..sizes.layers).map(|layer| [lstm(layer), lstm(layer)]).collect(),
            projections: Linear::zeros(encoded, sizes.projections()),
            arcs: Linear::zeros(sizes.arc, sizes.arc),
            root: Tensor::zeros(1, sizes.arc + sizes.label),
            distances: Tensor::zeros(1, DISTANCES),
            labels: Linear::zeros(3 * sizes.label, inventory.labels.len()),
            upos: Linear::zeros(encoded, inventory.upos.len()),
            xpos: Linear::zeros(encoded, inventory.xpos.len()),
            lemmas: Linear::zeros(sizes.lemma_input(), inventory.lemma_rules.len()),
        }
    }

    /// The tables whose rows are looked up.
    pub fn tables_mut(&mut self) -> [&mut Tensor; 3] {
        [&mut self.words, &mut self.hashed, &mut self.vectors]
    }

    pub fn tables(&self) -> [&Tensor; 3] {
        [&self.words, &self.hashed, &self.vectors]
    }

    /// All other tensors, in the file's order.
    pub fn dense_mut(&mut self) -> Vec<&mut Tensor> {
        let mut all = Vec::new();
        for lstm in self.lstms.iter_mut().flatten() {
            all.extend([&mut lstm.input.weight, &mut lstm.input.bias, &mut lstm.recurrent]);
        }
        all.extend([&mut self.root, &mut self.distances]);
        for linear in
            [&mut self.projections, &mut self.arcs, &mut self.labels, &mut self.upos, &mut self.xpos, &mut self.lemmas]
        {
            all.extend([&mut linear.weight, &mut linear.bias]);
        }
        all
    }

    pub fn dense(&self) -> Vec<&Tensor> {
        let mut all = Vec::new();
        for lstm in self.lstms.iter().flatten() {
            all.extend([&lstm.input.weight, &lstm.input.bias, &lstm.recurrent]);
        }
        all.extend([&self.root, &self.distances]);
        for linear in [&self.projections, &self.arcs, &self.labels, &self.upos, &self.xpos, &self.lemmas] {
            all.extend([&linear.weight, &linear.bias]);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arcs_fall_into_classes_by_direction_and_length() {
        assert_eq!(distance_class(3, 0), DISTANCES - 1);
        assert_eq!(distance_class(3, 3), 0, "the word before");
        assert_eq!(distance_class(3, 5), 10, "the word after");
        assert_eq!(distance_class(0, 100), 19);
        assert_eq!(distance_class(100, 1), 9);
    }
}
