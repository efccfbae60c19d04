//! Blind preferences between two models' captions: which item comes next, which caption stands left, and the tally.

use super::index::{Dataset, State};
use super::journal::Entry;
use serde::{Deserialize, Serialize};

/// A person's preference for one of two captions of an item. `a` and `b` are models, by name, `a` the earlier in the alphabet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Seconds since 1970.
    pub time: u64,
    pub dataset: String,
    pub id: String,
    pub a: String,
    pub b: String,
    pub preferred: Choice,
    /// Which of them stood left.
    pub left: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    A,
    B,
    Equal,
    Withdrawn,
}

impl Choice {
    pub fn name(self) -> &'static str {
        ["a", "b", "equal", "withdrawn"][self as usize]
    }
}

/// Dataset, both models, item.
pub type VoteKey = (String, String, String, String);

impl Entry for Vote {
    type Key = VoteKey;

    fn key(&self) -> VoteKey {
        (self.dataset.clone(), self.a.clone(), self.b.clone(), self.id.clone())
    }

    fn withdraws(&self) -> bool {
        self.preferred == Choice::Withdrawn
    }
}

/// Votes on a pair of models.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tally {
    pub a: usize,
    pub b: usize,
    pub equal: usize,
}

impl Tally {
    pub fn count<'a>(votes: impl Iterator<Item = &'a Vote>) -> Tally {
        let mut tally = Tally::default();
        for vote in votes {
            match vote.preferred {
                Choice::A => tally.a += 1,
                Choice::B => tally.b += 1,
                Choice::Equal => tally.equal += 1,
                Choice::Withdrawn => {}
            }
        }
        tally
    }

    /// The share of votes for `a` among those that prefer one, with Wilson's 95 % score interval (E. B. Wilson, 1927): value, low,
    /// high in 0…1. None without such votes.
    pub fn share(&self) -> Option<(f64, f64, f64)> {
        const Z: f64 = 1.959_963_984_540_054;
        let count = (self.a + self.b) as f64;
        if count == 0.0 {
            return None;
        }
        let share = self.a as f64 / count;
        let centre = (share + Z * Z / (2.0 * count)) / (1.0 + Z * Z / count);
        let half = Z / (1.0 + Z * Z / count) * (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt();
        Some((share, (centre - half).max(0.0), (centre + half).min(1.0)))
    }
}

/// A number for each row and pair that looks random and stays the same: it decides the order of items and the sides.
pub fn mixed(row: usize, pair: (usize, usize)) -> u64 {
    // splitmix64 (Steele, Lea, Flood 2014).
    let mut z = (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((pair.0 as u64) << 40 | (pair.1 as u64) << 20);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Can the two captions of this row be compared: are both there, and not the same?
pub fn comparable(dataset: &Dataset, row: usize, pair: (usize, usize)) -> bool {
    let [one, other] = [pair.0, pair.1].map(|place| &dataset.cells[place].captions);
    let there = |state: State| matches!(state, State::Captioned | State::CutOff);
    there(one.state(row)) && there(other.state(row)) && one.texts.of(row) != other.texts.of(row)
}

/// The next of the candidates in the pair's order, behind `after`; from the beginning where there is none.
pub fn next(candidates: impl Iterator<Item = usize>, pair: (usize, usize), after: Option<u64>) -> Option<usize> {
    candidates.min_by_key(|row| {
        let place = mixed(*row, pair);
        (after.is_some_and(|after| place <= after), place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        // scipy.stats.binomtest(15, 20).proportion_ci(method="wilson"), and (0, 10), (10, 10).
        let cases =
            [((15, 5), (0.531_299_1, 0.888_138_3)), ((0, 10), (0.0, 0.277_532_8)), ((10, 0), (0.722_467_2, 1.0))];
        for ((a, b), (low, high)) in cases {
            let share = Tally { a, b, equal: 3 }.share().unwrap();
            assert!((share.1 - low).abs() < 1e-6 && (share.2 - high).abs() < 1e-6, "{share:?}");
        }
        assert_eq!(Tally { a: 0, b: 0, equal: 2 }.share(), None);
    }

    #[test]
    fn every_item_comes_once_and_sides_are_even() {
        let pair = (0, 1);
        let mut after = None;
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1000 {
            let row = next(0..1000, pair, after).unwrap();
            assert!(seen.insert(row));
            after = Some(mixed(row, pair));
        }
        assert!(seen.contains(&next(0..1000, pair, after).unwrap()), "it begins anew");
        let left = (0..1000).filter(|row| mixed(*row, pair) & 1 == 0).count();
        assert!((430..570).contains(&left), "{left}");
    }
}
