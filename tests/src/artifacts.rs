//! Where the build put the host and the plugins that the tests use: the folder of the profile that the test itself was built with.

use std::path::{Path, PathBuf};

/// `target/PROFILE`, from the test's own program in `target/PROFILE/deps` (or an example's or tool's).
fn profile_folder() -> PathBuf {
    let program = std::env::current_exe().expect("a program knows where it is");
    let folder = program.parent().expect("a program lies in a folder");
    let inner = folder.ends_with("deps") || folder.ends_with("examples");
    if inner { folder.parent().expect("deps lies in the profile's folder") } else { folder }.to_owned()
}

/// The folder below which nested builds of the tests put their own target folder.
pub fn cargo_target() -> PathBuf {
    profile_folder().parent().expect("the profile's folder lies in the target folder").join("end-to-end")
}

/// The root of the checkout.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the checkout")
}

/// The host's program.
pub fn host_program() -> PathBuf {
    built(profile_folder().join(format!("host{}", std::env::consts::EXE_SUFFIX)), "host")
}

/// The library of a plugin of the workspace, by its package's name.
pub fn library(package: &str) -> PathBuf {
    let (before, after) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    built(profile_folder().join(format!("{before}{}{after}", package.replace('-', "_"))), package)
}

fn built(path: PathBuf, package: &str) -> PathBuf {
    let profile = if profile_folder().ends_with("release") { " --release" } else { "" };
    assert!(
        path.is_file(),
        "{} is not built; build it with: cargo build{profile} -p {package} (or test everything with: cargo xtask test)",
        path.display()
    );
    path
}
