//! `--shard M/N`: item i of a dataset belongs to shard M when i mod N = M − 1.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// One part of the work; `Shard::WHOLE` is all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    /// From 1.
    number: usize,
    count: usize,
}

impl Shard {
    pub const WHOLE: Shard = Shard { number: 1, count: 1 };

    pub fn is_whole(self) -> bool {
        self.count == 1
    }

    /// Does it hold the item at that index of the dataset?
    pub fn holds(self, index: usize) -> bool {
        index % self.count == self.number - 1
    }

    /// The file of its predictions: `shard-0000.jsonl` for the whole, else `shard-0002-of-0003.jsonl`.
    pub fn file_name(self) -> String {
        if self.is_whole() {
            "shard-0000.jsonl".to_owned()
        } else {
            format!("shard-{:04}-of-{:04}.jsonl", self.number, self.count)
        }
    }

    /// All parts of a division into so many.
    pub fn all_of(count: usize) -> impl Iterator<Item = Shard> {
        (1..=count).map(move |number| Shard { number, count })
    }

    /// The shard that a scheduler's environment names: a Slurm array's task, or an indexed Kubernetes job's completion.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Option<Result<Shard>> {
        let number = |name: &str| variable(name).and_then(|text| text.parse::<usize>().ok());
        if let (Some(id), Some(count)) = (number("SLURM_ARRAY_TASK_ID"), number("SLURM_ARRAY_TASK_COUNT")) {
            let first = number("SLURM_ARRAY_TASK_MIN").unwrap_or(if id >= count { 1 } else { 0 });
            return Some(Shard::new((id + 1).saturating_sub(first), count));
        }
        // Kubernetes tells a pod its index and not how many there are; the job's manifest passes that along.
        if let (Some(index), Some(count)) = (number("JOB_COMPLETION_INDEX"), number("JOB_COMPLETION_COUNT")) {
            return Some(Shard::new(index + 1, count));
        }
        None
    }

    fn new(number: usize, count: usize) -> Result<Shard> {
        if (1..=count).contains(&number) {
            Ok(Shard { number, count })
        } else {
            Err(Error::usage(format!("there is no shard {number} of {count}"))
                .help("shards are numbered from 1, as in --shard 1/3"))
        }
    }
}

impl TryFrom<String> for Shard {
    type Error = Error;

    fn try_from(text: String) -> Result<Shard> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> String {
        shard.to_string()
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Shard> {
        let parts = text.split_once('/').and_then(|(number, count)| Some((number.parse().ok()?, count.parse().ok()?)));
        match parts {
            Some((number, count)) => Shard::new(number, count),
            None => Err(Error::usage(format!("`{text}` is no shard")).help("write it as M/N, such as --shard 1/3")),
        }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment<'a>(pairs: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn every_item_is_in_exactly_one_shard() {
        let shards: Vec<Shard> = (1..=3).map(|number| format!("{number}/3").parse().unwrap()).collect();
        for index in 0..100 {
            assert_eq!(shards.iter().filter(|shard| shard.holds(index)).count(), 1);
        }
    }

    #[test]
    fn wrong_shards_are_refused() {
        for text in ["0/3", "4/3", "1", "a/b", "1/0", "-1/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_slurm_array_may_start_anywhere() {
        for (id, first, expected) in [("0", "0", "1/4"), ("1", "1", "1/4"), ("13", "10", "4/4")] {
            let pairs = [("SLURM_ARRAY_TASK_ID", id), ("SLURM_ARRAY_TASK_COUNT", "4"), ("SLURM_ARRAY_TASK_MIN", first)];
            let shard = Shard::from_environment(environment(&pairs)).unwrap().unwrap();
            assert_eq!(shard.to_string(), expected);
        }
        assert!(Shard::from_environment(environment(&[])).is_none());
    }
}
