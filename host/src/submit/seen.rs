//! What a scheduler says of a submission's tasks: queued and why, running, or how they ended.

use super::record::{Engine, Submission};
use super::scheduler::ask;
use super::{KubernetesOptions, kubernetes};
use crate::error::{Error, Result};
use crate::run::RunDir;
use std::collections::HashMap;

/// A task as the scheduler sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// With the scheduler's reason.
    Queued(String),
    Running,
    /// With the scheduler's word for the end, where it keeps one.
    Ended(String),
}

/// All of a submission; none of those that the scheduler does not know, or no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenTasks {
    pub tasks: Vec<Option<Seen>>,
    pub merge: Option<Seen>,
}

/// Asks the scheduler.
///
/// # Errors
/// It is not there or does not answer.
pub fn look(run: &RunDir, submission: &Submission) -> Result<SeenTasks> {
    match &submission.engine {
        Engine::Slurm(_) => slurm(submission),
        Engine::Kubernetes(options) => pods(run, submission, options),
    }
}

fn slurm(submission: &Submission) -> Result<SeenTasks> {
    let ids: Vec<&str> = submission.jobs.iter().map(|job| job.id.as_str()).collect();
    let mut seen = SeenTasks { tasks: vec![None; submission.tasks.len()], merge: None };
    if ids.is_empty() {
        return Ok(seen);
    }
    let jobs = format!("--jobs={}", ids.join(","));
    // Accounting is optional; where it is on, it remembers what the queue forgets.
    let past = ask("sacct", &["--noheader", "--parsable2", "--allocations", "--format=JobID,State", &jobs], None);
    note_lines(submission, &past.unwrap_or_default(), &mut seen);
    match ask("squeue", &["--noheader", "--array", "--states=all", "--format=%i|%T|%r", &jobs], None) {
        Ok(queue) => note_lines(submission, &queue, &mut seen),
        // What it says of a single job that it has forgotten.
        Err(error) if error.message.contains("Invalid job id") => {}
        Err(error) => return Err(error),
    }
    Ok(seen)
}

/// Lines of `12_3|STATE|REASON`, or of `13|STATE` for a job that is no array.
fn note_lines(submission: &Submission, lines: &str, seen: &mut SeenTasks) {
    for line in lines.lines() {
        let mut fields = line.trim().split('|');
        let (Some(id), Some(state)) = (fields.next(), fields.next()) else { continue };
        let reason = fields.next().unwrap_or_default();
        let state = match state {
            "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "SUSPENDED" => Seen::Queued(reason.to_owned()),
            "RUNNING" | "COMPLETING" | "CONFIGURING" | "SIGNALING" | "STAGE_OUT" | "RESIZING" => Seen::Running,
            ended => Seen::Ended(ended.to_owned()),
        };
        let (job, task) = id.split_once('_').map_or((id, None), |(job, task)| (job, task.parse::<usize>().ok()));
        let Some(job) = submission.jobs.iter().find(|known| known.id == job) else { continue };
        match (job.tasks, task) {
            (None, None) => seen.merge = Some(state),
            (Some(_), Some(task)) if task < seen.tasks.len() => seen.tasks[task] = Some(state),
            _ => {}
        }
    }
}

fn pods(run: &RunDir, submission: &Submission, options: &KubernetesOptions) -> Result<SeenTasks> {
    let selector = format!("lookbook/submission={}", kubernetes::label(run, submission.number));
    let arguments = ["get", "pods", "--selector", &selector, "--output", "json"];
    let text = ask("kubectl", &options.with_namespace(&arguments), None)?;
    let list: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| Error::failed(format!("`kubectl` gives no JSON: {error}")))?;
    Ok(of_pods(submission, &list))
}

/// Of a list of pods. Of several for one task, the last that was made counts.
fn of_pods(submission: &Submission, list: &serde_json::Value) -> SeenTasks {
    let mut seen = SeenTasks { tasks: vec![None; submission.tasks.len()], merge: None };
    let firsts: HashMap<&str, Option<usize>> =
        submission.jobs.iter().map(|job| (job.id.as_str(), job.tasks.map(|(first, _)| first))).collect();
    let mut pods: Vec<&serde_json::Value> = list["items"].as_array().into_iter().flatten().collect();
    pods.sort_by_key(|pod| pod["metadata"]["creationTimestamp"].as_str());
    for pod in pods {
        let labels = &pod["metadata"]["labels"];
        let job = labels["batch.kubernetes.io/job-name"].as_str().or(labels["job-name"].as_str()).unwrap_or_default();
        let index = pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"].as_str();
        let state = pod_state(&pod["status"]);
        match (firsts.get(job), index.and_then(|index| index.parse::<usize>().ok())) {
            (Some(None), _) => seen.merge = Some(state),
            (Some(Some(first)), Some(index)) if first + index < seen.tasks.len() => {
                seen.tasks[first + index] = Some(state);
            }
            _ => {}
        }
    }
    seen
}

fn pod_state(status: &serde_json::Value) -> Seen {
    let container = &status["containerStatuses"][0]["state"];
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    match status["phase"].as_str() {
        Some("Running") => Seen::Running,
        Some("Succeeded") => Seen::Ended("Succeeded".to_owned()),
        Some("Failed") => {
            let terminated = &container["terminated"];
            let word = text(&terminated["reason"]).or_else(|| text(&status["reason"]));
            let word = word.unwrap_or_else(|| "Failed".to_owned());
            Seen::Ended(match terminated["exitCode"].as_i64() {
                Some(code) => format!("{word}, exit code {code}"),
                None => word,
            })
        }
        _ => {
            let conditions = status["conditions"].as_array().into_iter().flatten();
            let unmet = conditions.filter(|condition| condition["status"] == "False");
            let unmet = unmet.filter_map(|condition| text(&condition["message"])).next();
            let waiting = &container["waiting"];
            Seen::Queued(text(&waiting["message"]).or(text(&waiting["reason"])).or(unmet).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::SlurmOptions;
    use super::super::record::{Job, Task};
    use super::*;
    use crate::run::Shard;

    fn submission(jobs: &[(&str, Option<(usize, usize)>)]) -> Submission {
        let task = Task::Part { model: "m".to_owned(), shard: Shard::WHOLE };
        Submission {
            number: 1,
            at: 0,
            shards: 1,
            engine: Engine::Slurm(SlurmOptions::default()),
            resources: Default::default(),
            work: Default::default(),
            tasks: vec![task; 4],
            jobs: jobs.iter().map(|(id, tasks)| Job { id: (*id).to_owned(), tasks: *tasks }).collect(),
        }
    }

    #[test]
    fn a_queue_is_read_task_by_task() {
        let submission = submission(&[("12", Some((0, 3))), ("13", Some((3, 1))), ("14", None)]);
        let mut seen = SeenTasks { tasks: vec![None; 4], merge: None };
        let lines = "12_0|RUNNING|None\n12_1|PENDING|Priority\n12_2|TIMEOUT\n13_3|CANCELLED by 0|x\n14|PENDING|Dependency\n99|FAILED|\n12_[1-2]|PENDING|x\n";
        note_lines(&submission, lines, &mut seen);
        let ended = |word: &str| Some(Seen::Ended(word.to_owned()));
        let queued = |word: &str| Some(Seen::Queued(word.to_owned()));
        assert_eq!(seen.tasks, [Some(Seen::Running), queued("Priority"), ended("TIMEOUT"), ended("CANCELLED by 0")]);
        assert_eq!(seen.merge, queued("Dependency"));
    }

    #[test]
    fn pods_are_read_with_their_reasons_and_the_last_of_an_index_counts() {
        let submission = submission(&[("a-0", Some((0, 2))), ("a-1", Some((2, 2))), ("a-merge", None)]);
        let pod = |job: &str, index: &str, made: &str, status: serde_json::Value| {
            serde_json::json!({
                "metadata": {
                    "creationTimestamp": made,
                    "labels": {"batch.kubernetes.io/job-name": job},
                    "annotations": {"batch.kubernetes.io/job-completion-index": index},
                },
                "status": status,
            })
        };
        let killed = serde_json::json!({
            "phase": "Failed",
            "containerStatuses": [{"state": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}],
        });
        let unfit = serde_json::json!({
            "phase": "Pending",
            "conditions": [{"status": "False", "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."}],
        });
        let image = serde_json::json!({
            "phase": "Pending",
            "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}],
        });
        let list = serde_json::json!({"items": [
            pod("a-0", "0", "2026-01-01T00:00:02Z", serde_json::json!({"phase": "Running"})),
            pod("a-0", "0", "2026-01-01T00:00:01Z", killed.clone()),
            pod("a-0", "1", "2026-01-01T00:00:01Z", killed),
            pod("a-1", "0", "2026-01-01T00:00:01Z", unfit),
            pod("a-1", "1", "2026-01-01T00:00:01Z", image),
            pod("a-merge", "", "2026-01-01T00:00:01Z", serde_json::json!({"phase": "Succeeded"})),
        ]});
        let seen = of_pods(&submission, &list);
        assert_eq!(seen.tasks[0], Some(Seen::Running));
        assert_eq!(seen.tasks[1], Some(Seen::Ended("OOMKilled, exit code 137".to_owned())));
        assert!(matches!(&seen.tasks[2], Some(Seen::Queued(reason)) if reason.contains("Insufficient")));
        assert_eq!(seen.tasks[3], Some(Seen::Queued("ImagePullBackOff".to_owned())));
        assert_eq!(seen.merge, Some(Seen::Ended("Succeeded".to_owned())));
    }
}
