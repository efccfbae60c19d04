//! `build`, `demo` and `test`: cargo builds, the host writes `registry.lock`, then the demo or the tests run.

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
    run_cargo(workspace, &["test", "--release", "--workspace"])
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

fn lock(workspace: &Workspace) -> Result<()> {
    run_built(&host(workspace), &["plugin", "add", "--all"], &workspace.root)
}

fn host(workspace: &Workspace) -> PathBuf {
    workspace.target.join("release").join(host_file())
}
