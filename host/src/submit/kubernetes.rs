//! Kubernetes: an Indexed Job for tasks that need the same, and a Job that waits for them and merges. The manifests are
//! `templates/kubernetes.yaml`. Pods see the run directory at the same path as the host that submits.

use super::record::{Job, Submission};
use super::scheduler::ask;
use super::tasks::Group;
use super::{SendJobs, Work, plain_name};
use crate::error::{Error, Result};
use crate::run::{RunDir, replace_file};
use askama::Template;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Seconds that a pod has to save and end when it is preempted.
const NOTICE: u64 = 60;

/// What the manifests hold besides the size of the tasks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[command(next_help_heading = "Kubernetes")]
pub struct KubernetesOptions {
    /// The container's image, made with the Dockerfile
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// A volume, as CLAIM:/PATH or CLAIM:/PATH:ro; may be given again. One of them holds the run directory
    #[arg(long = "claim", global = true, value_name = "CLAIM:/PATH")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
    /// A task's GPUs [default: 1, and 0 with --device cpu]
    #[arg(long, global = true, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpus: Option<usize>,
    /// The cluster's name for GPUs [default: nvidia.com/gpu]
    #[arg(long, global = true, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_resource: Option<String>,
    /// The namespace [default: the context's]
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl KubernetesOptions {
    /// What is given here, else there.
    pub fn or(self, other: &KubernetesOptions) -> KubernetesOptions {
        let other = other.clone();
        KubernetesOptions {
            image: self.image.or(other.image),
            claims: if self.claims.is_empty() { other.claims } else { self.claims },
            gpus: self.gpus.or(other.gpus),
            gpu_resource: self.gpu_resource.or(other.gpu_resource),
            namespace: self.namespace.or(other.namespace),
        }
    }

    fn volumes(&self) -> Result<Vec<Volume>> {
        let parse = |(place, text): (usize, &String)| {
            let mut parts = text.split(':');
            let (claim, path, mode) = (parts.next(), parts.next(), parts.next());
            match (claim, path, mode, parts.next()) {
                (Some(claim), Some(path), None | Some("ro"), None) if !claim.is_empty() && path.starts_with('/') => {
                    Ok(Volume {
                        name: format!("volume-{place}"),
                        claim: quoted(claim),
                        place: path.to_owned(),
                        path: quoted(path),
                        read_only: mode.is_some(),
                    })
                }
                _ => {
                    Err(Error::usage(format!("`{text}` is no volume"))
                        .help("write it as CLAIM:/PATH or CLAIM:/PATH:ro"))
                }
            }
        };
        self.claims.iter().enumerate().map(parse).collect()
    }

    /// `kubectl`'s arguments, for the namespace that was chosen.
    pub fn with_namespace<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let namespace = self.namespace.iter().flat_map(|name| ["--namespace", name.as_str()]);
        arguments.iter().copied().chain(namespace).collect()
    }
}

struct Volume {
    name: String,
    claim: String,
    place: String,
    path: String,
    read_only: bool,
}

struct JobGroup {
    first: usize,
    last: usize,
    count: usize,
    parallelism: usize,
    name: String,
    memory: String,
    arguments: Vec<String>,
}

#[derive(Template)]
#[template(path = "kubernetes.yaml", escape = "none")]
struct ManifestText {
    number: usize,
    told: &'static str,
    merge: Option<&'static str>,
    run: String,
    label: String,
    namespace: Option<String>,
    image: String,
    notice: u64,
    cpus: usize,
    gpus: usize,
    gpu_resource: String,
    volumes: Vec<Volume>,
    groups: Vec<JobGroup>,
    merge_name: String,
    merge_arguments: Vec<String>,
    merge_cpus: usize,
    merge_memory: String,
}

/// The manifests of a submission, as one file.
pub struct Manifests {
    text: String,
    jobs: Vec<Job>,
    options: KubernetesOptions,
}

/// The label by which a submission's jobs and pods are found: the run's name, with a digest that tells folders of one name apart.
pub fn label(run: &RunDir, number: usize) -> String {
    let digest = Sha256::digest(run.path().as_os_str().as_encoded_bytes());
    format!("lookbook-{}-{:02x}{:02x}-{number}", plain_name(run), digest[0], digest[1])
}

impl Manifests {
    /// `gpus` are those that `--device` asks for where no flag does.
    pub fn render(work: &Work<'_>, options: &KubernetesOptions, gpus: usize, groups: &[Group]) -> Result<Manifests> {
        let image = options.image.as_deref().ok_or_else(|| {
            Error::usage("no image is named").help(
                "give --image NAME, or `image` under [submit.kubernetes] in the registry; `docker build` makes one with the Dockerfile",
            )
        })?;
        let volumes = options.volumes()?;
        let run = work.run.path();
        if !volumes.iter().any(|volume| !volume.read_only && run.starts_with(&volume.place)) {
            return Err(Error::usage(format!("no volume that can be written holds the run directory {}", run.display()))
                .help("name its claim with --claim CLAIM:/PATH, and submit where the claim is mounted at that path; see docs/clusters.md"));
        }
        let base = label(work.run, work.number);
        let quoted_all = |words: Vec<String>| words.iter().map(|word| quoted(word)).collect();
        let memory = |gib: u64| -> Result<String> { Ok(format!("{}Mi", work.resources.memory_or(gib)?)) };
        let mut jobs = Vec::new();
        let mut parts = Vec::new();
        for (place, group) in groups.iter().enumerate() {
            let name = format!("{base}-{place}");
            let mut arguments = work.task_arguments();
            if group.first > 0 {
                arguments.extend(["--first-task".to_owned(), group.first.to_string()]);
            }
            jobs.push(Job { id: name.clone(), tasks: Some((group.first, group.count)) });
            parts.push(JobGroup {
                first: group.first,
                last: group.first + group.count - 1,
                count: group.count,
                parallelism: work.resources.at_most.unwrap_or(group.count).min(group.count),
                name,
                memory: memory(group.memory)?,
                arguments: quoted_all(arguments),
            });
        }
        let merge_name = format!("{base}-merge");
        jobs.extend(work.merge.map(|_| Job { id: merge_name.clone(), tasks: None }));
        let text = ManifestText {
            number: work.number,
            told: work.told,
            merge: work.merge,
            run: run.display().to_string().replace('\n', " "),
            label: base,
            namespace: options.namespace.as_deref().map(quoted),
            image: quoted(image),
            notice: NOTICE,
            cpus: work.resources.cpus(),
            gpus: options.gpus.unwrap_or(gpus),
            gpu_resource: options.gpu_resource.clone().unwrap_or_else(|| "nvidia.com/gpu".to_owned()),
            volumes,
            groups: parts,
            merge_name,
            merge_arguments: quoted_all(work.merge_arguments(true)),
            merge_cpus: work.resources.cpus(),
            merge_memory: memory(super::MERGE_MEMORY)?,
        };
        let text = text.render().map_err(|error| Error::failed(format!("cannot write the manifests: {error}")))?;
        Ok(Manifests { text: text.trim_end().to_owned() + "\n", jobs, options: options.clone() })
    }
}

impl SendJobs for Manifests {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn send(&self, run: &RunDir, submission: &mut Submission) -> Result<()> {
        let options = &self.options;
        let path = run.submission(submission.number).join("jobs.yaml");
        replace_file(&path, self.text.as_bytes())?;
        let path = path.display().to_string();
        let applied = ask("kubectl", &options.with_namespace(&["apply", "--filename", &path]), None);
        if let Err(error) = applied {
            // Some of them may have been taken.
            let arguments = ["delete", "--ignore-not-found", "--wait=false", "--filename", &path];
            let _ = ask("kubectl", &options.with_namespace(&arguments), None);
            return Err(error);
        }
        submission.jobs.clone_from(&self.jobs);
        submission.write(run)
    }
}

/// Text between YAML's double quotes, which reads JSON's escapes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
