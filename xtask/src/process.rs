//! Starting programs: cargo and the host. Each is shown before it runs.

use crate::failure::{Failure, Result};
use crate::workspace::Workspace;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

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

/// Runs a program that was built here, in the given folder: what it prints, its notes aside.
pub fn output_of(program: &Path, arguments: &[&str], folder: &Path) -> Result<String> {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stderr(Stdio::inherit());
    eprintln!("+ {name} {}", arguments.join(" "));
    let output = command.output().map_err(|error| Failure::Other(format!("cannot run {name}: {error}")))?;
    ended(output.status, &name)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn run(command: &mut Command, name: &str, arguments: &[&str]) -> Result<()> {
    eprintln!("+ {name} {}", arguments.join(" "));
    let status = command.status().map_err(|error| Failure::Other(format!("cannot run {name}: {error}")))?;
    ended(status, name)
}

fn ended(status: ExitStatus, name: &str) -> Result<()> {
    match status.code() {
        Some(0) => Ok(()),
        // A code that does not fit (Windows) still is a failure.
        Some(code) => Err(Failure::Program(u8::try_from(code).unwrap_or(3))),
        None => Err(Failure::Other(format!("{name} was ended: {status}"))),
    }
}
