//! Ranking by factors: the score of a user and an item is the dot product of two rows.

use crate::product::product_transposed;
use plugin_api::{ErrorKind, Host, Interactions, PluginError, Ranked, Result, best_unseen};
use rayon::prelude::*;

/// Final factors of users and items.
#[derive(Debug, Clone, Default)]
pub struct Scorer {
    pub width: usize,
    /// `[users, width]`
    pub users: Vec<f32>,
    /// `[items, width]`
    pub items: Vec<f32>,
}

/// Users that are scored together by one thread.
const BLOCK: usize = 16;

impl Scorer {
    /// Scores of a block of users, `[users, items]`.
    fn block(&self, users: &[u32], rows: &mut Vec<f32>, scores: &mut Vec<f32>) {
        rows.clear();
        for user in users {
            rows.extend_from_slice(&self.users[*user as usize * self.width..][..self.width]);
        }
        scores.resize(users.len() * self.items.len() / self.width, 0.0);
        product_transposed(rows, &self.items, self.width, scores);
    }

    pub fn score(&self, users: &[u32], scores: &mut [f64]) {
        let items = self.items.len() / self.width.max(1);
        if items == 0 {
            return;
        }
        users.par_chunks(BLOCK).zip(scores.par_chunks_mut(BLOCK * items)).for_each_init(
            || (Vec::new(), Vec::new()),
            |(rows, own), (users, scores)| {
                self.block(users, rows, own);
                for (score, own) in scores.iter_mut().zip(own) {
                    *score = f64::from(*own);
                }
            },
        );
    }

    pub fn top(&self, train: Interactions<'_>, users: &[u32], count: usize, host: Host) -> Result<Vec<Vec<Ranked>>> {
        let items = train.items();
        let blocks: Vec<Result<Vec<Vec<Ranked>>>> = users
            .par_chunks(BLOCK)
            .map_init(
                || (Vec::new(), Vec::new(), Vec::new()),
                |(rows, own, wide), users| {
                    if host.cancelled() {
                        return Err(PluginError::new(ErrorKind::Internal, "stopped on request"));
                    }
                    self.block(users, rows, own);
                    let lists = users.iter().zip(own.chunks_exact(items)).map(|(user, scores)| {
                        wide.clear();
                        wide.extend(scores.iter().map(|score| f64::from(*score)));
                        best_unseen(wide, train.row(*user as usize), count)
                    });
                    Ok(lists.collect())
                },
            )
            .collect();
        let mut lists = Vec::with_capacity(users.len());
        for block in blocks {
            lists.extend(block?);
        }
        Ok(lists)
    }
}
