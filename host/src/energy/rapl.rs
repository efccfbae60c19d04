//! RAPL: the processor's own energy counters as Linux shows them below /sys/class/powercap. Reading them needs a right that many
//! machines give to root alone.

use std::path::{Path, PathBuf};

/// The packages' counters at one moment.
#[derive(Debug, Clone)]
pub struct Rapl {
    zones: Vec<Zone>,
}

#[derive(Debug, Clone)]
struct Zone {
    file: PathBuf,
    /// The counter starts again at zero after so many microjoules.
    range: u64,
    start: u64,
}

impl Rapl {
    /// None where there are no counters, or none that may be read.
    pub fn start() -> Option<Rapl> {
        Rapl::below(Path::new("/sys/class/powercap"))
    }

    fn below(folder: &Path) -> Option<Rapl> {
        let mut zones = Vec::new();
        for entry in std::fs::read_dir(folder).ok()?.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // `intel-rapl:0` is a package; `intel-rapl:0:0` a part of it, counted with it. (AMD's counters have the same names.)
            if !name.starts_with("intel-rapl:") || name.matches(':').count() != 1 {
                continue;
            }
            let file = entry.path().join("energy_uj");
            let range = number(&entry.path().join("max_energy_range_uj"))?;
            let start = number(&file)?;
            zones.push(Zone { file, range, start });
        }
        (!zones.is_empty()).then_some(Rapl { zones })
    }

    /// Joules since the last call, or the start; none if a counter cannot be read any more. A counter may have come round once
    /// since: it does so after minutes at full load, so this is asked more often than that.
    pub fn lap(&mut self) -> Option<f64> {
        let mut total = 0;
        for zone in &mut self.zones {
            let now = number(&zone.file)?;
            total += if now >= zone.start { now - zone.start } else { zone.range.saturating_sub(zone.start) + now };
            zone.start = now;
        }
        Some(total as f64 / 1e6)
    }
}

fn number(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(folder: &Path, name: &str, energy: u64) {
        let zone = folder.join(name);
        std::fs::create_dir_all(&zone).unwrap();
        std::fs::write(zone.join("energy_uj"), energy.to_string()).unwrap();
        std::fs::write(zone.join("max_energy_range_uj"), "1000000000").unwrap();
    }

    #[test]
    fn packages_are_summed_their_parts_are_not_and_counters_come_round() {
        let folder = tempfile::tempdir().unwrap();
        let at = |first, second, part| {
            zone(folder.path(), "intel-rapl:0", first);
            zone(folder.path(), "intel-rapl:1", second);
            zone(folder.path(), "intel-rapl:0:0", part);
        };
        at(0, 999_000_000, 5);
        let mut rapl = Rapl::below(folder.path()).unwrap();
        at(2_000_000, 4_000_000, 900_000);
        // 2 J, and 1 J to the end of the range with 4 J after it.
        assert_eq!(rapl.lap(), Some(7.0));
        assert_eq!(rapl.lap(), Some(0.0));
    }

    #[test]
    fn a_machine_without_counters_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Rapl::below(folder.path()).is_none());
        zone(folder.path(), "intel-rapl:0", 1);
        std::fs::remove_file(folder.path().join("intel-rapl:0/energy_uj")).unwrap();
        assert!(Rapl::below(folder.path()).is_none());
    }
}
