//! Training triples: a user, an item of his, and one that he does not have, all drawn uniformly.

use crate::options::Sampling;
use crate::random::Random;
use plugin_api::Interactions;

/// A user, an item that he has, and one that he has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Triple {
    pub user: u32,
    pub positive: u32,
    pub negative: u32,
}

/// Draws an epoch's triples: as many as there are interactions.
pub struct Sampler<'a> {
    train: Interactions<'a>,
    sampling: Sampling,
    /// Users with an item, and one that they lack.
    users: Vec<u32>,
}

impl<'a> Sampler<'a> {
    pub fn new(train: Interactions<'a>, sampling: Sampling) -> Sampler<'a> {
        let usable = |user: &u32| (1..train.items()).contains(&train.row(*user as usize).len());
        Sampler { train, sampling, users: (0..train.users() as u32).filter(usable).collect() }
    }

    /// Nobody can be learnt from.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The triples of a batch, into `triples`.
    pub fn draw(&self, random: &mut Random, count: usize, triples: &mut Vec<Triple>) {
        triples.clear();
        while triples.len() < count {
            let (user, positive) = match self.sampling {
                Sampling::Users => {
                    let user = self.users[random.below(self.users.len())];
                    let row = self.train.row(user as usize);
                    (user, row[random.below(row.len())])
                }
                Sampling::Interactions => {
                    let place = random.below(self.train.count());
                    let user = self.train.offsets().partition_point(|offset| *offset <= place as u64) - 1;
                    if self.train.row(user).len() == self.train.items() {
                        continue;
                    }
                    (user as u32, self.train.indices()[place])
                }
            };
            let row = self.train.row(user as usize);
            let negative = loop {
                let item = random.below(self.train.items()) as u32;
                if row.binary_search(&item).is_err() {
                    break item;
                }
            };
            triples.push(Triple { user, positive, negative });
        }
    }
}
