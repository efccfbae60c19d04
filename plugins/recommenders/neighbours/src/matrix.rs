//! Compressed rows: borrowed from the host's interactions, or owned, such as their transpose.

use plugin_api::{Features, Interactions};
use std::borrow::Cow;

/// A sparse matrix by rows. No values: every entry is 1.
#[derive(Debug, Clone)]
pub struct Rows<'a> {
    pub columns: usize,
    pub offsets: Cow<'a, [u64]>,
    pub indices: Cow<'a, [u32]>,
    pub values: Cow<'a, [f32]>,
}

impl<'a> Rows<'a> {
    /// The interactions as they are, users in rows; `implicit` leaves the ratings out.
    pub fn of(train: Interactions<'a>, implicit: bool) -> Rows<'a> {
        Rows {
            columns: train.items(),
            offsets: Cow::Borrowed(train.offsets()),
            indices: Cow::Borrowed(train.indices()),
            values: Cow::Borrowed(if implicit { &[] } else { train.values() }),
        }
    }

    /// The features' entries that are not 0, items in rows, modality beside modality.
    pub fn of_features(items: usize, features: &[Features<'_>]) -> Rows<'static> {
        let mut rows: (Vec<u64>, Vec<u32>, Vec<f32>) = (vec![0], Vec::new(), Vec::new());
        for item in 0..items {
            let mut first = 0;
            for modality in features {
                for (place, value) in modality.row(item).iter().enumerate().filter(|(_, value)| **value != 0.0) {
                    rows.1.push((first + place) as u32);
                    rows.2.push(*value);
                }
                first += modality.width;
            }
            rows.0.push(rows.1.len() as u64);
        }
        let ones = rows.2.iter().all(|value| *value == 1.0);
        Rows {
            columns: features.iter().map(|modality| modality.width).sum(),
            offsets: rows.0.into(),
            indices: rows.1.into(),
            values: if ones { Cow::Owned(Vec::new()) } else { rows.2.into() },
        }
    }

    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.offsets[row] as usize..self.offsets[row + 1] as usize
    }

    pub fn row(&self, row: usize) -> &[u32] {
        &self.indices[self.range(row)]
    }

    /// The values of a row; empty if all are 1.
    pub fn row_values(&self, row: usize) -> &[f32] {
        if self.values.is_empty() { &[] } else { &self.values[self.range(row)] }
    }

    /// Columns as rows, in ascending order within each.
    pub fn transposed(&self) -> Rows<'static> {
        let mut offsets = vec![0u64; self.columns + 1];
        for column in self.indices.iter() {
            offsets[*column as usize + 1] += 1;
        }
        for column in 0..self.columns {
            offsets[column + 1] += offsets[column];
        }
        let mut next = offsets.clone();
        let mut indices = vec![0u32; self.indices.len()];
        let mut values = vec![0f32; self.values.len()];
        for row in 0..self.len() {
            let own = self.row_values(row);
            for (place, column) in self.row(row).iter().enumerate() {
                let slot = &mut next[*column as usize];
                indices[*slot as usize] = row as u32;
                if let Some(value) = own.get(place) {
                    values[*slot as usize] = *value;
                }
                *slot += 1;
            }
        }
        Rows { columns: self.len(), offsets: offsets.into(), indices: indices.into(), values: values.into() }
    }
}
