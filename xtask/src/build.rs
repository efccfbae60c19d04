//! `build`, `demo`, `test` and `check-cuda`: cargo builds, the host writes `registry.lock`, then the demo or the tests run.

use crate::failure::Result;
use crate::process::{run_built, run_cargo};
use crate::workspace::{Workspace, host_file, library_file};
use std::path::PathBuf;

/// Builds the host with all plugins beside it, and locks them.
pub fn build(workspace: &Workspace) -> Result<()> {
    // Not xtask: on Windows a running program cannot be replaced.
    run_cargo(workspace, &["build", "--release", "--workspace", "--exclude", "xtask"])?;
    lock(workspace)
}

/// Builds, then runs `host demo`.
pub fn demo(workspace: &Workspace, arguments: &[&str]) -> Result<()> {
    build(workspace)?;
    let mut all = vec!["demo"];
    all.extend(arguments);
    run_built(&host(workspace), &all, &workspace.root)
}

/// Builds, then runs every test.
pub fn test(workspace: &Workspace) -> Result<()> {
    build(workspace)?;
    // Test builds may link libraries anew (development dependencies can switch features on), so they are locked again before
    // a test uses them.
    run_cargo(workspace, &["test", "--release", "--workspace", "--no-run"])?;
    lock(workspace)?;
    // One failure tells of one thing: the others are run all the same.
    run_cargo(workspace, &["test", "--release", "--workspace", "--no-fail-fast"])
}

/// One plugin's lints, tests and conformance: a job of the matrix.
pub fn test_plugin(workspace: &Workspace, package: &str) -> Result<()> {
    let plugin = workspace.plugin(package)?;
    run_cargo(workspace, &["clippy", "--release", "--all-targets", "--package", package, "--", "--deny", "warnings"])?;
    run_cargo(workspace, &["test", "--release", "--package", package])?;
    run_cargo(workspace, &["build", "--release", "--package", "host", "--package", package])?;
    let library = workspace.target.join("release").join(library_file(&plugin.library));
    run_built(&host(workspace), &["plugin", "check", &library.to_string_lossy()], &workspace.root)
}

/// Lints the model plugins and what they link with their feature `cuda`: types and all, but without code generation.
pub fn check_cuda(workspace: &Workspace) -> Result<()> {
    let mut arguments = vec!["clippy".to_owned(), "--locked".into(), "--release".into()];
    for plugin in workspace.plugins.iter().filter(|plugin| plugin.cuda) {
        arguments.extend(["--package".to_owned(), plugin.package.clone()]);
        arguments.extend(["--features".to_owned(), format!("{}/cuda", plugin.package)]);
    }
    arguments.extend(["--".to_owned(), "--deny".into(), "warnings".into()]);
    run_cargo(workspace, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn lock(workspace: &Workspace) -> Result<()> {
    run_built(&host(workspace), &["plugin", "add", "--all"], &workspace.root)
}

fn host(workspace: &Workspace) -> PathBuf {
    workspace.target.join("release").join(host_file())
}
