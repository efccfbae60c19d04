//! What a run costs in electricity: measured where the machine tells (NVML, RAPL), estimated where it does not, and said which. From
//! kilowatt-hours to carbon dioxide by the intensity of the grid. `host carbon` does the same arithmetic for a planned run.

mod devices;
mod meter;
mod nvml;
mod rapl;
mod record;

pub use devices::{DEVICES, KnownDevice, known_device};
pub use meter::{EVERY_BOARD, Measured, Meter, Part};
pub use record::{Energy, Session, energy_of};

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// kg CO₂e a kWh, the world's average of 2024 (IEA, Electricity 2025).
const WORLD: f64 = 0.445;
/// Watts that a busy core draws, memory and losses included, where nothing measures it. A server's 64 cores at 10 W are within the
/// range of its published full-load figures; it is an order of magnitude, and energy.json says that it is an estimate.
const WATTS_PER_CORE: f64 = 10.0;
/// Joules in a kilowatt-hour.
pub const JOULES_PER_KWH: f64 = 3.6e6;

/// `[energy]` of the registry.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct EnergyEntry {
    /// kg CO₂e a kWh of the grid that the machine is on.
    pub intensity: Option<f64>,
    /// Watts of a busy processor core, for the estimate where RAPL cannot be read.
    pub watts_per_core: Option<f64>,
}

/// The grid's intensity and where the number is from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intensity {
    /// kg CO₂e a kWh.
    pub value: f64,
    pub source: String,
}

impl EnergyEntry {
    /// # Errors
    /// A number that is negative or not finite; the message names the key.
    pub fn check(&self) -> Result<()> {
        for (key, value) in [("intensity", self.intensity), ("watts-per-core", self.watts_per_core)] {
            if let Some(value) = value
                && !(value.is_finite() && value >= 0.0)
            {
                return Err(Error::usage(format!("[energy]: `{key}` is {value}"))
                    .help("intensity is kg CO₂e a kWh, such as 0.432; watts-per-core is a number of watts"));
            }
        }
        Ok(())
    }

    pub fn intensity(&self) -> Intensity {
        match self.intensity {
            Some(value) => Intensity { value, source: "[energy] of the registry".to_owned() },
            None => Intensity { value: WORLD, source: "the world's average of 2024 (IEA)".to_owned() },
        }
    }

    pub fn watts_per_core(&self) -> f64 {
        self.watts_per_core.unwrap_or(WATTS_PER_CORE)
    }
}

/// kWh of so many watts for so many hours, and kg CO₂e of them at `intensity` kg a kWh.
pub fn footprint(watts: f64, hours: f64, intensity: f64) -> (f64, f64) {
    let kwh = watts * hours / 1000.0;
    (kwh, kwh * intensity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_studys_footprint() {
        // 168 h on an A100 SXM4 80GB at 0.432 kg a kWh: 29.03 kg, as published.
        let device = known_device("a100-sxm4-80gb").unwrap();
        let (kwh, kg) = footprint(device.watts, 168.0, 0.432);
        assert!((kwh - 67.2).abs() < 1e-9);
        assert_eq!(format!("{kg:.2}"), "29.03");
    }

    #[test]
    fn numbers_that_are_no_intensity_are_refused() {
        for value in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(EnergyEntry { intensity: Some(value), ..EnergyEntry::default() }.check().is_err());
        }
        assert!(EnergyEntry { intensity: Some(0.0), watts_per_core: None }.check().is_ok());
    }
}
