//! The licence texts of everything that is linked into the release: most licences ask that they go along.

use crate::failure::Result;
use crate::workspace::{Dependencies, Workspace};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Each text once, after the packages that it belongs to. A package of another platform may be among them.
pub fn third_party(workspace: &Workspace) -> Result<String> {
    let mut packages = workspace.dependencies(Dependencies::Shipped)?;
    packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    let mut out =
        String::from("Software that Lookbook is built from, and its licences. The texts follow the list.\n\n");
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages {
        let name = format!("{} {}", package.name, package.version);
        let _ = writeln!(out, "{name}: {}", package.licence.as_deref().unwrap_or("not stated"));
        for text in texts(&package.folder) {
            owners.entry(text).or_default().push(name.clone());
        }
    }
    let mut texts: Vec<(Vec<String>, String)> = owners.into_iter().map(|(text, names)| (names, text)).collect();
    texts.sort();
    for (names, text) in texts {
        let _ = write!(out, "\n{}\n{}\n\n{text}\n", "=".repeat(80), names.join(", "));
    }
    Ok(out)
}

/// The licence files of a package.
fn texts(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let licences = entries.filter(|entry| {
        let name = entry.file_name().to_string_lossy().to_uppercase();
        ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"].iter().any(|word| name.starts_with(word))
    });
    licences.filter_map(|entry| fs::read_to_string(entry.path()).ok()).map(|text| text.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_files_are_found_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("LICENSE-MIT", "mit\n"), ("Copying", "gpl"), ("README.md", "no")] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let mut found = texts(folder.path());
        found.sort();
        assert_eq!(found, ["gpl", "mit"]);
    }
}
