//! Which interactions count, and which are for training, validation and test. Duplicates collapse to the first of each user and item.

use super::by_row::{by_row, sort_rows};
use super::log::{Interaction, Log};
use crate::error::{Error, Result};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Who and what is left out before splitting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Filter {
    /// Every user and every item that is left has so many interactions: what falls short is taken out until nothing does.
    pub k_core: usize,
    /// Users with fewer interactions are taken out, once.
    pub cold_users: usize,
    /// Items with fewer interactions are taken out, once, before users.
    pub cold_items: usize,
}

/// How interactions are divided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Split {
    pub by: By,
    /// Share of interactions for the test part; of each user's, but of all with `temporal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<f64>,
    /// The same for validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<f64>,
    /// `leave-n-out`: interactions of each user, for validation and for test each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<usize>,
    /// `leave-n-out`: the last ones, or random ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
}

impl Split {
    /// Of the test part and of validation.
    fn shares(&self) -> [f64; 2] {
        [self.test.unwrap_or(0.2), self.validation.unwrap_or(0.1)]
    }

    fn count(&self) -> usize {
        self.n.unwrap_or(1)
    }

    /// Do the keys belong together, and do they leave something for every part?
    pub fn check(&self) -> Result<()> {
        let counts = self.by == By::LeaveNOut;
        let (others, belongs) = match counts {
            true => ([("test", self.test.is_some()), ("validation", self.validation.is_some())], "a split by shares"),
            false => ([("n", self.n.is_some()), ("order", self.order.is_some())], "leave-n-out"),
        };
        if let Some((key, _)) = others.into_iter().find(|(_, given)| *given) {
            return Err(Error::usage(format!("`{key}` of the split belongs to {belongs}, and says nothing here"))
                .help(match counts {
                    true => "n = 1 is how many interactions of each user are for validation and for test each",
                    false => "`test` and `validation` are the shares of the parts",
                }));
        }
        let shares = self.shares();
        if shares.iter().any(|share| !(*share > 0.0 && *share < 1.0)) || shares.iter().sum::<f64>() >= 1.0 {
            return Err(Error::usage(
                "the shares `test` and `validation` of the split are above 0 and below 1 together",
            ));
        }
        if self.count() == 0 {
            return Err(Error::usage("`n = 0` of the split leaves nothing to test on"));
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Each user's last interactions.
    TemporalUser,
    /// All interactions after a time.
    Temporal,
    /// So many of each user.
    LeaveNOut,
    /// A random share of each user's.
    Random,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    #[default]
    Time,
    Random,
}

/// Where an interaction belongs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Part {
    #[default]
    Train,
    Validation,
    Test,
}

/// What filtering took out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filtered {
    pub read: usize,
    pub duplicates: usize,
    /// Of three files: interactions of validation and test with an item that the user has in an earlier part.
    #[serde(default)]
    pub repeated: usize,
    /// Of items without features, where that is the policy.
    #[serde(default)]
    pub without_features: usize,
    pub filtered: usize,
    /// Rounds until the core was found.
    pub rounds: usize,
}

/// Sorts interactions by user and item and keeps the earliest of equal pairs. A pair's earliest is what a user did first; without timestamps, the first
/// line.
pub fn collapse(log: &mut Log) -> usize {
    let entries = std::mem::take(&mut log.interactions);
    let (offsets, mut rows) = by_row(log.users.len(), &entries, |it| it.user, |it| *it);
    drop(entries);
    // Stable: of equal times the earlier line stays first.
    sort_rows(&offsets, &mut rows, &|it: &Interaction| (it.item, it.when()));
    let before = rows.len();
    rows.dedup_by_key(|it| (it.user, it.item));
    log.interactions = rows;
    before - log.interactions.len()
}

/// The same of a log in parts: the first line of equal pairs stays, training's before validation's before test's. Returns how many went for an earlier
/// line of their own part, and how many for an earlier part.
pub fn collapse_parts(log: &mut Log, parts: &mut Vec<Part>) -> (usize, usize) {
    let entries: Vec<(Interaction, Part)> =
        std::mem::take(&mut log.interactions).into_iter().zip(parts.drain(..)).collect();
    let (offsets, mut rows) = by_row(log.users.len(), &entries, |(it, _)| it.user, |entry| *entry);
    drop(entries);
    sort_rows(&offsets, &mut rows, &|(it, part): &(Interaction, Part)| (it.item, *part));
    let (mut duplicates, mut repeated) = (0, 0);
    rows.dedup_by(|(it, part), (kept, kept_part)| {
        let goes = (it.user, it.item) == (kept.user, kept.item);
        if goes {
            *(if part == kept_part { &mut duplicates } else { &mut repeated }) += 1;
        }
        goes
    });
    (log.interactions, *parts) = rows.into_iter().unzip();
    (duplicates, repeated)
}

/// Applies the filter.
pub fn filter(log: &mut Log, filter: &Filter) -> Filtered {
    let before = log.interactions.len();
    let (users, items) = (log.users.len(), log.items.len());
    let mut rounds = 0;
    if filter.cold_items > 1 {
        keep(&mut log.interactions, items, filter.cold_items, |it| it.item);
    }
    if filter.cold_users > 1 {
        keep(&mut log.interactions, users, filter.cold_users, |it| it.user);
    }
    if filter.k_core > 1 {
        loop {
            rounds += 1;
            let count = log.interactions.len();
            keep(&mut log.interactions, users, filter.k_core, |it| it.user);
            keep(&mut log.interactions, items, filter.k_core, |it| it.item);
            if log.interactions.len() == count {
                break;
            }
        }
    }
    Filtered { filtered: before - log.interactions.len(), rounds, ..Filtered::default() }
}

fn keep(interactions: &mut Vec<Interaction>, names: usize, least: usize, key: impl Fn(&Interaction) -> u32) {
    let mut counts = vec![0usize; names];
    interactions.iter().for_each(|it| counts[key(it) as usize] += 1);
    interactions.retain(|it| counts[key(it) as usize] >= least);
}

/// The part of each interaction. The log is sorted by user, as [`collapse`] leaves it.
///
/// # Errors
/// A temporal split of a log without timestamps.
pub fn split(log: &Log, split: &Split, seed: u64) -> Result<Vec<Part>> {
    let temporal = match split.by {
        By::TemporalUser | By::Temporal => true,
        By::LeaveNOut => split.order.unwrap_or_default() == Order::Time,
        By::Random => false,
    };
    if let Some(place) = log.untimed.as_ref().filter(|_| temporal) {
        return Err(Error::usage(format!("the split goes by time, and {place} has no timestamp")).help(
            "give a fourth column with timestamps, or split by = \"random\", or \"leave-n-out\" with order = \"random\"",
        ));
    }
    if split.by == By::Temporal {
        return Ok(by_time(&log.interactions, split));
    }
    let users = log.interactions.par_chunk_by(|a, b| a.user == b.user);
    Ok(users.flat_map_iter(|user| parts_of(user, split, temporal, seed)).collect())
}

/// The parts of one user's interactions.
fn parts_of(user: &[Interaction], split: &Split, temporal: bool, seed: u64) -> Vec<Part> {
    let count = split.count();
    let [test, validation] = match split.by {
        By::LeaveNOut if user.len() > count.saturating_mul(2) => [count, count],
        By::LeaveNOut => [0, 0],
        // Rounded down, as in Elliot; who has too few stays in training.
        _ => split.shares().map(|share| (user.len() as f64 * share) as usize),
    };
    let mut order: Vec<usize> = (0..user.len()).collect();
    if temporal {
        order.sort_unstable_by_key(|place| (user[*place].when(), user[*place].item));
    } else {
        shuffle(&mut order, seed ^ u64::from(user[0].user).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
    let train = user.len() - test - validation;
    let mut parts = vec![Part::Train; user.len()];
    for place in &order[train..train + validation] {
        parts[*place] = Part::Validation;
    }
    for place in &order[train + validation..] {
        parts[*place] = Part::Test;
    }
    parts
}

/// Everything from a time on is test, everything from an earlier one validation; equal times are never parted.
fn by_time(interactions: &[Interaction], split: &Split) -> Vec<Part> {
    let mut times: Vec<(i64, u32)> = interactions.iter().map(Interaction::when).collect();
    times.par_sort_unstable();
    let at =
        |share: f64| times.get(((1.0 - share) * times.len() as f64) as usize).copied().unwrap_or((i64::MAX, u32::MAX));
    let [test, validation] = split.shares();
    let (validation, test) = (at(test + validation), at(test));
    let part = |it: &Interaction| match it.when() {
        time if time >= test => Part::Test,
        time if time >= validation => Part::Validation,
        _ => Part::Train,
    };
    interactions.iter().map(part).collect()
}

fn shuffle(order: &mut [usize], seed: u64) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    for end in (1..order.len()).rev() {
        let other = ((u128::from(random.next_u64()) * (end as u128 + 1)) >> 64) as usize;
        order.swap(end, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(rows: &[(u32, u32, i64)]) -> Log {
        let mut log = Log::default();
        for (user, item, time) in rows {
            while log.users.len() <= *user as usize {
                log.users.insert(format!("u{}", log.users.len()).into());
            }
            while log.items.len() <= *item as usize {
                log.items.insert(format!("i{}", log.items.len()).into());
            }
            log.interactions.push(Interaction { user: *user, item: *item, rating: 1.0, nanos: 0, time: *time });
        }
        log
    }

    fn by(by: By) -> Split {
        Split { by, test: Some(0.2), validation: Some(0.2), n: None, order: None }
    }

    #[test]
    fn a_core_is_found_by_taking_out_until_nothing_falls_short() {
        // Item 2 goes first, which leaves user 2 with one, whose going leaves everything else whole.
        let mut all = log(&[(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0), (2, 0, 0), (2, 2, 0)]);
        let filtered = filter(&mut all, &Filter { k_core: 2, ..Filter::default() });
        assert_eq!((filtered.filtered, all.interactions.len()), (2, 4));
        assert!(filtered.rounds >= 2);
    }

    #[test]
    fn duplicates_collapse_to_the_earliest() {
        let mut all = log(&[(0, 1, 9), (0, 0, 5), (0, 1, 3)]);
        assert_eq!(collapse(&mut all), 1);
        assert_eq!(all.interactions.iter().map(|it| it.time).collect::<Vec<_>>(), [5, 3]);
    }

    #[test]
    fn of_parts_the_earliest_keeps_an_interaction() {
        // u0 buys item 1 again in validation and test, and item 0 twice in test.
        let mut all = log(&[(0, 1, 0), (0, 0, 0), (0, 1, 0), (0, 0, 0), (0, 1, 0), (1, 1, 0)]);
        let mut parts = vec![Part::Test, Part::Test, Part::Validation, Part::Test, Part::Train, Part::Test];
        assert_eq!(collapse_parts(&mut all, &mut parts), (1, 2));
        let left: Vec<(u32, u32)> = all.interactions.iter().map(|it| (it.user, it.item)).collect();
        assert_eq!(left, [(0, 0), (0, 1), (1, 1)]);
        assert_eq!(parts, [Part::Test, Part::Train, Part::Test]);
    }

    #[test]
    fn fractions_of_a_second_order_interactions() {
        let mut all = log(&[(0, 0, 7), (0, 1, 7), (0, 2, 7)]);
        for (it, nanos) in all.interactions.iter_mut().zip([30, 10, 20]) {
            it.nanos = nanos;
        }
        let parts = split(&all, &by(By::LeaveNOut), 1).unwrap();
        assert_eq!(parts, [Part::Test, Part::Train, Part::Validation]);
    }

    #[test]
    fn each_users_last_are_tested_and_a_single_one_is_trained_on() {
        let rows: Vec<_> = (0..10).map(|place| (0, place, i64::from(9 - place))).chain([(1, 3, 0)]).collect();
        let mut all = log(&rows);
        collapse(&mut all);
        let parts = split(&all, &by(By::TemporalUser), 1).unwrap();
        // Item 0 is the last in time.
        let expected = [vec![Part::Test; 2], vec![Part::Validation; 2], vec![Part::Train; 7]].concat();
        assert_eq!(parts, expected);
        let left_out = split(&all, &by(By::LeaveNOut), 1).unwrap();
        assert_eq!(left_out[..3], [Part::Test, Part::Validation, Part::Train]);
        assert_eq!(left_out[10], Part::Train);
    }

    #[test]
    fn a_time_divides_everyone_and_equal_times_stay_together() {
        let rows: Vec<_> = (0..10).map(|place| (place % 3, place, i64::from(place / 2))).collect();
        let mut all = log(&rows);
        collapse(&mut all);
        let parts = split(&all, &by(By::Temporal), 1).unwrap();
        for (it, part) in all.interactions.iter().zip(parts) {
            let expected = [Part::Train, Part::Train, Part::Train, Part::Validation, Part::Test];
            assert_eq!(part, expected[it.time as usize]);
        }
    }

    #[test]
    fn random_parts_follow_the_seed() {
        let rows: Vec<_> = (0..400).map(|place| (place / 20, place % 20, 0)).collect();
        let mut all = log(&rows);
        all.untimed = Some("a.tsv:1".into());
        collapse(&mut all);
        let parts = |seed| split(&all, &by(By::Random), seed).unwrap();
        assert_eq!(parts(1), parts(1));
        assert_ne!(parts(1), parts(2));
        assert_eq!(parts(1).iter().filter(|part| **part == Part::Test).count(), 80);
        let error = split(&all, &by(By::Temporal), 1).unwrap_err();
        assert!(error.message.contains("a.tsv:1 has no timestamp"), "{error}");
    }
}
