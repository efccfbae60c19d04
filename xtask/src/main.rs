//! `cargo xtask`: the workspace's own commands, the same for people and for CI. One file a subject; this one only reads the
//! command line.

mod build;
mod data;
mod dist;
mod failure;
mod gpu_check;
mod licences;
mod matrix;
mod notices;
mod process;
mod workspace;

use failure::{Failure, Result};
use std::process::ExitCode;
use workspace::Workspace;

const HELP: &str = "\
cargo xtask COMMAND

  build                      build the host and all plugins; write registry.lock
  demo [ARGUMENTS]           build, then `host demo ARGUMENTS`
  test [--plugin PACKAGE]    build, then all tests; or one plugin's tests and its conformance check
  check-cuda                 lint the model plugins with their CUDA code
  plugins [--json]           the plugin crates; with --json the matrix of a GitHub workflow
  dist [--no-cuda]           a release archive in dist/, with CUDA in the model plugins
  gpu-check [DIR]            on a machine with a GPU: what an unpacked release does there; also `./xtask gpu-check` in it
  licences                   check every dependency's licence against deny.toml
  assets lexicon METEOR.jar  compile METEOR's lexicon into its plugin's data
  assets wordnet [DIR]       compile WordNet's database into the language library's data
  train-language ARGUMENTS   train or measure the tagger and parser

Exit codes: 0 done; 1 checks failed; 2 usage; 3 a command could not be run. A program that fails gives its own code.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                eprintln!("error: {message}");
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let Some((command, rest)) = arguments.split_first() else {
        print!("{HELP}");
        return Ok(());
    };
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    match (command.as_str(), rest.as_slice()) {
        ("help" | "-h" | "--help", _) => {
            print!("{HELP}");
            Ok(())
        }
        ("build", []) => build::build(&Workspace::load()?),
        ("demo", rest) => build::demo(&Workspace::load()?, rest),
        ("test", []) => build::test(&Workspace::load()?),
        ("test", ["--plugin", package]) => build::test_plugin(&Workspace::load()?, package),
        ("check-cuda", []) => build::check_cuda(&Workspace::load()?),
        ("plugins", []) => matrix::print(&Workspace::load()?, false),
        ("plugins", ["--json"]) => matrix::print(&Workspace::load()?, true),
        ("dist", []) => dist::dist(&Workspace::load()?, true),
        ("dist", ["--no-cuda"]) => dist::dist(&Workspace::load()?, false),
        ("gpu-check", []) => gpu_check::gpu_check(None),
        ("gpu-check", [folder]) => gpu_check::gpu_check(Some(folder)),
        ("licences" | "licenses", []) => licences::check(&Workspace::load()?),
        ("assets", ["lexicon", jar]) => data::lexicon(&Workspace::load()?, jar),
        ("assets", ["wordnet", rest @ ..]) => data::wordnet(&Workspace::load()?, rest),
        ("train-language", rest) => data::train_language(&Workspace::load()?, rest),
        _ => Err(Failure::Usage(arguments.join(" "))),
    }
}
