//! NVML: the energy and power of NVIDIA's boards, through the driver's own library, which is looked for at run time.

use nvml_wrapper::{Device, Nvml};
use std::collections::BTreeMap;

/// The boards of this machine, by the number that CUDA gives them, and what they have used so far.
pub struct Boards {
    nvml: Nvml,
    used: BTreeMap<usize, Board>,
}

struct Board {
    uuid: String,
    name: String,
    /// Millijoules since the driver was loaded, at the last look; none on boards older than Volta, whose power is sampled.
    counter: Option<u64>,
    joules: f64,
}

/// What a board used, and how that is known.
pub struct BoardEnergy {
    pub name: String,
    pub joules: f64,
    pub counted: bool,
}

impl Boards {
    /// None without a driver.
    pub fn start() -> Option<Boards> {
        let nvml = Nvml::init().ok()?;
        let mut used = BTreeMap::new();
        for (number, uuid) in visible(&nvml).into_iter().enumerate() {
            let Ok(device) = nvml.device_by_uuid(uuid.as_str()) else { continue };
            let name = device.name().unwrap_or_else(|_| "GPU".to_owned());
            let counter = device.total_energy_consumption().ok();
            used.insert(number, Board { uuid, name, counter, joules: 0.0 });
        }
        (!used.is_empty()).then_some(Boards { nvml, used })
    }

    /// Adds what was used in the last `seconds`.
    pub fn lap(&mut self, seconds: f64) {
        for board in self.used.values_mut() {
            let Ok(device) = self.nvml.device_by_uuid(board.uuid.as_str()) else { continue };
            board.joules += match (board.counter, device.total_energy_consumption().ok()) {
                (Some(before), Some(now)) => {
                    board.counter = Some(now);
                    now.saturating_sub(before) as f64 / 1e3
                }
                _ => device.power_usage().map_or(0.0, |milliwatts| f64::from(milliwatts) / 1e3 * seconds),
            };
        }
    }

    /// The numbers of all boards.
    pub fn numbers(&self) -> impl Iterator<Item = usize> {
        self.used.keys().copied()
    }

    /// What CUDA's device of this number used.
    pub fn energy(&self, number: usize) -> Option<BoardEnergy> {
        let board = self.used.get(&number)?;
        Some(BoardEnergy { name: board.name.clone(), joules: board.joules, counted: board.counter.is_some() })
    }
}

/// The boards' UUIDs in CUDA's order, as `CUDA_VISIBLE_DEVICES` has it where it is set.
fn visible(nvml: &Nvml) -> Vec<String> {
    let count = nvml.device_count().unwrap_or(0);
    let uuid = |device: Device<'_>| device.uuid().ok();
    let all: Vec<String> = (0..count).filter_map(|index| nvml.device_by_index(index).ok().and_then(uuid)).collect();
    match std::env::var("CUDA_VISIBLE_DEVICES") {
        Ok(list) => chosen(&list, &all),
        Err(_) => all,
    }
}

/// What a list of numbers and beginnings of UUIDs means; CUDA stops at the first entry that it does not know.
fn chosen(list: &str, all: &[String]) -> Vec<String> {
    let one = |entry: &str| match entry.trim().parse::<usize>() {
        Ok(index) => all.get(index).cloned(),
        Err(_) => all.iter().find(|uuid| !entry.trim().is_empty() && uuid.starts_with(entry.trim())).cloned(),
    };
    list.split(',').map_while(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cudas_list_of_visible_devices_is_read_as_cuda_reads_it() {
        let all = ["GPU-aa", "GPU-bb", "GPU-cc"].map(str::to_owned);
        assert_eq!(chosen("2,0", &all), ["GPU-cc", "GPU-aa"]);
        assert_eq!(chosen("GPU-b", &all), ["GPU-bb"]);
        assert_eq!(chosen("1,-1,0", &all), ["GPU-bb"]);
        assert!(chosen("", &all).is_empty());
    }
}
