//! `host plugin`

use super::Done;
use super::common::{Common, print, print_json};
use crate::error::{Error, Exit, Result};
use crate::loader::{Finding, Library, check};
use crate::registry::{LockedPlugin, Registry};
use crate::run::{file_digest, replace_file};
use clap::{Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// The registered plugins, their components, and whether their libraries are those of registry.lock
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Accept a plugin's library as it is now: write its digest into registry.lock
    Add {
        /// A registered name, or the path of a library, which is registered then
        #[arg(required_unless_present = "all")]
        plugin: Option<String>,
        /// Every registered plugin whose library is here
        #[arg(long, conflicts_with = "plugin")]
        all: bool,
    },
    /// Try a plugin: digest, ABI layout, and every component on small input
    Check {
        /// A registered name, or the path of a library
        #[arg(required_unless_present = "all")]
        plugin: Option<String>,
        /// Every registered plugin
        #[arg(long, conflicts_with = "plugin")]
        all: bool,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Start a plugin of your own: a crate that builds, with a test
    New {
        kind: Kind,
        /// Lowercase words with dashes
        name: String,
        /// The folder to make [default: the name]
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Where plugin-api is [default: beside the registry]
        #[arg(long, value_name = "DIR")]
        plugin_api: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    Metric,
    Encoder,
    LoraStrategy,
}

pub fn run(common: &Common, arguments: &Arguments) -> Result<Done> {
    match arguments {
        Arguments::List { json } => list(common, *json),
        Arguments::Add { plugin: Some(plugin), .. } => add(common, plugin),
        Arguments::Add { plugin: None, .. } => add_all(common),
        Arguments::Check { plugin, json, .. } => check_plugins(common, plugin.as_deref(), *json),
        Arguments::New { kind, name, dir, plugin_api } => {
            new(common, *kind, name, dir.as_deref(), plugin_api.as_deref())
        }
    }
}

/// What a plugin's library is, compared to the lock.
fn state(registry: &Registry, locked: Option<&LockedPlugin>, name: &str) -> String {
    let path = match registry.library_path(name) {
        Ok(path) => path,
        Err(_) => return "library missing".to_owned(),
    };
    match (locked, file_digest(&path)) {
        (None, _) => format!("not added: host plugin add {name}"),
        (Some(locked), Ok(digest)) if digest == locked.sha256 => "ok".to_owned(),
        (Some(_), Ok(_)) => format!("changed since it was added: host plugin add {name}"),
        (Some(_), Err(error)) => error.message,
    }
}

fn list(common: &Common, json: bool) -> Result<Done> {
    let (registry, lock) = common.registry_and_lock()?;
    let mut text = String::new();
    let mut rows = Vec::new();
    for name in registry.plugins().keys() {
        let locked = lock.plugin(name);
        let state = state(&registry, locked, name);
        let version = locked.map_or("-", |locked| locked.version.as_str());
        let components = locked.map(|locked| locked.components.clone()).unwrap_or_default();
        text += &format!("{name} {version}  {state}\n");
        for component in &components {
            text += &format!("  {} {}: {}\n", component.kind, component.name, component.summary);
        }
        rows.push(serde_json::json!({
            "name": name,
            "version": version,
            "api": locked.map(|locked| locked.api.clone()),
            "state": state,
            "components": components,
        }));
    }
    if json {
        print_json(&rows)?
    } else {
        print(&text)?
    }
    Ok(Done::All)
}

fn add(common: &Common, plugin: &str) -> Result<Done> {
    let (registry, mut lock) = common.registry_and_lock()?;
    if registry.plugins().contains_key(plugin) {
        let library = Library { plugin: plugin.to_owned(), path: registry.library_path(plugin)?, sha256: None };
        let locked = library.open()?.locked();
        print(&format!("{plugin}: {}\n", summary(&locked)))?;
        lock.set(locked);
        lock.save(&registry)?;
        return Ok(Done::All);
    }
    let path = Path::new(plugin);
    if !path.is_file() {
        let mut unknown = crate::registry::unknown_name("plugin", plugin, registry.plugins().keys());
        unknown.message += ", and no such file";
        return Err(unknown);
    }
    let path = path.canonicalize().map_err(|error| Error::io("find", path, &error))?;
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name = stem.strip_prefix(std::env::consts::DLL_PREFIX).unwrap_or(stem).replace('_', "-");
    if registry.plugins().contains_key(&name) {
        return Err(Error::usage(format!(
            "a plugin `{name}` is registered already ({})",
            registry.place("plugins", &name)
        ))
        .help("correct its `library`, then: host plugin add NAME"));
    }
    let library = Library { plugin: name.clone(), path: path.clone(), sha256: None };
    let locked = library.open()?.locked();
    let mut text =
        std::fs::read_to_string(&registry.path).map_err(|error| Error::io("read", &registry.path, &error))?;
    text += &format!("\n[plugins.{name}]\nlibrary = {:?}\n", path.display().to_string());
    for component in locked.components.iter().filter(|component| component.kind == "metric") {
        if !registry.metrics().contains_key(&component.name) {
            text += &format!("\n[metrics.{}]\nplugin = {name:?}\n", component.name);
        }
    }
    replace_file(&registry.path, text.as_bytes())?;
    print(&format!("{name}: {}; registered in {}\n", summary(&locked), registry.path.display()))?;
    lock.set(locked);
    lock.save(&registry)?;
    Ok(Done::All)
}

fn add_all(common: &Common) -> Result<Done> {
    let (registry, mut lock) = common.registry_and_lock()?;
    let mut added = 0;
    for name in registry.plugins().keys() {
        match registry.library_path(name) {
            Ok(path) => {
                lock.set(Library { plugin: name.clone(), path, sha256: None }.open()?.locked());
                added += 1;
            }
            Err(error) => eprintln!("warning: {}", error.message),
        }
    }
    lock.plugins.retain(|plugin| registry.plugins().contains_key(&plugin.name));
    lock.save(&registry)?;
    print(&format!("{added} plugins in {}\n", registry.path.with_extension("lock").display()))?;
    Ok(Done::All)
}

fn summary(locked: &LockedPlugin) -> String {
    let components: Vec<String> =
        locked.components.iter().map(|component| format!("{} {}", component.kind, component.name)).collect();
    format!(
        "version {}, {}",
        locked.version,
        if components.is_empty() { "no components".to_owned() } else { components.join(", ") }
    )
}

fn check_plugins(common: &Common, plugin: Option<&str>, json: bool) -> Result<Done> {
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
        match library.and_then(|library| check(&library)) {
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

fn new(common: &Common, kind: Kind, name: &str, dir: Option<&Path>, plugin_api: Option<&Path>) -> Result<Done> {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if !name.starts_with(|letter: char| letter.is_ascii_lowercase()) || !name.chars().all(fits) {
        return Err(Error::usage(format!("`{name}` is no name for a plugin"))
            .help("use lowercase letters, digits and dashes, such as word-count"));
    }
    let folder = dir.map_or_else(|| PathBuf::from(name), Path::to_owned);
    if folder.exists() {
        return Err(Error {
            exit: Exit::Usage,
            message: format!("{} is there already", folder.display()),
            help: Some("choose another --dir".into()),
        });
    }
    let beside =
        || common.registry().ok().map(|registry| registry.dir().join("plugin-api")).filter(|path| path.is_dir());
    let dependency = match plugin_api.map(Path::to_owned).or_else(beside) {
        Some(path) => {
            let path = path.canonicalize().map_err(|error| Error::io("find", &path, &error))?;
            format!("{{ path = {:?} }}", path.display().to_string())
        }
        None => format!("{:?}", plugin_api::abi::API_VERSION),
    };
    let source = match kind {
        Kind::Metric => include_str!("templates/metric.rs.txt"),
        Kind::Encoder => include_str!("templates/encoder.rs.txt"),
        Kind::LoraStrategy => include_str!("templates/lora-strategy.rs.txt"),
    };
    let type_name: String = name
        .split('-')
        .filter_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
        })
        .collect();
    let fill = |text: &str| {
        text.replace("{{name}}", name).replace("{{Type}}", &type_name).replace("{{dependency}}", &dependency)
    };
    replace_file(&folder.join("Cargo.toml"), fill(include_str!("templates/Cargo.toml.txt")).as_bytes())?;
    replace_file(&folder.join("src/lib.rs"), fill(source).as_bytes())?;
    print(&format!(
        "made {0}\n  cd {0} && cargo test && cargo build --release\n  host plugin add {0}/target/release/{1}{2}{3}\n",
        folder.display(),
        std::env::consts::DLL_PREFIX,
        name.replace('-', "_"),
        std::env::consts::DLL_SUFFIX
    ))?;
    Ok(Done::All)
}
