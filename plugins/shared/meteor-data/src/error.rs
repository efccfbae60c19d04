//! What can be wrong with METEOR's data files.

use std::io;
use std::path::{Path, PathBuf};

pub type Result<T, E = DataError> = std::result::Result<T, E>;

/// Why data could not be compiled, installed or opened.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot read the paraphrases: {0}")]
    Read(#[from] io::Error),
    #[error("{} is not METEOR's paraphrase table: its SHA-256 is {found}, not {expected}; download it again", path.display())]
    Digest { path: PathBuf, found: String, expected: &'static str },
    #[error("{} holds no METEOR paraphrases; give the wheel of pycocoevalcap 1.2, or paraphrase-en.gz out of it", .0.display())]
    UnknownFile(PathBuf),
    #[error("{} is damaged or of another version ({reason}); install it again", path.display())]
    Damaged { path: PathBuf, reason: &'static str },
    #[error("line {line}: {reason}")]
    Source { line: u64, reason: &'static str },
    #[error("the table is larger than its compiled form can say: {0}")]
    TooLarge(&'static str),
}

impl DataError {
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DataError + use<> {
        let path = path.to_path_buf();
        move |source| DataError::File { action, path, source }
    }
}
