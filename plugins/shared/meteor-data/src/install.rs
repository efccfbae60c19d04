//! Installing the paraphrase table as an asset: from the Python package that carries it, or from the file itself.

use crate::error::{DataError, Result};
use crate::paraphrase_compiler::{TableSize, compile_paraphrases};
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The Python package that carries METEOR's data, in the version whose digest is known here. What to give `pip download
/// --no-deps`: the wheel that it fetches can be given to [`install`].
pub const PIP_REQUIREMENT: &str = "pycocoevalcap==1.2";
/// The compiled table's name in the folder of assets.
pub const PARAPHRASE_FILE: &str = "meteor-paraphrase-en.bin";
/// What a user runs to get the table.
pub const INSTALL_COMMAND: &str = "host assets add meteor";

const MEMBER: &str = "pycocoevalcap/meteor/data/paraphrase-en.gz";
const SHA256: &str = "c147ac7d2c91f2fbb3ad31e4b352235061eb83145e0434daf217ee9ca5975f48";

/// What was installed.
#[derive(Debug, Clone)]
pub struct Installed {
    pub path: PathBuf,
    pub size: TableSize,
    pub bytes: u64,
}

/// Compiles the paraphrases in `file` into the folder `assets` (made where absent). `file` is the wheel of pycocoevalcap 1.2
/// or the `paraphrase-en.gz` inside it. The asset is replaced whole, so that a running process keeps the old one.
///
/// # Errors
/// When `file` is neither, its digest differs, or the disk fails.
pub fn install(file: &Path, assets: &Path) -> Result<Installed> {
    let mut input = File::open(file).map_err(DataError::file("open", file))?;
    let mut start = [0; 2];
    let begun = input.read(&mut start).map_err(DataError::file("read", file))?;
    input.seek(SeekFrom::Start(0)).map_err(DataError::file("read", file))?;
    let mut packed = Vec::new();
    match &start[..begun] {
        b"PK" => {
            let mut archive =
                zip::ZipArchive::new(BufReader::new(input)).map_err(|_| DataError::UnknownFile(file.to_path_buf()))?;
            let mut member = archive.by_name(MEMBER).map_err(|_| DataError::UnknownFile(file.to_path_buf()))?;
            member.read_to_end(&mut packed).map_err(DataError::file("read", file))?;
        }
        [0x1f, 0x8b] => {
            input.read_to_end(&mut packed).map_err(DataError::file("read", file))?;
        }
        _ => return Err(DataError::UnknownFile(file.to_path_buf())),
    }
    let digest: [u8; 32] = Sha256::digest(&packed).into();
    let found: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if found != SHA256 {
        return Err(DataError::Digest { path: file.to_path_buf(), found, expected: SHA256 });
    }

    fs::create_dir_all(assets).map_err(DataError::file("make the folder", assets))?;
    let path = assets.join(PARAPHRASE_FILE);
    let failed = |source: io::Error| DataError::File { action: "write", path: path.clone(), source };
    let mut aside = tempfile::Builder::new();
    // A cluster's users share one folder of assets: not only the installer reads the table.
    #[cfg(unix)]
    aside.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let aside = aside.tempfile_in(assets).map_err(failed)?;
    let records = BufReader::with_capacity(1 << 20, MultiGzDecoder::new(Cursor::new(packed)));
    let mut out = BufWriter::with_capacity(1 << 20, aside.as_file());
    let size = compile_paraphrases(records, digest, &mut out)?;
    out.flush().map_err(failed)?;
    drop(out);
    aside.as_file().sync_all().map_err(failed)?;
    let bytes = aside.as_file().metadata().map_err(failed)?.len();
    aside.persist(&path).map_err(|error| failed(error.error))?;
    Ok(Installed { path, size, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_holds_no_paraphrases_is_refused_and_nothing_is_installed() {
        let folder = tempfile::tempdir().unwrap();
        let assets = folder.path().join("assets");
        let file = folder.path().join("with a space");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"0.5\na\nb\n").unwrap();
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file("pycocoevalcap/meteor/meteor.py", zip::write::SimpleFileOptions::default()).unwrap();
        let archive = archive.finish().unwrap().into_inner();
        let cases: [(&[u8], &str); 5] = [
            (b"", "holds no METEOR paraphrases"),
            (b"some text", "holds no METEOR paraphrases"),
            (b"PK\x03\x04torn", "holds no METEOR paraphrases"),
            (&archive, "holds no METEOR paraphrases"),
            (&gzip.finish().unwrap(), "its SHA-256 is"),
        ];
        for (bytes, message) in cases {
            fs::write(&file, bytes).unwrap();
            let error = install(&file, &assets).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
            assert!(!assets.exists());
        }
        assert!(install(&folder.path().join("absent"), &assets).unwrap_err().to_string().starts_with("cannot open"));
    }
}
