//! What this machine is called.

/// The machine's name, as schedulers give it or the system has it; empty where neither tells.
pub fn machine_name() -> String {
    let named = ["SLURMD_NODENAME", "HOSTNAME"].iter().find_map(|name| std::env::var(name).ok());
    named.unwrap_or_else(|| {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        name.trim().to_owned()
    })
}
