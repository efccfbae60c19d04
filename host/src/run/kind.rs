//! What a folder of results is for. Each kind is known by its first file; a command that writes one kind does not begin in a folder of another,
//! and one whose folder is read as a whole does not begin among somebody's own files.

use crate::error::{Error, Result};
use serde::Deserialize;
use std::path::Path;

/// What a folder holds, or is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of `host eval`.
    Run,
    /// Of `host recommend`.
    Experiment,
    Training,
    Sweep,
    Features,
    Components,
    Prepared,
}

const KINDS: [Kind; 7] =
    [Kind::Run, Kind::Experiment, Kind::Training, Kind::Sweep, Kind::Features, Kind::Components, Kind::Prepared];

impl Kind {
    fn told(self) -> &'static str {
        match self {
            Kind::Run => "a run",
            Kind::Experiment => "an experiment",
            Kind::Training => "a training",
            Kind::Sweep => "a sweep",
            Kind::Features => "features",
            Kind::Components => "principal components",
            Kind::Prepared => "a prepared dataset",
        }
    }

    /// The flag that names such a folder.
    pub fn flag(self) -> &'static str {
        match self {
            Kind::Run | Kind::Experiment => "--run DIR",
            _ => "--out DIR",
        }
    }

    /// The files of which one is there as soon as such a folder holds anything.
    fn marks(self) -> &'static [&'static str] {
        match self {
            Kind::Run | Kind::Experiment => &["run.toml"],
            Kind::Training => &["train.toml"],
            Kind::Sweep => &["trials.json", "sweep.toml"],
            Kind::Features => &["embed.json", "unfinished", "dropped.jsonl"],
            Kind::Components => &["pca.json", "components.npy", "mean.npy"],
            Kind::Prepared => &["dataset.toml", "items.jsonl"],
        }
    }

    /// Does a folder hold this kind?
    pub fn is_in(self, folder: &Path) -> bool {
        self.mark_in(folder).is_some()
    }

    /// Are all files of such a folder taken for its own? Notes or a scheduler's logs beside a run are nobody's concern.
    fn is_read_whole(self) -> bool {
        matches!(self, Kind::Features | Kind::Components | Kind::Prepared)
    }

    fn mark_in(self, folder: &Path) -> Option<&'static str> {
        let mark = self.marks().iter().copied().find(|name| folder.join(name).exists())?;
        let other = match self {
            Kind::Run => is_experiment(&folder.join(mark)),
            Kind::Experiment => !is_experiment(&folder.join(mark)),
            _ => false,
        };
        (!other).then_some(mark)
    }

    /// Refuses a folder in which this kind cannot begin or go on. One that is absent, empty or of this kind is fine.
    ///
    /// # Errors
    /// It holds another kind, or other files where all are taken for this one's, or has a name that no plan can hold.
    pub fn refuse_others(self, folder: &Path) -> Result<()> {
        let (own, choose) = (self.told(), format!("choose another folder with {}", self.flag()));
        if folder.to_str().is_none() {
            let name = folder.display();
            return Err(Error::usage(format!("the name of the folder {name} is no UTF-8, and no plan can hold it"))
                .help(choose));
        }
        // Looked at once: hosts that begin together see each other's first file appear.
        let marked: Vec<_> = KINDS.into_iter().filter_map(|kind| Some((kind, kind.mark_in(folder)?))).collect();
        if marked.iter().any(|(kind, _)| *kind == self) {
            return Ok(());
        }
        let found = match marked.first() {
            Some((kind, mark)) => format!("{} ({mark})", kind.told()),
            None => match some_file(folder).filter(|_| self.is_read_whole()) {
                Some(name) => format!("other files, such as {name}"),
                None => return Ok(()),
            },
        };
        Err(Error::usage(format!("{} holds {found}, and cannot take {own} too", folder.display())).help(choose))
    }
}

fn is_experiment(plan: &Path) -> bool {
    #[derive(Deserialize)]
    struct Named {
        command: String,
    }
    let text = std::fs::read_to_string(plan).unwrap_or_default();
    toml::from_str::<Named>(&text).is_ok_and(|named| named.command == "recommend")
}

/// The first file by name that is neither hidden, such as locks, nor the file system's own.
fn some_file(folder: &Path) -> Option<String> {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.starts_with('.') && name != "lost+found").min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_refused_to_every_kind_but_its_own() {
        for kind in KINDS {
            for mark in kind.marks() {
                let folder = tempfile::tempdir().unwrap();
                let command = if kind == Kind::Experiment { "recommend" } else { "eval" };
                std::fs::write(folder.path().join(mark), format!("command = {command:?}\n")).unwrap();
                for other in KINDS {
                    let refused = other.refuse_others(folder.path());
                    assert_eq!(refused.is_ok(), other == kind, "{other:?} in a folder with {mark}: {refused:?}");
                    if let Err(error) = refused {
                        assert!(error.message.contains(mark) && error.message.contains(kind.told()), "{error}");
                        assert!(error.help.is_some_and(|help| help.contains(other.flag())));
                    }
                }
            }
        }
    }

    #[test]
    fn an_empty_folder_is_anybodys_and_one_with_files_is_none_of_those_that_are_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".lock"), "").unwrap();
        for kind in KINDS {
            kind.refuse_others(folder.path()).unwrap();
            kind.refuse_others(&folder.path().join("absent")).unwrap();
        }
        std::fs::write(folder.path().join("articles.csv"), "").unwrap();
        for kind in KINDS {
            let refused = kind.refuse_others(folder.path()).map_err(|error| error.message.contains("articles.csv"));
            assert_eq!(refused, if kind.is_read_whole() { Err(true) } else { Ok(()) }, "{kind:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_utf_8_is_told() {
        use std::os::unix::ffi::OsStrExt;
        let error = Kind::Run.refuse_others(Path::new(std::ffi::OsStr::from_bytes(b"runs/\xff"))).unwrap_err();
        assert!(error.message.contains("runs/\u{fffd}"), "{error}");
    }
}
