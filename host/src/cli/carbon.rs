//! `host carbon`

use super::Done;
use super::common::Common;
use super::printing::{print, print_json};
use crate::energy::{DEVICES, EnergyEntry, footprint, known_device};
use crate::error::{Error, Result};
use crate::registry::Registry;
use clap::Args;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The accelerator by name, such as a100-sxm4-80gb; --list shows those whose power is known
    // Stands in for the flag that every command has, whose words are about models.
    #[arg(long = "device", id = "device_name", value_name = "NAME", default_value = "auto", hide_default_value = true)]
    device: String,
    /// The power of a device that is not in the list, in watts
    #[arg(long, value_name = "W")]
    watts: Option<f64>,
    /// Hours at that power
    #[arg(long, value_name = "H")]
    hours: Option<f64>,
    /// Devices at work
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: u32,
    /// kg CO₂e a kWh of the grid [default: the registry's, else the world's average]
    #[arg(long, value_name = "KG")]
    intensity: Option<f64>,
    /// The devices whose power is known
    #[arg(long)]
    list: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    if arguments.list {
        return list(arguments.json);
    }
    let device = Some(arguments.device.as_str()).filter(|name| *name != "auto");
    let watts = match (device, arguments.watts) {
        (Some(_), Some(_)) => return Err(Error::usage("--device and --watts say the same thing twice")),
        (Some(name), None) => known_device(name)?.watts,
        (None, Some(watts)) => positive("--watts", watts)?,
        (None, None) => {
            return Err(Error::usage("no device was named").help("give --device NAME (see --list) or --watts W"));
        }
    };
    let hours = arguments.hours.ok_or_else(|| Error::usage("for how long?").help("give --hours H"))?;
    let hours = positive("--hours", hours)?;
    let entry = match arguments.intensity {
        Some(_) => EnergyEntry { intensity: arguments.intensity, watts_per_core: None },
        // Outside of a checkout there may be no registry, and none is needed.
        None if common.registry.is_some() => common.registry()?.energy().clone(),
        None => Registry::load(None, None).map(|registry| registry.energy().clone()).unwrap_or_default(),
    };
    entry.check()?;
    let intensity = entry.intensity();
    let source = if arguments.intensity.is_some() { "given".to_owned() } else { intensity.source };
    let (kwh, kg) = footprint(watts * f64::from(arguments.count), hours, intensity.value);
    if arguments.json {
        print_json(&serde_json::json!({
            "device": device,
            "watts": watts,
            "count": arguments.count,
            "hours": hours,
            "kwh": kwh,
            "intensity": intensity.value,
            "intensity_source": source,
            "kg_co2e": kg,
        }))?;
        return Ok(Done::All);
    }
    let devices = match arguments.count {
        1 => format!("{watts} W"),
        count => format!("{count} × {watts} W"),
    };
    print(&format!(
        "{kg:.2} kg CO₂e: {devices} × {hours} h = {kwh:.1} kWh at {} kg/kWh ({source})\n",
        intensity.value
    ))?;
    Ok(Done::All)
}

fn positive(flag: &str, value: f64) -> Result<f64> {
    match value.is_finite() && value >= 0.0 {
        true => Ok(value),
        false => Err(Error::usage(format!("{flag} is {value}")).help("give a number that is not negative")),
    }
}

fn list(json: bool) -> Result<Done> {
    if json {
        print_json(&DEVICES)?;
        return Ok(Done::All);
    }
    let width = DEVICES.iter().map(|device| device.name.len()).max().unwrap_or(0);
    let lines: String =
        DEVICES.iter().map(|device| format!("{:width$}  {:>5} W\n", device.name, device.watts)).collect();
    print(&lines)?;
    Ok(Done::All)
}
