//! What a task needs, as any scheduler understands it.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// CPUs of a task: loading images ahead of a device, mostly.
const CPUS: usize = 4;

/// What a task needs, as any scheduler understands it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[command(next_help_heading = "Size of a task")]
pub struct Resources {
    /// Main memory, such as 16G, or `auto`: from what the model needs (`host models check`)
    #[arg(long, global = true, value_name = "SIZE|auto")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem: Option<String>,
    /// CPUs [default: 4]
    #[arg(long, global = true, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<usize>,
    /// Tasks that may run at once [default: as many as fit]
    #[arg(long, global = true, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<usize>,
}

impl Resources {
    /// What is given here, else there.
    pub fn or(self, other: &Resources) -> Resources {
        Resources {
            mem: self.mem.or_else(|| other.mem.clone()),
            cpus: self.cpus.or(other.cpus),
            at_most: self.at_most.or(other.at_most),
        }
    }

    pub fn cpus(&self) -> usize {
        self.cpus.unwrap_or(CPUS).max(1)
    }

    /// MiB that were asked for, else these GiB.
    pub fn memory_or(&self, gib: u64) -> Result<u64> {
        let Some(text) = self.mem.as_deref().filter(|text| *text != "auto") else { return Ok(gib * 1024) };
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let factor = match text[digits..].to_lowercase().as_str() {
            "m" | "mi" | "mb" | "mib" => Some(1),
            "g" | "gi" | "gb" | "gib" => Some(1024),
            "t" | "ti" | "tb" | "tib" => Some(1024 * 1024),
            _ => None,
        };
        let size = text[..digits].parse::<u64>().ok().filter(|size| *size > 0);
        factor.zip(size).and_then(|(factor, size)| size.checked_mul(factor)).ok_or_else(|| {
            Error::usage(format!("`{text}` is no size of memory")).help("write it as 16G or 900M, or auto")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(text: &str) -> Result<u64> {
        Resources { mem: Some(text.to_owned()), ..Resources::default() }.memory_or(7)
    }

    #[test]
    fn memory_is_read_as_people_write_it() {
        for (text, expected) in
            [("16G", 16 * 1024), ("900M", 900), ("2gib", 2048), ("1T", 1024 * 1024), ("auto", 7 * 1024)]
        {
            assert_eq!(memory(text).unwrap(), expected, "{text}");
        }
        for text in ["", "G", "16", "-1G", "1.5G", "99999999999999999999G", "18446744073709551615T"] {
            assert!(memory(text).is_err(), "{text}");
        }
    }
}
