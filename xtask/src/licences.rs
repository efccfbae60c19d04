//! `cargo xtask licences`: every dependency's licence against the list in deny.toml, without a network. What `cargo deny` checks
//! beyond that (advisories, sources, bans) needs cargo deny.

use crate::failure::{Failure, Result};
use crate::workspace::{Dependencies, Package, Workspace};
use spdx::{Expression, LicenseReq, Licensee, ParseMode};

/// The licences that deny.toml allows: for everyone, and for single packages beyond that.
struct Allowed {
    everyone: Vec<Licensee>,
    exceptions: Vec<(String, Vec<Licensee>)>,
}

pub fn check(workspace: &Workspace) -> Result<()> {
    let path = workspace.root.join("deny.toml");
    let text = std::fs::read_to_string(&path).map_err(Failure::at("read", &path))?;
    let allowed = Allowed::parse(&text).map_err(Failure::at("read", &path))?;
    let dependencies = workspace.dependencies(Dependencies::All)?;
    let problems: Vec<String> = dependencies.iter().filter_map(|package| allowed.problem(package)).collect();
    if problems.is_empty() {
        println!("{} dependencies, all under licences of deny.toml", dependencies.len());
        Ok(())
    } else {
        Err(Failure::Check(format!("licences that deny.toml does not allow:\n  {}", problems.join("\n  "))))
    }
}

impl Allowed {
    fn parse(text: &str) -> std::result::Result<Allowed, String> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let licences = table.get("licenses").and_then(toml::Value::as_table).ok_or("there is no [licenses]")?;
        let everyone = licensees(licences.get("allow"))?;
        let mut exceptions = Vec::new();
        for entry in licences.get("exceptions").and_then(toml::Value::as_array).into_iter().flatten() {
            let name = entry.get("crate").and_then(toml::Value::as_str).ok_or("an exception names no `crate`")?;
            exceptions.push((name.to_owned(), licensees(entry.get("allow"))?));
        }
        Ok(Allowed { everyone, exceptions })
    }

    /// What is wrong with a package's licence; none if it may be used.
    fn problem(&self, package: &Package) -> Option<String> {
        let name = format!("{} {}", package.name, package.version);
        let Some(licence) = &package.licence else { return Some(format!("{name}: it states none")) };
        // Older packages write `MIT/Apache-2.0`.
        let Ok(expression) = Expression::parse_mode(licence, ParseMode::LAX) else {
            return Some(format!("{name}: `{licence}` is no SPDX expression"));
        };
        let exception = self.exceptions.iter().filter(|(exempt, _)| *exempt == package.name);
        let allowed: Vec<&Licensee> = self.everyone.iter().chain(exception.flat_map(|(_, more)| more)).collect();
        let may = |requirement: &LicenseReq| allowed.iter().any(|licensee| licensee.satisfies(requirement));
        (!expression.evaluate(may)).then(|| format!("{name}: {licence}"))
    }
}

fn licensees(list: Option<&toml::Value>) -> std::result::Result<Vec<Licensee>, String> {
    let list = list.and_then(toml::Value::as_array).ok_or("there is no list `allow`")?;
    let one = |entry: &toml::Value| {
        let text = entry.as_str().ok_or("an entry of `allow` is no text")?;
        Licensee::parse(text).map_err(|error| format!("`{text}`: {error}"))
    };
    list.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"]
        exceptions = [{ crate = "webpki", allow = ["ISC"] }]
    "#;

    fn problem(name: &str, licence: Option<&str>) -> Option<String> {
        let package = Package {
            name: name.into(),
            version: "1.0.0".into(),
            licence: licence.map(str::to_owned),
            foreign: true,
            folder: "/".into(),
        };
        Allowed::parse(DENY).unwrap().problem(&package)
    }

    #[test]
    fn one_allowed_licence_of_a_choice_is_enough_and_of_a_conjunction_all_are_needed() {
        assert_eq!(problem("a", Some("MIT OR GPL-3.0")), None);
        assert_eq!(problem("a", Some("MIT/Apache-2.0")), None);
        assert_eq!(problem("a", Some("MIT AND ISC")).as_deref(), Some("a 1.0.0: MIT AND ISC"));
        assert_eq!(problem("a", Some("Apache-2.0 WITH LLVM-exception")), None);
        assert_eq!(problem("a", Some("GPL-3.0")).as_deref(), Some("a 1.0.0: GPL-3.0"));
    }

    #[test]
    fn an_exception_holds_for_its_own_package_alone() {
        assert_eq!(problem("webpki", Some("ISC")), None);
        assert!(problem("ring", Some("ISC")).is_some());
    }

    #[test]
    fn a_package_without_a_licence_is_named() {
        assert_eq!(problem("a", None).as_deref(), Some("a 1.0.0: it states none"));
    }
}
