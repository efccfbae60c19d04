//! `cargo xtask dist`: a folder and an archive with all that a user needs: host, plugins, registry and its lock, the sample
//! weights, plugin-api's source for plugins of one's own, documentation and licences. The same inputs give the same archive, byte for byte.

use crate::failure::{Failure, Result};
use crate::notices::third_party;
use crate::process::{run_built, run_cargo};
use crate::workspace::{Workspace, host_file, library_file};
use lzma_rust2::{FilterType, XzOptions, XzWriter};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tar::{Builder, HeaderMode};

/// What the compressed archive may weigh, in bytes.
const LARGEST: u64 = 60_000_000;

/// How far back the compressor looks, in bytes: over all plugins, which hold the same backends. Unpacking takes as much memory.
const WINDOW: u32 = 192 << 20;

/// Files of the root that go along as they are.
const DOCUMENTS: [&str; 11] = [
    "README.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "docs/architecture.md",
    "docs/catalogues.md",
    "docs/clusters.md",
    "docs/plugin-author.md",
    "docs/recommend.md",
    "recommend/study.toml",
    "sweeps/study.toml",
    "plugins/shared/language/data/wordnet-licence.txt",
];

/// Builds, stages, locks and packs.
pub fn dist(workspace: &Workspace, cuda: bool) -> Result<()> {
    build(workspace, cuda)?;
    let system = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let name = format!("lookbook-{}-{system}{}", workspace.version, if cuda { "" } else { "-cpu" });
    let folder = workspace.root.join("dist").join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Failure::at("replace", &folder))?;
    }
    stage(workspace, &folder)?;
    run_built(&folder.join(host_file()), &["plugin", "add", "--all"], &folder)?;
    let archive = workspace.root.join("dist").join(format!("{name}.tar.xz"));
    pack(&folder, &name, &archive).map_err(Failure::at("write", &archive))?;
    let bytes = fs::metadata(&archive).map_err(Failure::at("read", &archive))?.len();
    println!("{}: {:.1} MB", archive.display(), bytes as f64 / 1e6);
    if bytes > LARGEST {
        return Err(Failure::Check(format!("the archive is larger than {} MB", LARGEST / 1_000_000)));
    }
    Ok(())
}

fn build(workspace: &Workspace, cuda: bool) -> Result<()> {
    let mut arguments = vec!["build".to_owned(), "--profile".into(), "dist".into(), "--package".into(), "host".into()];
    for plugin in &workspace.plugins {
        arguments.extend(["--package".to_owned(), plugin.package.clone()]);
        if cuda && plugin.cuda {
            arguments.extend(["--features".to_owned(), format!("{}/cuda", plugin.package)]);
        }
    }
    run_cargo(workspace, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Puts everything into `folder`, at the places where the host looks.
fn stage(workspace: &Workspace, folder: &Path) -> Result<()> {
    let built = workspace.target.join("dist");
    copy(&built.join(host_file()), &folder.join(host_file()))?;
    for plugin in &workspace.plugins {
        let file = library_file(&plugin.library);
        copy(&built.join(&file), &folder.join(&file))?;
    }
    // For `./xtask gpu-check` where nothing is built.
    let xtask = std::env::current_exe().map_err(Failure::at("find", Path::new("xtask")))?;
    copy(&xtask, &folder.join(format!("xtask{}", std::env::consts::EXE_SUFFIX)))?;
    for document in DOCUMENTS.into_iter().chain(crate::gpu_check::CARRIED) {
        copy(&workspace.root.join(document), &folder.join(document))?;
    }
    let registry = workspace.root.join("registry.toml");
    let text = fs::read_to_string(&registry).map_err(Failure::at("read", &registry))?;
    let named = Named::parse(&text).map_err(Failure::at("read", &registry))?;
    for library in named.libraries {
        if !folder.join(library_file(&library)).is_file() {
            return Err(Failure::Check(format!("registry.toml names the library `{library}`, which no plugin makes")));
        }
    }
    carry_plugin_api(&workspace.root, &folder.join("plugin-api"))?;
    for weights in named.weights {
        copy_files(&workspace.root.join(&weights), &folder.join(&weights))?;
    }
    copy(&registry, &folder.join("registry.toml"))?;
    let path = folder.join("THIRD-PARTY-LICENCES.txt");
    fs::write(&path, third_party(workspace)?).map_err(Failure::at("write", &path))
}

/// The files that a registry refers to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    libraries: Vec<String>,
    /// Directories below the registry, of weights and of adapters; weights of the hub are the user's to pull.
    weights: Vec<String>,
}

impl Named {
    fn parse(text: &str) -> std::result::Result<Named, String> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let values = |section: &str, key: &str| -> Vec<String> {
            let entries = table.get(section).and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
            entries.filter_map(|entry| entry.get(key)?.as_str().map(str::to_owned)).collect()
        };
        let weights = values("models", "weights").into_iter().filter(|weights| !weights.starts_with("hf:"));
        let models = table.get("models").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
        let adapters = models.filter_map(|model| model.get("adapters")?.as_table()).flat_map(toml::Table::values);
        // A folder, or a folder and the dataset that it was trained for.
        let folders = adapters.filter_map(|adapter| adapter.get("path").unwrap_or(adapter).as_str());
        let folders = folders.map(str::to_owned).chain(values("models", "adapter"));
        Ok(Named { libraries: values("plugins", "library"), weights: weights.chain(folders).collect() })
    }
}

/// Puts plugin-api's source into `to`, with a manifest that needs no workspace: what `host plugin new` depends on.
fn carry_plugin_api(root: &Path, to: &Path) -> Result<()> {
    let read = |path: PathBuf| -> Result<toml::Table> {
        let text = fs::read_to_string(&path).map_err(Failure::at("read", &path))?;
        text.parse().map_err(|error: toml::de::Error| Failure::Other(format!("{}: {error}", path.display())))
    };
    let mut manifest = read(root.join("plugin-api/Cargo.toml"))?;
    inherit(&mut manifest, &read(root.join("Cargo.toml"))?).map_err(|name| {
        Failure::Check(format!("plugin-api/Cargo.toml takes `{name}` from the workspace, which does not have it"))
    })?;
    let text = toml::to_string(&manifest).map_err(|error| Failure::Other(format!("plugin-api/Cargo.toml: {error}")))?;
    copy_tree(&root.join("plugin-api/src"), &to.join("src"))?;
    let path = to.join("Cargo.toml");
    fs::write(&path, text).map_err(Failure::at("write", &path))
}

/// Puts into a manifest what it takes from its workspace. Lints stay behind: they are for who works on the crate.
fn inherit(manifest: &mut toml::Table, workspace: &toml::Table) -> std::result::Result<(), String> {
    let inherited = |value: &toml::Value| value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
    manifest.remove("lints");
    for section in ["package", "dependencies"] {
        let shared = workspace.get("workspace").and_then(|shared| shared.get(section)).and_then(toml::Value::as_table);
        let entries = manifest.get_mut(section).and_then(toml::Value::as_table_mut);
        for (name, value) in entries.into_iter().flatten().filter(|(_, value)| inherited(value)) {
            *value = shared.and_then(|shared| shared.get(name)).ok_or_else(|| name.clone())?.clone();
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(Failure::at("make", parent))?;
    }
    fs::copy(from, to).map(drop).map_err(Failure::at("copy", from))
}

/// The files of a folder, without its subfolders.
fn copy_files(from: &Path, to: &Path) -> Result<()> {
    for path in sorted(from).map_err(Failure::at("read", from))? {
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            copy(&path, &to.join(name))?;
        }
    }
    Ok(())
}

/// The files of a folder and of those in it.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    copy_files(from, to)?;
    for path in sorted(from).map_err(Failure::at("read", from))? {
        if let (true, Some(name)) = (path.is_dir(), path.file_name()) {
            copy_tree(&path, &to.join(name))?;
        }
    }
    Ok(())
}

/// Writes the folder as `name/…`: entries by name, no times, no owners.
fn pack(folder: &Path, name: &str, archive: &Path) -> std::io::Result<()> {
    let mut options = XzOptions::with_preset(6);
    options.lzma_options.dict_size = WINDOW;
    // Calls have absolute addresses then: the same code at another place is the same bytes.
    options.prepend_pre_filter(FilterType::BcjX86, 0);
    let writer = XzWriter::new(BufWriter::new(File::create(archive)?), options)?;
    let mut builder = Builder::new(writer);
    builder.mode(HeaderMode::Deterministic);
    append(&mut builder, folder, Path::new(name))?;
    builder.into_inner()?.finish()?.flush()
}

fn append<W: Write>(builder: &mut Builder<W>, folder: &Path, name: &Path) -> std::io::Result<()> {
    for path in sorted(folder)? {
        let name = name.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            append(builder, &path, &name)?;
        } else {
            builder.append_path_with_name(&path, &name)?;
        }
    }
    Ok(())
}

fn sorted(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_names_libraries_and_local_weights() {
        let text = r#"
            [plugins.blip2]
            library = "blip2"
            [models.nano]
            plugin = "blip2"
            weights = "samples/nano/blip2-opt"
            [models.nano.adapters]
            hm = { path = "adapters/hm", dataset = "hm" }
            plain = "adapters/plain"
            [models.tuned]
            plugin = "blip2"
            weights = "hf:Salesforce/blip2-opt-2.7b"
            adapter = "adapters/tuned"
            [models."blip2-opt-2.7b"]
            plugin = "blip2"
            weights = "hf:Salesforce/blip2-opt-2.7b"
        "#;
        let folders = ["samples/nano/blip2-opt", "adapters/hm", "adapters/plain", "adapters/tuned"];
        let expected =
            Named { libraries: vec!["blip2".into()], weights: folders.iter().map(ToString::to_string).collect() };
        assert_eq!(Named::parse(text).unwrap(), expected);
    }

    #[test]
    fn the_plugin_api_that_is_carried_builds_by_itself() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("plugin-api");
        carry_plugin_api(root, &folder).unwrap();
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("workspace"), "{manifest}");
        // The workspace's lock, so that no network is needed.
        copy(&root.join("Cargo.lock"), &folder.join("Cargo.lock")).unwrap();
        let output = std::process::Command::new(crate::process::cargo())
            .args(["check", "--offline"])
            .current_dir(&folder)
            .env("CARGO_TARGET_DIR", root.join("target/end-to-end/outside"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}\n{manifest}", String::from_utf8_lossy(&output.stderr));
    }

    #[test]
    fn what_the_workspace_lacks_cannot_be_inherited() {
        let mut manifest: toml::Table = "[dependencies]\na.workspace = true\nb = \"1\"".parse().unwrap();
        let workspace = "[workspace.dependencies]\na = { version = \"2\", features = [\"x\"] }".parse().unwrap();
        inherit(&mut manifest, &workspace).unwrap();
        assert_eq!(manifest["dependencies"]["a"]["features"][0].as_str(), Some("x"));
        assert_eq!(manifest["dependencies"]["b"].as_str(), Some("1"));
        let mut manifest: toml::Table = "[package]\nname = \"n\"\nedition.workspace = true".parse().unwrap();
        assert_eq!(inherit(&mut manifest, &workspace), Err("edition".to_owned()));
    }

    #[test]
    fn a_folder_packed_twice_gives_the_same_bytes() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("folder");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"), &folder.join("inner/b")).unwrap();
        fs::write(folder.join("a"), "first").unwrap();
        let [first, second] = ["1.tar.xz", "2.tar.xz"].map(|name| scratch.path().join(name));
        pack(&folder, "folder", &first).unwrap();
        fs::write(folder.join("a"), "first").unwrap();
        pack(&folder, "folder", &second).unwrap();
        assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
    }
}
