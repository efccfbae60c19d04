//! The keys and values of the tokens so far, in buffers of fixed size.

use burn::tensor::{DType, Device, Int, Tensor};

/// One layer's keys and values, `[rows, heads, capacity, head size]`, of which the first `length` positions are filled.
pub struct KvCache {
    keys: Tensor<4>,
    values: Tensor<4>,
    length: usize,
}

impl KvCache {
    /// Room for `capacity` positions, allocated once.
    pub fn new(rows: usize, heads: usize, capacity: usize, size: usize, device: &Device, dtype: DType) -> KvCache {
        let empty = || Tensor::zeros([rows, heads, capacity, size], (device, dtype));
        KvCache { keys: empty(), values: empty(), length: 0 }
    }

    /// Positions filled so far.
    pub fn length(&self) -> usize {
        self.length
    }

    pub fn device(&self) -> Device {
        self.keys.device()
    }

    pub fn dtype(&self) -> DType {
        self.keys.dtype()
    }

    /// Writes the next positions in place and gives all keys and values so far, `[rows, heads, length, head size]`. The caller
    /// never exceeds the capacity: the generation loop makes room for the prompt and every new token.
    pub fn append(&mut self, keys: Tensor<4>, values: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let [rows, heads, new, size] = keys.dims();
        let place = [0..rows, 0..heads, self.length..self.length + new, 0..size];
        self.keys.inplace(|all| all.slice_assign(place.clone(), keys));
        self.values.inplace(|all| all.slice_assign(place, values));
        self.length += new;
        (self.keys.clone().narrow(2, 0, self.length), self.values.clone().narrow(2, 0, self.length))
    }

    /// Keeps the rows of these numbers, in this order; a row may stand several times.
    pub fn select_rows(&mut self, rows: &Tensor<1, Int>) {
        self.keys.inplace(|all| all.select(0, rows.clone()));
        self.values.inplace(|all| all.select(0, rows.clone()));
    }
}
