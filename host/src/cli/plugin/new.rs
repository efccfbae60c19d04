//! `host plugin new`: a crate that builds as it stands.

use super::super::Done;
use super::super::common::Common;
use super::super::printing::print;
use crate::error::{Error, Exit, Result};
use crate::run::replace_file;
use clap::ValueEnum;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    Metric,
    Encoder,
    LoraStrategy,
}

/// Words that no crate may be called: Rust's, in every edition.
const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else enum extern false final fn for gen \
    if impl in let loop macro match mod move mut override priv pub ref return self static struct super trait true try type typeof \
    unsafe unsized use virtual where while yield";

/// Crates that every crate has, and those that come with plugin-api.
const CRATES: &str = "alloc core proc-macro std test abi-stable inventory plugin-api serde serde-json thiserror";

/// Types that every crate has.
const TYPES: &str =
    "Box Clone Copy Default Drop Err Fn From Into Iterator None Ok Option Result Self Send Some String Sync Vec";

pub fn new(common: &Common, kind: Kind, name: &str, dir: Option<&Path>, plugin_api: Option<&Path>) -> Result<Done> {
    let source = match kind {
        Kind::Metric => include_str!("../templates/metric.rs.txt"),
        Kind::Encoder => include_str!("../templates/encoder.rs.txt"),
        Kind::LoraStrategy => include_str!("../templates/lora-strategy.rs.txt"),
    };
    let type_name = type_name(name, source)?;
    let folder = dir.map_or_else(|| PathBuf::from(name), Path::to_owned);
    if folder.exists() {
        return Err(Error {
            exit: Exit::Usage,
            message: format!("{} is there already", folder.display()),
            help: Some("choose another --dir".into()),
        });
    }
    let api = plugin_api_folder(common, plugin_api)?;
    let api = api.to_str().ok_or_else(|| {
        Error::usage(format!("{}: its path is no UTF-8, which Cargo.toml is", api.display()))
            .help("move it to a folder with another name")
    })?;
    let dependency = format!("{{ path = {} }}", toml::Value::from(api));
    let fill = |text: &str| {
        text.replace("{{name}}", name).replace("{{Type}}", &type_name).replace("{{dependency}}", &dependency)
    };
    replace_file(&folder.join("Cargo.toml"), fill(include_str!("../templates/Cargo.toml.txt")).as_bytes())?;
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

/// The name of the crate's type; an error where the crate could not be built under its name.
fn type_name(name: &str, source: &str) -> Result<String> {
    let refuse = |why: String, help: String| Err(Error::usage(format!("`{name}` {why}")).help(help));
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if !name.starts_with(|letter: char| letter.is_ascii_lowercase()) || !name.chars().all(fits) {
        return refuse(
            "is no name for a plugin".to_owned(),
            "use lowercase letters, digits and dashes, such as word-count".to_owned(),
        );
    }
    let listed = |words: &str, word: &str| words.split_whitespace().any(|other| other == word);
    let longer = format!("add a word, such as my-{name}");
    if listed(KEYWORDS, name) {
        return refuse("is no name for a plugin: it is a word of Rust's own".to_owned(), longer);
    }
    if listed(CRATES, name) {
        return refuse("is no name for a plugin: a crate that it needs has that name".to_owned(), longer);
    }
    let type_name: String = name
        .split('-')
        .filter_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
        })
        .collect();
    let imports =
        source.split_once("\nuse ").and_then(|(_, rest)| rest.split_once(';')).map_or("", |(imports, _)| imports);
    let imported = imports.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == type_name);
    if imported || listed(TYPES, &type_name) {
        return refuse(
            format!("is no name for a plugin: its type would be `{type_name}`, which there is already"),
            longer,
        );
    }
    Ok(type_name)
}

/// Where plugin-api's source is: as given, beside the registry, or beside the program (a release) or above it (a build in the source tree).
fn plugin_api_folder(common: &Common, given: Option<&Path>) -> Result<PathBuf> {
    let holds_it = |folder: &Path| folder.join("Cargo.toml").is_file();
    let found = match given {
        Some(given) if holds_it(given) => given.to_owned(),
        Some(given) => {
            return Err(Error::usage(format!("{} holds no plugin-api: it has no Cargo.toml", given.display()))
                .help("--plugin-api is the folder `plugin-api` of a release or of Lookbook's source"));
        }
        None => {
            let registry = common.registry().ok().map(|registry| registry.dir().to_owned());
            let program = std::env::current_exe().unwrap_or_default();
            let above = program.ancestors().skip(1).map(Path::to_owned);
            let mut places = registry.into_iter().chain(above).map(|place| place.join("plugin-api"));
            places.find(|place| holds_it(place)).ok_or_else(|| {
                Error::usage("there is no folder `plugin-api` beside the registry or the program, and a plugin cannot be built without it")
                    .help("give its place with --plugin-api DIR: it is in a release's archive and in Lookbook's source")
            })?
        }
    };
    found.canonicalize().map_err(|error| Error::io("find", &found, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_under_which_no_crate_could_be_built_are_refused() {
        let source = "//! A metric. See docs.\n\nuse plugin_api::{ItemScore, Metric};\n\nstruct Words;";
        let wrong =
            ["self", "gen", "core", "test", "serde", "plugin-api", "metric", "item-score", "vec", "ok", "A", "2d", ""];
        for name in wrong {
            let error = type_name(name, source).map(drop).unwrap_err();
            assert!(error.message.contains("is no name for a plugin") && error.help.is_some(), "{name}: {error}");
        }
        assert_eq!(type_name("word-count", source).unwrap(), "WordCount");
        assert_eq!(type_name("words", source).unwrap(), "Words");
    }
}
