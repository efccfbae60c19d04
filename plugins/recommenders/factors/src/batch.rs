//! A batch's triples grouped by the rows that they touch, so that each row's gradient is summed by one thread, in one order.

use crate::sampler::Triple;

/// The distinct rows of one side (users, or items), ascending, with the batch's uses of each.
#[derive(Debug, Default)]
pub struct Group {
    pub rows: Vec<u32>,
    offsets: Vec<u32>,
    /// Triple and sign: +1 as the user or the positive item, −1 as the negative one.
    uses: Vec<(u32, f32)>,
}

impl Group {
    fn build(&mut self, entries: &mut Vec<(u32, u32, f32)>) {
        entries.sort_unstable_by_key(|(row, triple, _)| (*row, *triple));
        self.rows.clear();
        self.offsets.clear();
        self.uses.clear();
        for (row, triple, sign) in entries.drain(..) {
            if self.rows.last() != Some(&row) {
                self.rows.push(row);
                self.offsets.push(self.uses.len() as u32);
            }
            self.uses.push((triple, sign));
        }
        self.offsets.push(self.uses.len() as u32);
    }

    /// The uses of the row at a place of [`Group::rows`].
    pub fn uses(&self, place: usize) -> &[(u32, f32)] {
        &self.uses[self.offsets[place] as usize..self.offsets[place + 1] as usize]
    }
}

/// A batch.
#[derive(Debug, Default)]
pub struct Batch {
    pub triples: Vec<Triple>,
    pub users: Group,
    pub items: Group,
    /// Where each triple's items stand in `items.rows`: positive, negative.
    pub places: Vec<(u32, u32)>,
    scratch: Vec<(u32, u32, f32)>,
}

impl Batch {
    #[cfg(test)]
    pub fn of(triples: Vec<Triple>) -> Batch {
        let mut batch = Batch { triples, ..Batch::default() };
        batch.group();
        batch
    }

    /// Groups the triples that were put in.
    pub fn group(&mut self) {
        self.scratch.extend(self.triples.iter().zip(0..).map(|(triple, number)| (triple.user, number, 1.0)));
        self.users.build(&mut self.scratch);
        for (triple, number) in self.triples.iter().zip(0..) {
            self.scratch.push((triple.positive, number, 1.0));
            self.scratch.push((triple.negative, number, -1.0));
        }
        self.items.build(&mut self.scratch);
        self.places.clear();
        self.places.resize(self.triples.len(), (0, 0));
        for place in 0..self.items.rows.len() {
            for (triple, sign) in self.items.uses(place) {
                let own = &mut self.places[*triple as usize];
                *(if *sign > 0.0 { &mut own.0 } else { &mut own.1 }) = place as u32;
            }
        }
    }
}

/// The loss softplus(−difference) and its derivative by the difference. As in Elliot, differences below −80 count as −80. What is no number stays
/// none, so that a fit that has run away is noticed.
pub fn pairwise(difference: f32) -> (f64, f32) {
    let clamped = difference < -80.0;
    let x = if clamped { -80.0 } else { f64::from(difference) };
    let loss = (-x).max(0.0) + (-x.abs()).exp().ln_1p();
    let slope = if clamped { 0.0 } else { -1.0 / (1.0 + x.exp()) };
    (loss, slope as f32)
}
