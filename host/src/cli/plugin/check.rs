//! `host plugin check`: which libraries are tried, and what is printed of it.

use super::super::Done;
use super::super::common::Common;
use super::super::printing::{print, print_json};
use crate::error::Result;
use crate::loader::{Family, Finding, Library};
use crate::registry::Registry;
use crate::worker::check_plugin;
use std::path::{Path, PathBuf};

pub fn check(common: &Common, plugin: Option<&str>, json: bool) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    let names: Vec<String> = match plugin {
        Some(name) => vec![name.to_owned()],
        None => registry.plugins().keys().cloned().collect(),
    };
    let mut reports = Vec::new();
    for name in names {
        let library = if registry.plugins().contains_key(&name) {
            Library::locked(&registry, &lock, &name)
        } else if Path::new(&name).is_file() {
            Ok(Library { plugin: name.clone(), path: PathBuf::from(&name), sha256: None })
        } else {
            Err(crate::registry::unknown_name("plugin", &name, registry.plugins().keys()))
        };
        let findings =
            library.and_then(|library| check_plugin(&library, &families(&registry, &library.path), common.threads));
        match findings {
            Ok(findings) => reports.push((name, findings)),
            // Of one plugin the error is the answer; of many it is a finding.
            Err(error) if plugin.is_some() => return Err(error),
            Err(error) => {
                let finding = Finding {
                    component: "library".into(),
                    check: "opens".into(),
                    problem: Some(error.to_string()),
                    milliseconds: 0.0,
                };
                reports.push((name, vec![finding]));
            }
        }
    }
    let problems =
        reports.iter().flat_map(|(_, findings)| findings).filter(|finding| finding.problem.is_some()).count();
    if json {
        let rows: Vec<_> = reports
            .iter()
            .map(|(name, findings)| serde_json::json!({ "plugin": name, "findings": findings }))
            .collect();
        print_json(&rows)?;
    } else {
        let mut text = String::new();
        for (name, findings) in &reports {
            text += &format!("{name}\n");
            for finding in findings {
                let outcome = finding.problem.as_deref().unwrap_or("ok");
                text += &format!(
                    "  {}: {}: {outcome} ({:.1} ms)\n",
                    finding.component, finding.check, finding.milliseconds
                );
            }
        }
        print(&text)?;
    }
    Ok(if problems == 0 { Done::All } else { Done::SomeFailed })
}

/// The registry's metrics, as a check of this library sees them.
fn families(registry: &Registry, library: &Path) -> Vec<Family> {
    let file = library.canonicalize().ok();
    let is_own = |plugin: &str| registry.library_path(plugin).ok().and_then(|path| path.canonicalize().ok()) == file;
    let family = |(name, entry): (&String, &crate::registry::MetricEntry)| Family {
        name: name.clone(),
        own: is_own(&entry.plugin),
        component: entry.component.clone(),
    };
    registry.metrics().iter().map(family).collect()
}
