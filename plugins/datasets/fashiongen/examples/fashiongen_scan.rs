//! Times a pass over FashionGen's files and the reading of images: `cargo run --release -p fashiongen --example fashiongen_scan -- FOLDER`.
//! Prints items, seconds and, on Linux, the largest resident memory.

use fashiongen::FashionGen;
use plugin_api::{Dataset, DatasetConfig, Host, Settings};
use std::ops::ControlFlow;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = std::env::args_os().nth(1).ok_or("give the folder of the two files")?.into();
    let dataset = FashionGen::open(&DatasetConfig { root, settings: Settings::default(), host: Host::silent() })?;
    let start = Instant::now();
    let (mut locators, mut faults) = (Vec::new(), 0);
    let mut keep = |record: Result<plugin_api::Item, plugin_api::ItemError>| {
        match record {
            Ok(item) => locators.push(item.image),
            Err(_) => faults += 1,
        }
        ControlFlow::Continue(())
    };
    dataset.read(&mut keep)?;
    println!("{} items and {faults} faults in {:.2} s, {}", locators.len(), start.elapsed().as_secs_f64(), memory());
    let start = Instant::now();
    let some = locators.iter().step_by(locators.len().div_ceil(2_000).max(1)).collect::<Vec<_>>();
    for locator in &some {
        dataset.image(locator)?;
    }
    let each = start.elapsed().as_secs_f64() * 1e3 / some.len().max(1) as f64;
    println!("{} images, {each:.2} ms each, {}", some.len(), memory());
    Ok(())
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    format!("peak memory {}", peak.map_or("unknown", str::trim))
}
