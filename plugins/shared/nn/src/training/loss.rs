//! What is learnt: the captions' tokens with their end tokens, and nothing else. Prompts and padding are never in the loss.

use super::tape::{Gradients, Tape, Var};
use crate::device::f32_like;
use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData, activation};
use plugin_api::Loss;

/// So many tokens of a caption are learnt at most; catalogue descriptions have some tens.
const LONGEST: usize = 512;

/// The tokens to learn of every row of a batch, each with its end token.
#[derive(Debug, Clone)]
pub struct Labels {
    rows: Vec<Vec<u32>>,
}

impl Labels {
    /// No row may be empty: the end token at least is learnt.
    pub fn new(rows: Vec<Vec<u32>>) -> Labels {
        Labels { rows }
    }

    /// A caption's tokens with the end token behind them. Of a caption that has no room, the beginning is learnt and no end, which would
    /// teach to stop in the middle.
    pub fn row(mut tokens: Vec<u32>, end: u32, room: usize) -> Vec<u32> {
        tokens.push(end);
        tokens.truncate(room.clamp(1, LONGEST));
        tokens
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Tokens of the longest row.
    pub fn longest(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// Tokens in the loss.
    pub fn count(&self) -> usize {
        self.rows.iter().map(Vec::len).sum()
    }

    /// What a decoder reads before each position of the longest row: `first` and then each row's tokens but its last, or only the latter.
    /// Row after row, padded at the right by token 0, which no counted position sees.
    pub fn read(&self, first: Option<u32>) -> Vec<u32> {
        let length = self.longest() - usize::from(first.is_none());
        let row = |row: &Vec<u32>| {
            let mut ids: Vec<u32> = first.into_iter().chain(row[..row.len() - 1].iter().copied()).collect();
            ids.resize(length, 0);
            ids
        };
        self.rows.iter().flat_map(row).collect()
    }

    /// Where the counted positions stand in `[rows, length]`, flattened: each row's begin at `start`.
    pub fn places(&self, length: usize, start: usize) -> Vec<usize> {
        let rows = self.rows.iter().enumerate();
        rows.flat_map(|(row, ids)| (0..ids.len()).map(move |place| row * length + start + place)).collect()
    }

    /// The counted tokens, in the order of [`Labels::places`].
    pub fn ids(&self) -> Vec<u32> {
        self.rows.iter().flatten().copied().collect()
    }
}

/// The losses of scores `[1, counted tokens, vocabulary]`. On a recording tape, `weight` times the gradient of their sum flows back to `adapters`;
/// not if the sum is not finite.
pub fn cross_entropy(tape: Tape<'_>, scores: Var, labels: &Labels, weight: f64, adapters: &mut Gradients) -> Loss {
    let ids = labels.ids();
    let [_, count, vocabulary] = scores.value.dims();
    let Var { value, node } = scores;
    let (losses, gradient) = of_rows(value.reshape([count, vocabulary]), &ids, weight);
    let sum: f64 = losses.iter().sum();
    if sum.is_finite() && node.is_some() {
        // The scores themselves are not needed any more: only their number in the record is.
        tape.backward(node, gradient.reshape([1, count, vocabulary]), adapters);
    }
    Loss { sum, tokens: ids.len() as u64 }
}

/// Each row's loss, and `weight` times the gradient of their sum: `[n, vocabulary]`.
fn of_rows(scores: Tensor<2>, ids: &[u32], weight: f64) -> (Vec<f64>, Tensor<2>) {
    #[cfg(feature = "flex")]
    let scores = match crate::cpu::cross_entropy(scores, ids, weight) {
        Ok(done) => return done,
        Err(scores) => scores,
    };
    let dtype = scores.dtype();
    let device = scores.device();
    let count = ids.len();
    let logs = activation::log_softmax(f32_like(scores), 1);
    let numbers: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
    let numbers: Tensor<2, Int> = Tensor::from_data(TensorData::new(numbers, [count, 1]), &device);
    let losses = logs.clone().gather(1, numbers.clone()).into_data().iter::<f32>().map(|log| -f64::from(log)).collect();
    let ones = Tensor::full([count, 1], -1.0, (&device, logs.dtype()));
    let gradient = logs.exp().scatter(1, numbers, ones, IndexingUpdateOp::Add) * weight;
    (losses, if gradient.dtype() == dtype { gradient } else { gradient.cast(dtype) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_up_to_its_last_token_and_padding_is_counted_nowhere() {
        let labels = Labels::new(vec![vec![5, 6, 2], vec![7, 2]]);
        assert_eq!(labels.read(None), [5, 6, 7, 0]);
        assert_eq!(labels.read(Some(9)), [9, 5, 6, 9, 7, 0]);
        assert_eq!(labels.places(3, 0), [0, 1, 2, 3, 4]);
        assert_eq!(labels.ids(), [5, 6, 2, 7, 2]);
        assert_eq!((labels.count(), labels.longest()), (5, 3));
        assert_eq!(Labels::row(vec![5, 6], 2, 100), [5, 6, 2]);
        assert_eq!(Labels::row(vec![5, 6, 7], 2, 2), [5, 6], "a caption that is cut does not end");
        assert_eq!(Labels::row(Vec::new(), 2, 0), [2]);
        assert_eq!(Labels::row(vec![5; 5000], 2, usize::MAX).len(), LONGEST);
        let uneven = Labels::new(vec![vec![2], vec![7, 8, 2]]);
        assert_eq!(uneven.places(5, 2), [2, 7, 8, 9]);
    }
}
