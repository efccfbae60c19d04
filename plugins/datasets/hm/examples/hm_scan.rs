//! Times a pass over an H&M folder: `cargo run --release -p hm --example hm_scan -- FOLDER`.
//! Prints items, faults, seconds and, on Linux, the largest resident memory.

use hm::Hm;
use plugin_api::{Dataset, DatasetConfig, Host, Settings};
use std::ops::ControlFlow;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = std::env::args_os().nth(1).ok_or("give the folder of articles.csv and images")?.into();
    let start = Instant::now();
    let dataset = Hm::open(&DatasetConfig { root, settings: Settings::default(), host: Host::silent() })?;
    let (mut items, mut faults) = (0, 0);
    let mut count = |record: Result<_, _>| {
        match record {
            Ok(_) => items += 1,
            Err(_) => faults += 1,
        }
        ControlFlow::Continue(())
    };
    dataset.read(&mut count)?;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map_or("unknown", str::trim);
    println!("{items} items and {faults} faults in {:.2} s, peak memory {peak}", start.elapsed().as_secs_f64());
    Ok(())
}
