//! Rows of a table, by number.

use crate::Result;
use crate::weights::Loader;
use burn::tensor::{Int, Tensor, TensorData};

/// A table of vectors `[count, width]`.
pub struct Embedding {
    table: Tensor<2>,
}

impl Embedding {
    /// Reads `weight`.
    ///
    /// # Errors
    /// As [`Loader::tensor`].
    pub fn load(loader: &Loader, count: usize, width: usize) -> Result<Embedding> {
        Ok(Embedding { table: loader.tensor("weight", [count, width])? })
    }

    /// Numbers already on the device, `[n]` to `[n, width]`.
    pub fn select(&self, ids: Tensor<1, Int>) -> Tensor<2> {
        self.table.clone().select(0, ids)
    }

    /// `ids.len()` rows: `[n, width]`. Every id must be below the table's count.
    pub fn rows(&self, ids: &[u32]) -> Tensor<2> {
        let ids: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
        let count = ids.len();
        self.select(Tensor::from_data(TensorData::new(ids, [count]), &self.table.device()))
    }

    pub fn count(&self) -> usize {
        self.table.dims()[0]
    }

    pub fn width(&self) -> usize {
        self.table.dims()[1]
    }

    /// The table itself, for a head tied to it.
    pub fn table(&self) -> Tensor<2> {
        self.table.clone()
    }
}
