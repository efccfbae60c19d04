//! `energy.json` of a run: a session each time that the command worked on it, and their sum. Parts of a run that are worked on by themselves have files of their
//! own.

use super::{EnergyEntry, Intensity, JOULES_PER_KWH, Measured, Part};
use crate::error::{Error, Result};
use crate::run::{Shard, replace_file};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The energy of a run so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// Of all sessions.
    pub seconds: f64,
    pub kwh: f64,
    /// At the intensity below.
    pub kg_co2e: f64,
    pub intensity: Intensity,
    pub sessions: Vec<Session>,
}

/// What one command used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub seconds: f64,
    pub parts: Vec<Part>,
}

impl Energy {
    fn new(sessions: Vec<Session>, intensity: Intensity) -> Energy {
        let joules: f64 = sessions.iter().flat_map(|session| &session.parts).map(|part| part.joules).sum();
        let seconds = sessions.iter().map(|session| session.seconds).sum();
        let kwh = joules / JOULES_PER_KWH;
        Energy { seconds, kwh, kg_co2e: kwh * intensity.value, intensity, sessions }
    }

    /// What the part of a run that is a shard calls its file; the whole has no name.
    pub fn part_of(shard: Shard) -> String {
        match shard.is_whole() {
            true => String::new(),
            false => shard.to_string().replace('/', "-of-"),
        }
    }

    /// Adds a session to `energy.json`, or to the file of a part that is worked on by itself. A command that found everything done adds none.
    pub fn add(run: &Path, part: &str, entry: &EnergyEntry, measured: Measured) -> Result<()> {
        if !measured.worked {
            return Ok(());
        }
        let name = if part.is_empty() { "energy.json".to_owned() } else { format!("energy-{part}.json") };
        let path = run.join(name);
        let mut sessions = read(&path).map(|earlier| earlier.sessions).unwrap_or_default();
        sessions.push(Session { seconds: measured.seconds, parts: measured.parts });
        let energy = Energy::new(sessions, entry.intensity());
        let text = serde_json::to_string_pretty(&energy)
            .map_err(|error| Error::failed(format!("cannot write the energy: {error}")))?;
        replace_file(&path, (text + "\n").as_bytes())
    }
}

/// The energy of a run with all its shards, at the intensity of the file first by name; none if it has no file.
pub fn energy_of(run: &Path) -> Option<Energy> {
    let entries = std::fs::read_dir(run).ok()?.flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| is_energy(path)).collect();
    files.sort();
    let all: Vec<Energy> = files.iter().filter_map(|path| read(path)).collect();
    let intensity = all.first()?.intensity.clone();
    Some(Energy::new(all.into_iter().flat_map(|energy| energy.sessions).collect(), intensity))
}

fn is_energy(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("energy") && name.ends_with(".json")
}

fn read(path: &Path) -> Option<Energy> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(joules: f64, worked: bool) -> Measured {
        let part = Part { of: "processor".into(), joules, how: "estimate".into() };
        Measured { seconds: 2.0, parts: vec![part], worked }
    }

    #[test]
    fn sessions_and_shards_add_up_and_a_command_that_did_nothing_leaves_the_file() {
        let run = tempfile::tempdir().unwrap();
        let entry = EnergyEntry { intensity: Some(0.5), watts_per_core: None };
        assert_eq!(energy_of(run.path()), None);
        for shard in ["1/2", "2/2", "2/2"] {
            Energy::add(run.path(), &Energy::part_of(shard.parse().unwrap()), &entry, measured(1.8e6, true)).unwrap();
        }
        Energy::add(run.path(), "", &entry, measured(1.8e6, false)).unwrap();
        let energy = energy_of(run.path()).unwrap();
        assert_eq!((energy.kwh, energy.kg_co2e, energy.seconds), (1.5, 0.75, 6.0));
        assert_eq!(energy.sessions.len(), 3);
        assert!(!run.path().join("energy.json").exists());
    }
}
