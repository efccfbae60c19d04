//! A tree of images as one folder: what training code of others expects. Nothing is overwritten, and two images of one name are refused
//! before the first is copied.

use crate::error::{Error, Result};
use crate::run::{create_folder, file_digest};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How an image comes into the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Copy,
    /// A symbolic link to where it is.
    Link,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flattened {
    pub placed: usize,
    /// Were there already, with the same contents.
    pub there: usize,
}

/// Collisions that are named before "and so many more".
const SHOWN: usize = 5;

/// Puts every JPEG, PNG and WebP file below `tree` into `folder`, by its own name. A second run places what is missing.
///
/// # Errors
/// Two files of one name, a file of that name and other contents in the folder, a folder that lies in the tree.
pub fn flatten(tree: &Path, folder: &Path, manner: Manner) -> Result<Flattened> {
    let tree = tree.canonicalize().map_err(|error| Error::usage(Error::io("list", tree, &error).message))?;
    create_folder(folder)?;
    let folder = folder.canonicalize().map_err(|error| Error::io("list", folder, &error))?;
    if folder.starts_with(&tree) {
        return Err(Error::usage(format!("{} lies in the tree that it is to flatten", folder.display()))
            .help("choose a folder outside of it"));
    }
    let mut images: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut collisions = Vec::new();
    let mut folders = vec![tree];
    while let Some(current) = folders.pop() {
        let entries = std::fs::read_dir(&current).map_err(|error| Error::io("list", &current, &error))?;
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        for path in paths {
            // Links to folders are not followed: they could lead in a circle.
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if path.is_file() && is_image(&path) {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                match images.get(&name) {
                    Some(other) => collisions.push(format!("{} and {}", other.display(), path.display())),
                    None => drop(images.insert(name, path)),
                }
            }
        }
    }
    let mut result = Flattened::default();
    let mut missing = Vec::new();
    for (name, path) in &images {
        let target = folder.join(name);
        match std::fs::symlink_metadata(&target) {
            Err(_) => missing.push((path, target)),
            Ok(_) if is_same(path, &target)? => result.there += 1,
            Ok(_) => collisions.push(format!("{} and {}, of other contents", path.display(), target.display())),
        }
    }
    if !collisions.is_empty() {
        let mut shown: Vec<String> = collisions.iter().take(SHOWN).map(|line| format!("    {line}")).collect();
        if collisions.len() > SHOWN {
            shown.push(format!("    … and {} more", collisions.len() - SHOWN));
        }
        return Err(Error::usage(format!("images of one name would fall together:\n{}", shown.join("\n")))
            .help("nothing was copied; rename them, or flatten parts of the tree into folders of their own"));
    }
    for (path, target) in missing {
        place(path, &target, manner).map_err(|error| Error::io("write", &target, &error))?;
        result.placed += 1;
    }
    Ok(result)
}

fn is_image(path: &Path) -> bool {
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default().to_lowercase();
    ["jpg", "jpeg", "png", "webp"].contains(&end.as_str())
}

fn is_same(path: &Path, target: &Path) -> Result<bool> {
    if target.canonicalize().ok() == path.canonicalize().ok() {
        return Ok(true);
    }
    let length = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.len()).ok();
    Ok(length(path).is_some() && length(path) == length(target) && file_digest(path)? == file_digest(target)?)
}

fn place(path: &Path, target: &Path, manner: Manner) -> std::io::Result<()> {
    match manner {
        #[cfg(unix)]
        Manner::Link => std::os::unix::fs::symlink(path, target),
        // Links need a privilege elsewhere; copies always work.
        _ => {
            // Aside first: an interrupted copy must not pass for the image.
            let aside = target.with_extension("part");
            std::fs::copy(path, &aside)?;
            std::fs::rename(&aside, target)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join("tree").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    fn run(root: &tempfile::TempDir, manner: Manner) -> Result<Flattened> {
        flatten(&root.path().join("tree"), &root.path().join("flat"), manner)
    }

    #[test]
    fn a_tree_becomes_a_folder_and_a_second_run_places_nothing() {
        for manner in [Manner::Copy, Manner::Link] {
            let root = tree(&[("010/a.jpg", "a"), ("011/b.JPG", "b"), ("011/c/d.png", "d"), ("notes.txt", "no")]);
            assert_eq!(run(&root, manner).unwrap(), Flattened { placed: 3, there: 0 });
            assert_eq!(std::fs::read_to_string(root.path().join("flat/d.png")).unwrap(), "d");
            assert_eq!(run(&root, manner).unwrap(), Flattened { placed: 0, there: 3 });
        }
    }

    #[test]
    fn images_of_one_name_are_refused_before_anything_is_copied() {
        let root = tree(&[("010/a.jpg", "a"), ("011/a.jpg", "b"), ("012/c.jpg", "c")]);
        let error = run(&root, Manner::Copy).unwrap_err();
        assert!(error.message.contains("010/a.jpg") && error.message.contains("011/a.jpg"), "{error}");
        assert!(!root.path().join("flat/c.jpg").exists());
    }

    #[test]
    fn a_file_of_other_contents_is_never_overwritten() {
        let root = tree(&[("010/a.jpg", "a")]);
        std::fs::create_dir(root.path().join("flat")).unwrap();
        std::fs::write(root.path().join("flat/a.jpg"), "mine").unwrap();
        assert!(run(&root, Manner::Copy).is_err());
        assert_eq!(std::fs::read_to_string(root.path().join("flat/a.jpg")).unwrap(), "mine");
    }

    #[test]
    fn a_folder_inside_the_tree_is_refused() {
        let root = tree(&[("010/a.jpg", "a")]);
        let error = flatten(&root.path().join("tree"), &root.path().join("tree/flat"), Manner::Copy).unwrap_err();
        assert!(error.message.contains("lies in the tree"), "{error}");
    }
}
