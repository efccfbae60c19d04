//! Every column's top k of the similarity matrix, found column by column on all threads; the matrix itself is never there.

use crate::matrix::Rows;
use crate::similarity::{RowSums, Similarity};
use plugin_api::{Best, ErrorKind, Host, PluginError, Ranked, Result};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// W: column `c` holds the top k rows of `c`; stored by rows, as scoring reads it.
#[derive(Debug, Clone, Default)]
pub struct Weights {
    offsets: Vec<u64>,
    columns: Vec<u32>,
    values: Vec<f64>,
}

impl Weights {
    /// The columns of a row with their weights, ascending.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let range = self.offsets[row] as usize..self.offsets[row + 1] as usize;
        self.columns[range.clone()].iter().copied().zip(self.values[range].iter().copied())
    }

    /// Turns lists by column into rows.
    fn from_columns(lists: &[Vec<Ranked>]) -> Weights {
        let mut offsets = vec![0u64; lists.len() + 1];
        for entry in lists.iter().flatten() {
            offsets[entry.item as usize + 1] += 1;
        }
        for row in 0..lists.len() {
            offsets[row + 1] += offsets[row];
        }
        let mut next = offsets.clone();
        let all = offsets[lists.len()] as usize;
        let (mut columns, mut values) = (vec![0; all], vec![0.0; all]);
        for (column, list) in lists.iter().enumerate() {
            for entry in list {
                let slot = &mut next[entry.item as usize];
                columns[*slot as usize] = column as u32;
                values[*slot as usize] = entry.score;
                *slot += 1;
            }
        }
        Weights { offsets, columns, values }
    }
}

/// What a column has in common with every row: counts where all entries are 1, sums otherwise.
struct Common {
    counts: Vec<u32>,
    sums: Vec<f64>,
    touched: Vec<u32>,
}

/// Columns that one thread takes at a time.
const BLOCK: usize = 64;

/// The top `count` of every column of the similarity among `rows`, with `columns` their transpose.
///
/// # Errors
/// The host asked to stop.
pub fn nearest(
    rows: &Rows<'_>,
    columns: &Rows<'_>,
    similarity: &Similarity,
    count: usize,
    alpha: f64,
    host: Host,
) -> Result<Weights> {
    let all = rows.len();
    let sums: Vec<RowSums> =
        (0..all).into_par_iter().map(|row| RowSums::of(rows.row(row).len(), rows.row_values(row), alpha)).collect();
    let done = AtomicU64::new(0);
    let fresh = || Common {
        counts: if rows.values.is_empty() { vec![0; all] } else { Vec::new() },
        sums: if rows.values.is_empty() { Vec::new() } else { vec![0.0; all] },
        touched: Vec::new(),
    };
    let blocks: Vec<usize> = (0..all).step_by(BLOCK).collect();
    let lists: Vec<Result<Vec<Vec<Ranked>>>> = blocks
        .into_par_iter()
        .map_init(fresh, |common, first| {
            if host.cancelled() {
                return Err(PluginError::new(ErrorKind::Internal, "stopped on request"));
            }
            let block = first..(first + BLOCK).min(all);
            let found = block.clone().map(|column| column_of(column, rows, columns, similarity, &sums, count, common));
            let found = found.collect();
            let before = done.fetch_add(block.len() as u64, Ordering::Relaxed);
            if before / 4096 != (before + block.len() as u64) / 4096 {
                host.progress(before + block.len() as u64, all as u64);
            }
            Ok(found)
        })
        .collect();
    let mut whole = Vec::with_capacity(all);
    for block in lists {
        whole.extend(block?);
    }
    Ok(Weights::from_columns(&whole))
}

fn column_of(
    column: usize,
    rows: &Rows<'_>,
    columns: &Rows<'_>,
    similarity: &Similarity,
    sums: &[RowSums],
    count: usize,
    common: &mut Common,
) -> Vec<Ranked> {
    let own = rows.row_values(column);
    for (place, feature) in rows.row(column).iter().enumerate() {
        let others = columns.row(*feature as usize);
        if rows.values.is_empty() {
            for other in others {
                let slot = &mut common.counts[*other as usize];
                if *slot == 0 {
                    common.touched.push(*other);
                }
                *slot += 1;
            }
        } else {
            let value = f64::from(own[place]);
            for (other, weight) in others.iter().zip(columns.row_values(*feature as usize)) {
                let slot = &mut common.sums[*other as usize];
                // A sum that has come back to 0 is listed twice, which the reset below makes harmless.
                if *slot == 0.0 {
                    common.touched.push(*other);
                }
                *slot += similarity.common(value, f64::from(*weight));
            }
        }
    }
    let ones = similarity.common(1.0, 1.0);
    let mut best = Best::new(count);
    let mut offer = |other: u32, common: f64| {
        if other as usize == column && !similarity.includes_self() {
            return;
        }
        let score = similarity.of(common, &sums[column], &sums[other as usize]);
        if score != 0.0 {
            best.offer(Ranked { item: other, score });
        }
    };
    if similarity.is_dense() {
        for other in 0..rows.len() {
            let shared =
                if rows.values.is_empty() { ones * f64::from(common.counts[other]) } else { common.sums[other] };
            offer(other as u32, shared);
        }
    }
    for other in common.touched.drain(..) {
        let place = other as usize;
        let shared = if rows.values.is_empty() {
            ones * f64::from(std::mem::take(&mut common.counts[place]))
        } else {
            std::mem::take(&mut common.sums[place])
        };
        if !similarity.is_dense() && shared != 0.0 {
            offer(other, shared);
        }
    }
    best.finish()
}
