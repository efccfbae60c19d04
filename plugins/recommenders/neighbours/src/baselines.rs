//! Random and MostPop: what every other recommender must beat.

use plugin_api::{Features, FitStep, Interactions, Ranked, Recommender, Result};

/// A seeded random order of the items for each user. A permutation by a Feistel network: no item comes twice, and nothing is stored.
pub struct Random {
    seed: u64,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random { seed }
    }
}

/// A permutation of `0..len`.
struct Permutation {
    key: u64,
    /// Bits of each half.
    half: u32,
    len: u64,
}

/// The finalizer of splitmix64.
fn mixed(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Permutation {
    fn of_user(seed: u64, user: u32, len: usize) -> Permutation {
        let bits = (u64::BITS - (len.max(2) as u64 - 1).leading_zeros()).div_ceil(2);
        let key = mixed(seed ^ u64::from(user).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Permutation { key, half: bits, len: len as u64 }
    }

    /// What stands at a place. Values beyond the end are sent round again ("cycle walking").
    fn at(&self, place: u64) -> u32 {
        let mask = (1u64 << self.half) - 1;
        let mut value = place;
        loop {
            let (mut left, mut right) = (value >> self.half, value & mask);
            for round in 0..4u64 {
                let turned = left ^ (mixed(self.key ^ (right << 3) ^ (round << 60)) & mask);
                (left, right) = (right, turned);
            }
            value = (left << self.half) | right;
            if value < self.len {
                return value as u32;
            }
        }
    }
}

impl Recommender for Random {
    fn fit(&mut self, _train: Interactions<'_>, _features: &[Features<'_>], _epochs: usize) -> Result<FitStep> {
        Ok(FitStep::whole())
    }

    fn score(&self, train: Interactions<'_>, users: &[u32], scores: &mut [f64]) -> Result<()> {
        let items = train.items();
        for (user, row) in users.iter().zip(scores.chunks_exact_mut(items.max(1))) {
            let order = Permutation::of_user(self.seed, *user, items);
            for place in 0..items {
                row[order.at(place as u64) as usize] = (items - place) as f64;
            }
        }
        Ok(())
    }

    fn top(&self, train: Interactions<'_>, users: &[u32], count: usize) -> Result<Vec<Vec<Ranked>>> {
        let items = train.items();
        let list = |user: &u32| {
            let (order, seen) = (Permutation::of_user(self.seed, *user, items), train.row(*user as usize));
            let places = (0..items).map(|place| Ranked { item: order.at(place as u64), score: (items - place) as f64 });
            places.filter(|ranked| seen.binary_search(&ranked.item).is_err()).take(count).collect()
        };
        Ok(users.iter().map(list).collect())
    }
}

/// Items by the number of users who have them.
#[derive(Default)]
pub struct MostPop {
    users: Vec<f64>,
    order: Vec<u32>,
}

impl Recommender for MostPop {
    fn fit(&mut self, train: Interactions<'_>, _features: &[Features<'_>], _epochs: usize) -> Result<FitStep> {
        self.users = vec![0.0; train.items()];
        for item in train.indices() {
            self.users[*item as usize] += 1.0;
        }
        self.order = (0..train.items() as u32).collect();
        self.order.sort_by(|a, b| self.users[*b as usize].total_cmp(&self.users[*a as usize]).then(a.cmp(b)));
        Ok(FitStep::whole())
    }

    fn score(&self, train: Interactions<'_>, _users: &[u32], scores: &mut [f64]) -> Result<()> {
        for row in scores.chunks_exact_mut(train.items().max(1)) {
            row.copy_from_slice(&self.users);
        }
        Ok(())
    }

    fn top(&self, train: Interactions<'_>, users: &[u32], count: usize) -> Result<Vec<Vec<Ranked>>> {
        let list = |user: &u32| {
            let seen = train.row(*user as usize);
            let unseen = self.order.iter().filter(|item| seen.binary_search(item).is_err());
            unseen.take(count).map(|item| Ranked { item: *item, score: self.users[*item as usize] }).collect()
        };
        Ok(users.iter().map(list).collect())
    }
}
