//! Slurm: a job array for tasks that need the same, and a job behind them that merges. The scripts are `templates/slurm-*.sh`.

use super::record::{Job, Submission};
use super::scheduler::ask;
use super::tasks::Group;
use super::{Resources, SendJobs, Work};
use crate::error::{Error, Result};
use crate::run::{RunDir, replace_file};
use askama::Template;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Seconds between the notice of a time limit and the limit: enough for a batch in hand and the queue's own slowness.
const NOTICE: u64 = 120;

/// What `sbatch` is told besides the size of the tasks. Each is the option of the same name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[command(next_help_heading = "Slurm")]
pub struct SlurmOptions {
    /// The partition [default: the cluster's]
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// A task's devices, such as gpu:1; `none`; or `auto`: one GPU where nodes have any and --device allows it
    #[arg(long, global = true, value_name = "GRES|none|auto")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gres: Option<String>,
    /// A task's time limit, such as 4:00:00; one that meets it goes back into the queue, and on [default: the partition's]
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Seconds before the time limit at which a task saves and ends [default: 120]
    #[arg(long, global = true, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<u64>,
    /// Another option of sbatch, such as --sbatch=--account=NAME; may be given again
    #[arg(long, global = true, value_name = "OPTION", allow_hyphen_values = true)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sbatch: Vec<String>,
    /// A line for the scripts before the host, such as 'module load cuda'; may be given again
    #[arg(long, global = true, value_name = "LINE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub setup: Vec<String>,
}

impl SlurmOptions {
    /// What is given here, else there.
    pub fn or(self, other: &SlurmOptions) -> SlurmOptions {
        let other = other.clone();
        SlurmOptions {
            partition: self.partition.or(other.partition),
            gres: self.gres.or(other.gres),
            time: self.time.or(other.time),
            notice: self.notice.or(other.notice),
            sbatch: if self.sbatch.is_empty() { other.sbatch } else { self.sbatch },
            setup: if self.setup.is_empty() { other.setup } else { self.setup },
        }
    }

    /// The devices to ask for; none: no such option. `wanted` is whether `--device` allows a GPU, `named` whether it demands one.
    pub fn devices(&self, wanted: bool, named: bool) -> Option<String> {
        match self.gres.as_deref().unwrap_or("auto") {
            "none" => None,
            "auto" if !wanted => None,
            "auto" if named || self.nodes_have_gpus() => Some("gpu:1".to_owned()),
            "auto" => None,
            gres => Some(gres.to_owned()),
        }
    }

    fn nodes_have_gpus(&self) -> bool {
        let mut arguments = vec!["--noheader", "--format=%G"];
        arguments.extend(self.partition.as_deref().map(|_| "--partition"));
        arguments.extend(self.partition.as_deref());
        ask("sinfo", &arguments, None).is_ok_and(|gres| gres.contains("gpu"))
    }

    fn lines(&self, gres: Option<&str>, resources: &Resources, memory: u64) -> Vec<String> {
        let mut lines = vec![format!("--cpus-per-task={}", resources.cpus()), format!("--mem={memory}M")];
        lines.extend(self.partition.as_ref().map(|partition| format!("--partition={partition}")));
        lines.extend(gres.map(|gres| format!("--gres={gres}")));
        lines.extend(self.time.as_ref().map(|time| format!("--time={time}")));
        lines.extend(self.sbatch.iter().cloned());
        lines
    }
}

#[derive(Template)]
#[template(path = "slurm-array.sh", escape = "none")]
struct ArrayScript<'a> {
    number: usize,
    name: &'a str,
    told: &'static str,
    first: usize,
    last: usize,
    at_most: Option<usize>,
    log: String,
    notice: u64,
    options: Vec<String>,
    setup: &'a [String],
    command: String,
}

#[derive(Template)]
#[template(path = "slurm-merge.sh", escape = "none")]
struct MergeScript<'a> {
    number: usize,
    name: &'a str,
    told: &'static str,
    log: String,
    options: Vec<String>,
    setup: &'a [String],
    command: String,
}

/// The scripts of a submission: one for each group of tasks, and the one that merges, if there is something to merge.
pub struct Scripts {
    arrays: Vec<(Group, String)>,
    merge: Option<String>,
}

/// Devices of a GRES such as `gpu:a100:2`.
pub fn count(gres: &str) -> usize {
    gres.rsplit(':').next().and_then(|count| count.parse().ok()).unwrap_or(1)
}

impl Scripts {
    pub fn render(work: &Work<'_>, options: &SlurmOptions, gres: Option<&str>, groups: &[Group]) -> Result<Scripts> {
        let folder = work.run.submission(work.number);
        let fail = |error: askama::Error| Error::failed(format!("cannot write a job script: {error}"));
        let mut arrays = Vec::new();
        for group in groups {
            let script = ArrayScript {
                number: work.number,
                name: &work.name,
                told: work.told,
                first: group.first,
                last: group.first + group.count - 1,
                at_most: work.resources.at_most,
                log: log(&folder, "task-", "%a.log")?,
                notice: options.notice.unwrap_or(NOTICE),
                options: options.lines(gres, work.resources, work.resources.memory_or(group.memory)?),
                setup: &options.setup,
                command: shell(&work.task_command())?,
            };
            arrays.push((group.clone(), script.render().map_err(fail)?));
        }
        // Scoring has no use for a GPU, and its need does not grow with the models.
        let merge = |told| {
            let script = MergeScript {
                number: work.number,
                name: &work.name,
                told,
                log: log(&folder, "merge", ".log")?,
                options: options.lines(None, work.resources, work.resources.memory_or(super::MERGE_MEMORY)?),
                setup: &options.setup,
                command: shell(&work.merge_command(false))?,
            };
            script.render().map_err(fail)
        };
        Ok(Scripts { arrays, merge: work.merge.map(merge).transpose()? })
    }
}

impl SendJobs for Scripts {
    fn text(&self) -> String {
        let mut text = String::new();
        for (place, (_, script)) in self.arrays.iter().enumerate() {
            text += &format!("# sbatch --parsable array-{place}.sh\n{script}\n");
        }
        let behind = "# sbatch --parsable --dependency=afterany:JOB merge.sh, where JOB is what came before";
        text + &self.merge.as_ref().map(|merge| format!("{behind}\n{merge}")).unwrap_or_default()
    }

    /// If one is refused, those that were taken are cancelled.
    fn send(&self, run: &RunDir, submission: &mut Submission) -> Result<()> {
        for (place, (group, script)) in self.arrays.iter().enumerate() {
            let tasks = Some((group.first, group.count));
            send_one(run, submission, &format!("array-{place}.sh"), script, None, tasks)?;
        }
        let Some(merge) = &self.merge else { return Ok(()) };
        // After any end: what a failed task leaves out is then named by the merge.
        let before: Vec<&str> = submission.jobs.iter().map(|job| job.id.as_str()).collect();
        let dependency = format!("--dependency=afterany:{}", before.join(":"));
        let dependency = (!before.is_empty()).then_some(dependency.as_str());
        send_one(run, submission, "merge.sh", merge, dependency, None)
    }
}

fn send_one(
    run: &RunDir,
    submission: &mut Submission,
    name: &str,
    script: &str,
    dependency: Option<&str>,
    tasks: Option<(usize, usize)>,
) -> Result<()> {
    let path = run.submission(submission.number).join(name);
    replace_file(&path, script.as_bytes())?;
    let path = path.display().to_string();
    let mut arguments = vec!["--parsable"];
    arguments.extend(dependency);
    arguments.push(&path);
    let said = ask("sbatch", &arguments, None).inspect_err(|_| cancel(&submission.jobs))?;
    // With several clusters, its name follows.
    let id = said.trim().split(';').next().unwrap_or_default().to_owned();
    submission.jobs.push(Job { id, tasks });
    submission.write(run)
}

fn cancel(jobs: &[Job]) {
    let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    if !ids.is_empty() {
        let _ = ask("scancel", &ids, None);
    }
}

/// A file for what a job prints, as Slurm reads it: in quotes, with its signs for numbers only where they are meant.
fn log(folder: &Path, name: &str, end: &str) -> Result<String> {
    let folder = folder.display().to_string();
    if let Some(letter) = folder.chars().find(|letter| "\"\\".contains(*letter) || letter.is_control()) {
        return Err(Error::usage(format!("Slurm takes no path with {letter:?} in it: {folder}"))
            .help("choose another folder with --run DIR"));
    }
    Ok(format!("\"{}/{name}{end}\"", folder.replace('%', "%%")))
}

/// Words as a shell reads them back.
fn shell(words: &[String]) -> Result<String> {
    shlex::try_join(words.iter().map(String::as_str))
        .map_err(|_| Error::usage("a path or option holds a NUL character, which no script can hold"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_counted_as_slurm_writes_them() {
        assert_eq!(["gpu", "gpu:2", "gpu:a100", "gpu:a100:4"].map(count), [1, 2, 1, 4]);
    }
}
