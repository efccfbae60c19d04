//! What a language model carries from one token to the next.

use crate::gpu::Pace;
use crate::layers::{KvCache, padding_bias};
use burn::tensor::{Int, Tensor, TensorData};
use std::sync::Arc;

/// Embedded prompts of a batch, aligned at the right.
pub struct Prompt {
    /// `[rows, length, width]`.
    pub embeddings: Tensor<3>,
    /// For every row, how many positions at its left are padding.
    pub padding: Vec<usize>,
    /// Caches of an earlier batch of the same rows and lengths, to be written over; none is as good.
    room: Vec<KvCache>,
    keeps: bool,
}

impl Prompt {
    pub fn new(embeddings: Tensor<3>, padding: Vec<usize>) -> Prompt {
        Prompt { embeddings, padding, room: Vec::new(), keeps: false }
    }

    /// With caches of an earlier batch of the same rows and lengths, to be written over.
    #[cfg(feature = "cuda")]
    pub(crate) fn within(self, room: Vec<KvCache>) -> Prompt {
        Prompt { room, ..self }
    }

    /// Whether its caches are kept for later batches: they then get memory of exactly their size.
    #[cfg(feature = "cuda")]
    pub(crate) fn keeping(self, keeps: bool) -> Prompt {
        Prompt { keeps, ..self }
    }

    /// The caches of so many layers, each `[rows, heads, capacity, size]` and empty.
    pub(super) fn caches(&mut self, layers: usize, [heads, capacity, size]: [usize; 3]) -> Vec<KvCache> {
        if self.room.len() == layers {
            return std::mem::take(&mut self.room);
        }
        let (rows, device, dtype) = (self.padding.len(), self.embeddings.device(), self.embeddings.dtype());
        let empty = |()| (0..layers).map(|_| KvCache::new(rows, heads, capacity, size, &device, dtype)).collect();
        if self.keeps { device.memory_persistent_allocations((), empty) } else { empty(()) }
    }
}

/// The keys and values of a batch in work.
pub struct State {
    pub(super) caches: Vec<KvCache>,
    /// For every row, the positions at the left of the decoder's sequence that are padding.
    pub(super) padding: Vec<usize>,
    /// Encoder–decoder models: each layer's keys and values of the encoded prompt, and the bias that hides its padding.
    pub(super) crossed: Vec<(Tensor<4>, Tensor<4>)>,
    pub(super) crossed_bias: Option<Tensor<4>>,
    /// Relative position biases of the decoder, `[1, heads, capacity, capacity]`.
    pub(super) position_bias: Option<Tensor<4>>,
    /// Encoder–decoder models: for every row, the positions at the left of the prompt that are padding.
    pub(super) crossed_padding: Vec<usize>,
    /// Cosines and sines of every position, where positions turn and the batch stands on a GPU.
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "only a GPU reads it"))]
    pub(super) turns: Option<(Tensor<2>, Tensor<2>)>,
    /// Where the batch stands, once steps take their place from the device: see [`State::pace_from`].
    pub(super) pace: Option<Arc<Pace>>,
}

impl State {
    pub(super) fn decoder_only(caches: Vec<KvCache>, padding: Vec<usize>) -> State {
        State {
            crossed_padding: vec![0; padding.len()],
            caches,
            padding,
            crossed: Vec::new(),
            crossed_bias: None,
            position_bias: None,
            turns: None,
            pace: None,
        }
    }

    /// The caches of the layers.
    #[cfg(feature = "cuda")]
    pub(crate) fn caches(&self) -> &[KvCache] {
        &self.caches
    }

    /// Each layer's keys and values of what an encoder read.
    #[cfg(feature = "cuda")]
    pub(crate) fn crossed(&self) -> &[(Tensor<4>, Tensor<4>)] {
        &self.crossed
    }

    /// Rows in work.
    pub fn rows(&self) -> usize {
        self.padding.len()
    }

    /// Positions read so far.
    pub fn length(&self) -> usize {
        self.caches.first().map_or(0, KvCache::length)
    }

    /// Keeps the rows of these numbers, in this order; a row may stand several times (beams), and finished ones need not stand.
    pub fn select_rows(&mut self, rows: &[usize]) {
        let Some(device) = self.caches.first().map(KvCache::device) else { return };
        let numbers: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
        let numbers: Tensor<1, Int> = Tensor::from_data(TensorData::new(numbers, [rows.len()]), &device);
        for cache in &mut self.caches {
            cache.select_rows(&numbers);
        }
        for (keys, values) in &mut self.crossed {
            keys.inplace(|keys| keys.select(0, numbers.clone()));
            values.inplace(|values| values.select(0, numbers.clone()));
        }
        if let Some(bias) = &mut self.crossed_bias {
            bias.inplace(|bias| bias.select(0, numbers));
        }
        for padding in [&mut self.padding, &mut self.crossed_padding] {
            *padding = rows.iter().map(|&row| padding[row]).collect();
        }
    }

    /// From now on a step takes its place and its tokens from the device, the next ones being `tokens` `[rows]`, and
    /// nothing of it changes from one to the next. Room for `steps` of them. [`State::fits_gpu`] holds.
    #[cfg(feature = "cuda")]
    pub(crate) fn pace_from(&mut self, tokens: &Tensor<1, Int>, steps: usize) -> Arc<Pace> {
        for (keys, values) in &mut self.crossed {
            keys.inplace(crate::gpu::settled);
            values.inplace(crate::gpu::settled);
        }
        if let Some(bias) = &mut self.position_bias {
            bias.inplace(crate::gpu::settled);
        }
        let pace = Pace::new(self.length(), &self.padding, &self.crossed_padding, tokens, steps, self.turns.clone());
        let pace = Arc::new(pace);
        self.pace = Some(Arc::clone(&pace));
        pace
    }

    /// Another batch of as many rows and as far takes the place of the one that `pace` belongs to, whose caches it was read into.
    #[cfg(feature = "cuda")]
    pub(crate) fn take_the_place(&self, crossed: &[(Tensor<4>, Tensor<4>)], pace: &Pace, tokens: &Tensor<1, Int>) {
        for ((keys, values), (new_keys, new_values)) in crossed.iter().zip(&self.crossed) {
            for (mine, new) in [(keys, new_keys), (values, new_values)] {
                crate::gpu::write_positions(mine, new, 0).expect("such keys and values were written before");
            }
        }
        pace.restart(&self.padding, &self.crossed_padding, tokens);
    }

    /// Whether the GPU's kernels can go on from here by themselves.
    #[cfg(feature = "cuda")]
    pub(crate) fn fits_gpu(&self) -> bool {
        self.caches.iter().all(|cache| cache.fits_gpu(self.turns.is_some()))
            && self.crossed.iter().all(|(keys, _)| crate::gpu::fits(keys, false))
    }

    /// Hides the padding from a new token, with that token's own position already counted.
    pub(super) fn step_bias(&self) -> Option<Tensor<4>> {
        let cache = self.caches.first()?;
        padding_bias(cache.length() + 1, &self.padding, &cache.device(), cache.dtype())
    }

    /// The position of the next token of every row, counted without padding.
    pub(super) fn next_positions(&self) -> Vec<u32> {
        let length = self.length();
        self.padding.iter().map(|&pad| length.saturating_sub(pad) as u32).collect()
    }
}

/// The positions of a prompt's tokens, row after row; padding counts as position 0, which nothing reads.
pub(super) fn prompt_positions(length: usize, padding: &[usize]) -> Vec<u32> {
    padding.iter().flat_map(|&pad| (0..length).map(move |index| index.saturating_sub(pad) as u32)).collect()
}
