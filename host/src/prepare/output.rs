//! Files written piece by piece, aside and renamed at the end, with the digest of what went in.

use crate::error::{Error, Result};
use crate::run::{create_folder, hex};
use sha2::{Digest, Sha256};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file on its way. Dropped before [`OutputFile::finish`], it leaves the old one as it was.
pub struct OutputFile {
    path: PathBuf,
    aside: BufWriter<NamedTempFile>,
    digest: Sha256,
    bytes: u64,
}

impl OutputFile {
    pub fn create(folder: &Path, name: &str) -> Result<OutputFile> {
        create_folder(folder)?;
        let path = folder.join(name);
        let aside = tempfile::Builder::new().prefix(".new-").suffix(".tmp").tempfile_in(folder);
        let aside = aside.map_err(|error| Error::io("write", &path, &error))?;
        Ok(OutputFile { path, aside: BufWriter::with_capacity(1 << 16, aside), digest: Sha256::new(), bytes: 0 })
    }

    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        self.aside.write_all(bytes).map_err(|error| Error::io("write", &self.path, &error))
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A line of CSV.
    pub fn csv(&mut self, fields: &[&str]) -> Result<()> {
        let mut line = csv::Writer::from_writer(Vec::new());
        let failed = |error: String| Error::failed(format!("cannot write a line of CSV: {error}"));
        line.write_record(fields).map_err(|error| failed(error.to_string()))?;
        let line = line.into_inner().map_err(|error| failed(error.to_string()))?;
        self.write(&line)
    }

    /// Puts the file in its place and gives its SHA-256.
    pub fn finish(self) -> Result<String> {
        let OutputFile { path, aside, digest, .. } = self;
        let fail = |error: std::io::Error| Error::io("write", &path, &error);
        let aside = aside.into_inner().map_err(|error| fail(error.into_error()))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            aside.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(fail)?;
        }
        aside.as_file().sync_all().map_err(fail)?;
        aside.persist(&path).map_err(|error| fail(error.error))?;
        Ok(hex(&digest.finalize()))
    }
}
