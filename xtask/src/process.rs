//! Starting programs: cargo and the host. Each is shown before it runs.

use crate::failure::{Failure, Result};
use crate::workspace::Workspace;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// The cargo that started xtask.
pub fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs cargo in the workspace's root.
pub fn run_cargo(workspace: &Workspace, arguments: &[&str]) -> Result<()> {
    run(Command::new(cargo()).args(arguments).current_dir(&workspace.root), "cargo", arguments)
}

/// Runs a program that was built here, in the given folder.
pub fn run_built(program: &Path, arguments: &[&str], folder: &Path) -> Result<()> {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    run(Command::new(program).args(arguments).current_dir(folder), &name, arguments)
}

fn run(command: &mut Command, name: &str, arguments: &[&str]) -> Result<()> {
    eprintln!("+ {name} {}", arguments.join(" "));
    let status = command.status().map_err(|error| Failure::Other(format!("cannot run {name}: {error}")))?;
    match status.code() {
        Some(0) => Ok(()),
        // A code that does not fit (Windows) still is a failure.
        Some(code) => Err(Failure::Program(u8::try_from(code).unwrap_or(3))),
        None => Err(Failure::Other(format!("{name} was ended: {status}"))),
    }
}
