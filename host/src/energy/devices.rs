//! Accelerators by name with the board's power as their makers' data sheets give it: what `host carbon` calculates with. Measured runs
//! need no name (see `meter`).

use crate::error::{Error, Result};
use crate::registry::near_miss;

/// A device and its power.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct KnownDevice {
    pub name: &'static str,
    /// Thermal design power of the board.
    pub watts: f64,
}

const fn device(name: &'static str, watts: f64) -> KnownDevice {
    KnownDevice { name, watts }
}

/// In alphabetical order.
pub const DEVICES: &[KnownDevice] = &[
    device("a10", 150.0),
    device("a100-pcie-40gb", 250.0),
    device("a100-pcie-80gb", 300.0),
    device("a100-sxm4-40gb", 400.0),
    device("a100-sxm4-80gb", 400.0),
    device("a40", 300.0),
    device("b200-sxm", 1000.0),
    device("h100-pcie-80gb", 350.0),
    device("h100-sxm5-80gb", 700.0),
    device("h200-sxm-141gb", 700.0),
    device("l4", 72.0),
    device("l40s", 350.0),
    device("mi300x", 750.0),
    device("p100-pcie-16gb", 250.0),
    device("rtx-3090", 350.0),
    device("rtx-4090", 450.0),
    device("rtx-5090", 575.0),
    device("rtx-a6000", 300.0),
    device("t4", 70.0),
    device("v100-pcie-32gb", 250.0),
    device("v100-sxm2-32gb", 300.0),
];

/// # Errors
/// A name that is not in the table, with the nearest one.
pub fn known_device(name: &str) -> Result<KnownDevice> {
    let lower = name.to_lowercase();
    DEVICES.iter().find(|device| device.name == lower).copied().ok_or_else(|| {
        let error = Error::usage(format!("the power of the device `{name}` is not known"));
        match near_miss(&lower, DEVICES.iter().map(|device| device.name)) {
            Some(near) => error.help(format!("did you mean `{near}`? `--watts W` takes any other")),
            None => error.help("`host carbon --list` shows the devices that are; `--watts W` takes any other"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_different() {
        assert!(DEVICES.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        let error = known_device("a100-smx4-80gb").unwrap_err();
        assert!(error.to_string().contains("did you mean `a100-sxm4-80gb`"), "{error}");
        assert!(known_device("abacus").unwrap_err().to_string().contains("--list"));
    }
}
