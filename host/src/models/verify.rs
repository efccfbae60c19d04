//! A file's content against the digest that the hub gives it: SHA-256 for large files, git's SHA-1 of a blob for small ones.

use crate::error::{Error, Result};
use crate::run::hex;
use sha1::Sha1;
use sha2::Sha256;
use std::io::Read;
use std::path::Path;

/// What a file must hash to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Digest {
    Sha256(String),
    /// SHA-1 over `blob LENGTH\0` and the content, as git names it.
    GitBlob(String),
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Digest::Sha256(hex) => write!(f, "SHA-256 {hex}"),
            Digest::GitBlob(hex) => write!(f, "git blob {hex}"),
        }
    }
}

/// The digest that a name of the hub's cache is: its blobs are called by theirs.
pub fn expected_digest(name: &str) -> Option<Digest> {
    let hexadecimal = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    match name.len() {
        64 if hexadecimal => Some(Digest::Sha256(name.to_ascii_lowercase())),
        40 if hexadecimal => Some(Digest::GitBlob(name.to_ascii_lowercase())),
        _ => None,
    }
}

/// Does the file have this digest?
///
/// # Errors
/// It cannot be read.
pub fn file_matches(path: &Path, digest: &Digest) -> Result<bool> {
    match digest {
        Digest::Sha256(expected) => Ok(hash::<Sha256>(path, &[])? == *expected),
        Digest::GitBlob(expected) => {
            let length = std::fs::metadata(path).map_err(|error| Error::io("read", path, &error))?.len();
            Ok(hash::<Sha1>(path, format!("blob {length}\0").as_bytes())? == *expected)
        }
    }
}

fn hash<H: sha2::Digest>(path: &Path, before: &[u8]) -> Result<String> {
    let failed = |error: std::io::Error| Error::io("read", path, &error);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut hash = H::new();
    hash.update(before);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&buffer[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_git_and_sha256sum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "what is up, doc?").unwrap();
        // The example of "Git Internals: Git Objects" in Pro Git.
        let git = expected_digest("bd9dbf5aae1a3862dd1526723246b20206e5fc37").unwrap();
        assert!(file_matches(&path, &git).unwrap());
        // FIPS 180-2's "abc".
        std::fs::write(&path, "abc").unwrap();
        let sha = expected_digest("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").unwrap();
        assert!(file_matches(&path, &sha).unwrap());
        assert!(!file_matches(&path, &git).unwrap());
        assert_eq!(expected_digest("model.safetensors"), None);
    }
}
