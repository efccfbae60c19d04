//! `host doctor`

use super::Done;
use super::common::Common;
use super::printing::{print, print_json};
use crate::error::Result;
use crate::loader::Library;
use crate::registry::{Lock, Weights};
use clap::Args;
use serde::Serialize;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    found: String,
    /// What to do; none if all is well.
    advice: Option<String>,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    let mut findings = vec![
        good("host", format!("version {}, plugin-api {}", env!("CARGO_PKG_VERSION"), plugin_api::abi::API_VERSION)),
        good(
            "processors",
            std::thread::available_parallelism().map_or("unknown".to_owned(), |count| count.to_string()),
        ),
        match crate::worker::memory_of_machine() {
            Some(bytes) => good("memory", format!("{:.1} GiB", bytes as f64 / f64::from(1u32 << 30))),
            None => good("memory", "unknown".to_owned()),
        },
        cuda(),
    ];
    let registry = common.registry()?;
    findings.push(good("registry", registry.path.display().to_string()));
    let lock = Lock::load(&registry)?;
    for name in registry.plugins().keys() {
        let what = format!("plugin {name}");
        findings.push(match Library::locked(&registry, &lock, name).and_then(|library| library.open()) {
            Ok(plugin) => {
                let locked = plugin.locked();
                let components = match locked.components.len() {
                    1 => "1 component".to_owned(),
                    count => format!("{count} components"),
                };
                good(&what, format!("opens; version {}, {components}", locked.version))
            }
            Err(error) => Finding { what, found: error.message, advice: error.help },
        });
    }
    for (name, entry) in registry.models() {
        let weights = Weights::of(&registry, entry);
        let what = format!("model {name}");
        findings.push(match weights.present() {
            Some(path) => good(&what, format!("weights at {}", path.display())),
            None => Finding { what, found: "weights absent".to_owned(), advice: Some(weights.how_to_get()) },
        });
    }
    for (name, entry) in registry.datasets() {
        let root = registry.dir().join(&entry.root);
        let what = format!("dataset {name}");
        findings.push(if root.is_dir() {
            good(&what, format!("files at {}", root.display()))
        } else {
            let advice = "put the vendor's files there, or run `host demo` for a sample".to_owned();
            Finding { what, found: format!("no folder at {}", root.display()), advice: Some(advice) }
        });
    }
    if arguments.json {
        print_json(&findings)?;
        return Ok(Done::All);
    }
    let mut text = String::new();
    for finding in &findings {
        let mark = if finding.advice.is_some() { '!' } else { ' ' };
        text += &format!("{mark} {}: {}\n", finding.what, finding.found);
        if let Some(advice) = &finding.advice {
            text += &format!("      {advice}\n");
        }
    }
    print(&text)?;
    Ok(Done::All)
}

fn good(what: &str, found: String) -> Finding {
    Finding { what: what.to_owned(), found, advice: None }
}

/// Is there a CUDA driver to be opened? Nothing of it is called.
fn cuda() -> Finding {
    let name = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };
    // SAFETY: the driver's library is made to be opened by any program.
    let found = unsafe { libloading::Library::new(name) };
    good("CUDA driver", if found.is_ok() { "found" } else { "none; models run on the CPU" }.to_owned())
}
