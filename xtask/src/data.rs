//! The commands that make committed data anew. Each runs the library that the data belongs to; nothing is computed here.

use crate::failure::Result;
use crate::process::run_cargo;
use crate::workspace::Workspace;

const LEXICON: &str = "plugins/metrics/meteor/data/lexicon.bin";

/// METEOR's synonyms, exceptions and function words, from its jar.
pub fn lexicon(workspace: &Workspace, jar: &str) -> Result<()> {
    let jar = absolute(jar);
    run_cargo(
        workspace,
        &["run", "--release", "--package", "meteor-data", "--example", "compile_lexicon", "--", &jar, LEXICON],
    )
}

/// WordNet's database, from its own folder or Debian's.
pub fn wordnet(workspace: &Workspace, folder: &[&str]) -> Result<()> {
    let folder: Vec<String> = folder.iter().map(|folder| absolute(folder)).collect();
    let mut arguments = vec!["wordnet"];
    for folder in &folder {
        arguments.extend(["--wordnet", folder]);
    }
    train_language(workspace, &arguments)
}

/// The tagger and parser.
pub fn train_language(workspace: &Workspace, arguments: &[&str]) -> Result<()> {
    let mut all = vec!["run", "--release", "--package", "language", "--bin", "train-language", "--"];
    all.extend(arguments);
    run_cargo(workspace, &all)
}

/// Cargo runs in the root; a relative path means the folder that the user stands in.
fn absolute(path: &str) -> String {
    std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| path.to_string_lossy().into_owned())
}
