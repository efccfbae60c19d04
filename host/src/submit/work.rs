//! The commands that jobs run: `host work` for each task, `host merge` behind them, with what of this command line they need too.

use super::{Resources, absolute};
use crate::error::{Error, Result};
use crate::eval::{AUTOMATIC_BATCH, Jobs};
use crate::registry::Registry;
use crate::run::RunDir;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How `host work` is to carry out its task: nothing that results depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkFlags {
    /// `--batch-size` and `--jobs`; none for trainings.
    pub captioning: Option<(String, String)>,
    /// Further arguments.
    pub limits: Vec<String>,
}

impl WorkFlags {
    pub fn captioning(batch_size: usize, jobs: Jobs, limits: Vec<String>) -> WorkFlags {
        let jobs = match jobs {
            Jobs::Auto => "auto".to_owned(),
            Jobs::Count(count) => count.to_string(),
        };
        let batch_size = match batch_size {
            AUTOMATIC_BATCH => "auto".to_owned(),
            images => images.to_string(),
        };
        WorkFlags { captioning: Some((batch_size, jobs)), limits }
    }

    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some((batch_size, jobs)) = &self.captioning {
            words.extend(["--batch-size", batch_size, "--jobs", jobs].map(str::to_owned));
        }
        words.extend(self.limits.iter().cloned());
        words
    }

    /// Images in a batch; the usual number where it is decided on the machine.
    pub(super) fn batch_size(&self) -> usize {
        self.captioning.as_ref().and_then(|(images, _)| images.parse().ok()).unwrap_or(USUAL_BATCH)
    }

    /// Workers of a task with so many devices.
    pub(super) fn workers(&self, devices: usize) -> usize {
        match &self.captioning {
            Some((_, jobs)) => jobs.parse().unwrap_or(devices).max(1),
            None => 1,
        }
    }
}

/// What `--batch-size` is where nobody says otherwise.
const USUAL_BATCH: usize = 8;

/// One submission's commands.
pub struct Work<'a> {
    pub run: &'a RunDir,
    pub number: usize,
    pub name: String,
    pub resources: &'a Resources,
    pub program: String,
    /// Of every command.
    pub common: Vec<String>,
    /// Of tasks.
    pub flags: Vec<String>,
    /// What a task is, for who reads the scripts.
    pub told: &'static str,
    /// What the job behind the tasks does; none: there is none.
    pub merge: Option<&'static str>,
}

impl Work<'_> {
    pub fn task_arguments(&self) -> Vec<String> {
        let mut words = vec!["work".to_owned(), self.run.path().display().to_string()];
        words.extend(["--submission".to_owned(), self.number.to_string()]);
        words.extend(["--threads".to_owned(), self.resources.cpus().to_string()]);
        words.extend(self.common.iter().chain(&self.flags).cloned());
        words
    }

    pub fn task_command(&self) -> Vec<String> {
        std::iter::once(self.program.clone()).chain(self.task_arguments()).collect()
    }

    pub fn merge_arguments(&self, wait: bool) -> Vec<String> {
        let mut words = vec!["merge".to_owned(), self.run.path().display().to_string()];
        words.extend(wait.then(|| "--wait".to_owned()));
        words.extend(["--threads".to_owned(), self.resources.cpus().to_string()]);
        words.extend(self.common.iter().cloned());
        words
    }

    pub fn merge_command(&self, wait: bool) -> Vec<String> {
        std::iter::once(self.program.clone()).chain(self.merge_arguments(wait)).collect()
    }
}

pub fn program() -> Result<String> {
    let program =
        std::env::current_exe().map_err(|error| Error::failed(format!("cannot find this program: {error}")))?;
    Ok(program.display().to_string())
}

/// The registry that was read, by its whole path. In an image it lies beside the program, unless one was named.
pub fn common_flags(
    registry: &Registry,
    named: &Option<PathBuf>,
    plugin_dir: &Option<PathBuf>,
    in_image: bool,
) -> Result<Vec<String>> {
    let mut flags = Vec::new();
    if !in_image || named.is_some() {
        flags.extend(["--registry".to_owned(), absolute(&registry.path)?.display().to_string()]);
    }
    if let Some(folder) = plugin_dir {
        flags.extend(["--plugin-dir".to_owned(), absolute(folder)?.display().to_string()]);
    }
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_task_is_told_is_what_its_size_is_reckoned_with() {
        let flags = WorkFlags::captioning(16, Jobs::Auto, vec!["--time-limit".to_owned(), "9".to_owned()]);
        assert_eq!(flags.words(), ["--batch-size", "16", "--jobs", "auto", "--time-limit", "9"]);
        assert_eq!((flags.batch_size(), flags.workers(0), flags.workers(4)), (16, 1, 4));
        let flags = WorkFlags::captioning(AUTOMATIC_BATCH, Jobs::Count(3), Vec::new());
        assert_eq!((flags.batch_size(), flags.workers(1)), (USUAL_BATCH, 3));
        assert_eq!(WorkFlags::default().words(), [] as [&str; 0]);
    }
}
