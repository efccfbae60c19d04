//! `host plugin add`: digests into registry.lock; a library that is new also into registry.toml, with the lines that are left to its user.

use super::super::Done;
use super::super::common::Common;
use super::super::printing::print;
use crate::error::{Error, Result};
use crate::loader::Library;
use crate::progress::tell;
use crate::registry::{LockedComponent, LockedPlugin, Registry};
use std::path::Path;

pub fn add(common: &Common, plugin: &str) -> Result<Done> {
    let (registry, mut lock) = common.registry_and_lock()?;
    if registry.plugins().contains_key(plugin) {
        let library = Library { plugin: plugin.to_owned(), path: registry.library_path(plugin)?, sha256: None };
        let locked = library.open()?.locked();
        let left = left_to_do(&registry, &locked, |component| component.kind == "metric")?;
        print(&format!("{plugin}: {}\n{left}", summary(&locked)))?;
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
    let text = path.to_str().ok_or_else(|| {
        Error::usage(format!("{}: its path is no UTF-8, which registry.toml is", path.display()))
            .help("move it to a folder with another name")
    })?;
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
    let mut entries = entry("plugins", &name, &[("library", text)])?;
    for component in locked.components.iter().filter(|component| component.kind == "metric") {
        if !registry.metrics().contains_key(&component.name) {
            entries += "\n";
            entries += &entry("metrics", &component.name, &[("plugin", &name)])?;
        }
    }
    let registry = registry.append(&entries)?;
    let left = left_to_do(&registry, &locked, |_| true)?;
    print(&format!("{name}: {}; registered in {}\n{left}", summary(&locked), registry.path.display()))?;
    lock.set(locked);
    lock.save(&registry)?;
    Ok(Done::All)
}

pub fn add_all(common: &Common) -> Result<Done> {
    let (registry, mut lock) = common.registry_and_lock()?;
    let mut added = 0;
    for name in registry.plugins().keys() {
        match registry.library_path(name) {
            Ok(path) => {
                lock.set(Library { plugin: name.clone(), path, sha256: None }.open()?.locked());
                added += 1;
            }
            Err(error) => tell(&format!("warning: {}", error.message)),
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

/// The section of a kind of component, and the key without which an entry of it means nothing.
fn section(kind: &str) -> Option<(&'static str, Option<(&'static str, &'static str)>)> {
    const WEIGHTS: Option<(&str, &str)> = Some(("weights", "DIR, or hf:OWNER/NAME"));
    match kind {
        "metric" => Some(("metrics", None)),
        "captioner" => Some(("models", WEIGHTS)),
        "encoder" => Some(("encoders", WEIGHTS)),
        "dataset" => Some(("datasets", Some(("root", "DIR")))),
        "recommender" => Some(("recommenders", None)),
        _ => None,
    }
}

/// What a person has to write into the registry before those components can be used that no entry means.
fn left_to_do(registry: &Registry, locked: &LockedPlugin, told: impl Fn(&LockedComponent) -> bool) -> Result<String> {
    let mut text = String::new();
    for component in locked.components.iter().filter(|component| told(component)) {
        let Some((section, needed)) = section(&component.kind) else { continue };
        let entries = registry.entries_of(section);
        let alone = locked.components.iter().filter(|other| other.kind == component.kind).count() == 1;
        let means = |name: &str, named: Option<&str>| {
            named.map_or(name == component.name || alone, |named| named == component.name)
        };
        if entries.iter().any(|(name, plugin, named)| *plugin == locked.name && means(name, *named)) {
            continue;
        }
        let taken = entries.iter().any(|(name, _, _)| *name == component.name);
        let name = if taken { format!("{}-{}", locked.name, component.name) } else { component.name.clone() };
        let mut pairs = vec![("plugin", locked.name.as_str())];
        if taken || !alone {
            pairs.push(("component", component.name.as_str()));
        }
        pairs.extend(needed);
        let kind = &component.kind;
        text += &match taken && kind == "metric" {
            true => format!(
                "{kind} {0} is not registered: {1} has a {kind} of that name already. To use it, add under another name:\n\n",
                component.name,
                registry.place(section, &component.name)
            ),
            false => format!("to use {kind} {}, add to {}:\n\n", component.name, registry.path.display()),
        };
        text += &entry(section, &name, &pairs)?;
        text += "\n";
    }
    Ok(text)
}

/// An entry of the registry, in TOML's own quoting.
fn entry(section: &str, name: &str, pairs: &[(&str, &str)]) -> Result<String> {
    let pairs: toml::Table = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect();
    let named = toml::Table::from_iter([(name.to_owned(), pairs.into())]);
    let whole = toml::Table::from_iter([(section.to_owned(), toml::Value::Table(named))]);
    toml::to_string(&whole).map_err(|error| Error::failed(format!("cannot write an entry of the registry: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_as_it_was_written_whatever_the_path() {
        assert_eq!(
            entry("metrics", "word-count", &[("plugin", "words")]).unwrap(),
            "[metrics.word-count]\nplugin = \"words\"\n"
        );
        for path in ["/a/cafe\u{301}/x.so", "/a \"b\"/'c'\\d/x.so", "/\u{7f}\t/x.so"] {
            let table: toml::Table = entry("plugins", "a.b", &[("library", path)]).unwrap().parse().unwrap();
            assert_eq!(table["plugins"]["a.b"]["library"].as_str(), Some(path));
        }
    }
}
