//! Pulling a repository of the Hugging Face hub into its usual cache: only the files that a model is loaded from, resumed where a
//! download was cut, each checked against the hub's digest. The cache shows the model when all of them are there, and not before.

use super::stalled::{Watch, patience};
use super::verify::{Digest, file_matches};
use crate::error::{Error, Result};
use crate::progress::{Bar, Reporter};
use hf_hub::api::sync::{Api, ApiBuilder, ApiError};
use hf_hub::{Cache, Repo, RepoType};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ENDPOINT: &str = "https://huggingface.co";
/// Attempts at a file after which the network is held to be gone. What was downloaded stays for the next pull.
const ATTEMPTS: u32 = 4;

/// What a pull came to.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Pulled {
    pub repository: String,
    pub revision: String,
    pub commit: String,
    pub directory: PathBuf,
    pub files: usize,
    pub bytes: u64,
    /// Of them, what came over the network now.
    pub downloaded: u64,
}

/// The hub's answer about a repository.
#[derive(Debug, Deserialize)]
struct Info {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    blob_id: Option<String>,
    #[serde(default)]
    lfs: Option<Lfs>,
}

#[derive(Debug, Clone, Deserialize)]
struct Lfs {
    sha256: String,
}

impl Sibling {
    /// What the file must hash to, and its blob's name in the cache.
    fn digest(&self) -> Option<(Digest, &str)> {
        match (&self.lfs, &self.blob_id) {
            (Some(lfs), _) => Some((Digest::Sha256(lfs.sha256.clone()), &lfs.sha256)),
            (None, Some(blob)) => Some((Digest::GitBlob(blob.clone()), blob)),
            (None, None) => None,
        }
    }
}

/// Pulls `OWNER/NAME` at a revision. `place` is where the request comes from, for messages: `registry.toml:40`.
///
/// # Errors
/// The hub cannot be reached, refuses, or has no such repository; it holds no safetensors; the disk is too small; a file arrives
/// damaged. Each says what to do.
pub fn pull(repository: &str, revision: &str, place: &str, reporter: &Reporter) -> Result<Pulled> {
    let cache = cache()?;
    let endpoint = std::env::var("HF_ENDPOINT").unwrap_or_else(|_| ENDPOINT.to_owned());
    let token = std::env::var("HF_TOKEN").ok().map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
    let hub = Hub { repository, revision, place, endpoint: endpoint.trim_end_matches('/') };
    let mut builder = ApiBuilder::from_cache(cache.clone()).with_endpoint(hub.endpoint.to_owned()).with_progress(false);
    if token.is_some() {
        builder = builder.with_token(token);
    }
    let api = builder.build().map_err(|error| hub.error(&error))?;
    let watch = Watch::start(patience());
    let info = watch.over(|| hub.info(&api)).map_err(|error| watch.explained(error))?;
    let wanted = hub.wanted(&info)?;
    let folder = cache.path().join(format!("models--{}", repository.replace('/', "--")));
    let directory = folder.join("snapshots").join(&info.sha);
    let bytes = wanted.iter().filter_map(|file| file.size).sum();
    let missing = missing_bytes(&wanted, &folder, &directory);
    check_disk(&folder, missing)?;
    let pinned = || Repo::with_revision(repository.to_owned(), RepoType::Model, info.sha.clone());
    for file in &wanted {
        hub.file(&api, pinned(), file, (&folder, &directory), &watch, reporter)?;
    }
    // The revision's name comes last: until then nobody finds an incomplete snapshot. hf-hub leaves one named by the commit.
    let named = Repo::with_revision(repository.to_owned(), RepoType::Model, revision.to_owned());
    let shown = cache.repo(named).create_ref(&info.sha);
    shown.map_err(|error| Error::io("write into", &folder.join("refs"), &error))?;
    if info.sha != revision {
        let _ = std::fs::remove_file(folder.join("refs").join(&info.sha));
    }
    Ok(Pulled {
        repository: repository.to_owned(),
        revision: revision.to_owned(),
        commit: info.sha,
        directory,
        files: wanted.len(),
        bytes,
        downloaded: missing,
    })
}

fn cache() -> Result<Cache> {
    match crate::registry::hub_home() {
        Some(home) => Ok(Cache::new(home.join("hub"))),
        None => Err(Error::usage("there is no folder for the hub's cache: neither HF_HOME nor HOME is set")
            .help("set HF_HOME to a folder with room for the weights")),
    }
}

/// Bytes that are not in the cache yet.
fn missing_bytes(wanted: &[Sibling], folder: &Path, directory: &Path) -> u64 {
    let here = |path: PathBuf| std::fs::metadata(path).map_or(0, |data| data.len());
    let missing = wanted.iter().map(|file| {
        let begun = file.digest().map_or(0, |(_, blob)| here(part(folder, blob)));
        file.size.unwrap_or(0).saturating_sub(here(directory.join(&file.rfilename)).max(begun))
    });
    missing.sum()
}

/// Where hf-hub keeps a download that is not finished.
fn part(folder: &Path, blob: &str) -> PathBuf {
    folder.join("blobs").join(format!("{blob}.part"))
}

fn check_disk(folder: &Path, needed: u64) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| Error::io("make", folder, &error))?;
    match crate::worker::free_space(folder) {
        Some(free) if free < needed => Err(Error::failed(format!(
            "{} has {:.1} GB free, and {:.1} GB are to be downloaded",
            folder.display(),
            free as f64 / 1e9,
            needed as f64 / 1e9
        ))
        .help("free some space, or set HF_HOME to a folder on a larger disk")),
        _ => Ok(()),
    }
}

/// A repository on a hub, and how to speak of it.
struct Hub<'a> {
    repository: &'a str,
    revision: &'a str,
    place: &'a str,
    endpoint: &'a str,
}

impl Hub<'_> {
    fn info(&self, api: &Api) -> Result<Info> {
        let repo = Repo::with_revision(self.repository.to_owned(), RepoType::Model, self.revision.to_owned());
        let answer = api.repo(repo).info_request().query("blobs", "true").call();
        let answer = answer.map_err(|error| self.error(&ApiError::RequestError(Box::new(error))))?;
        answer.into_json().map_err(|error| {
            Error::failed(format!(
                "{} answers something else than a description of {}: {error}",
                self.endpoint, self.repository
            ))
            .help("is HF_ENDPOINT a hub?")
        })
    }

    /// The files that a model is loaded from; weights in shards where there are both forms.
    fn wanted(&self, info: &Info) -> Result<Vec<Sibling>> {
        let at_top = |name: &str| !name.contains(['/', '\\']) && !name.starts_with('.');
        let sharded = info.siblings.iter().any(|file| file.rfilename == "model.safetensors.index.json");
        let is_wanted = |file: &&Sibling| {
            let name = file.rfilename.as_str();
            let weights = name.ends_with(".safetensors") && (!sharded || name != "model.safetensors");
            at_top(name) && (weights || name.ends_with(".json") && !name.starts_with("pytorch_model"))
        };
        let mut wanted: Vec<Sibling> = info.siblings.iter().filter(is_wanted).cloned().collect();
        if !wanted.iter().any(|file| file.rfilename.ends_with(".safetensors")) {
            return Err(Error::failed(format!("{} holds no weights as safetensors", self.repository)).help(
                "weights are read from safetensors only, never from pickle files; name another repository or revision",
            ));
        }
        if !wanted.iter().any(|file| file.rfilename == "config.json") {
            return Err(Error::failed(format!(
                "{} holds no config.json: it is no model of transformers",
                self.repository
            )));
        }
        // Small files first: what is wrong with a repository shows before gigabytes have come.
        wanted.sort_by_key(|file| (file.size.unwrap_or(0), file.rfilename.clone()));
        Ok(wanted)
    }

    fn file(
        &self,
        api: &Api,
        repo: Repo,
        file: &Sibling,
        (folder, directory): (&Path, &Path),
        watch: &Watch,
        reporter: &Reporter,
    ) -> Result<()> {
        let path = directory.join(&file.rfilename);
        let name = &file.rfilename;
        if path.exists() {
            match file.digest() {
                Some((digest, _)) if !file_matches(&path, &digest)? => remove(&path),
                _ => return Ok(()),
            }
        }
        let total = file.size.unwrap_or(0);
        if let Some((_, blob)) = file.digest() {
            tidy_part(&part(folder, blob), total)?;
        }
        let mut attempt = 1;
        loop {
            let progress = Progress(reporter.byte_bar(name, total), watch.clone());
            match watch.over(|| api.repo(repo.clone()).download_with_progress(name, progress)) {
                Ok(_) => break,
                Err(error) if attempt < ATTEMPTS && passes(&error) => {
                    let reason = watch.told().unwrap_or_else(|| reason(&error));
                    reporter.note(&format!("{name}: {reason}; trying again"));
                    std::thread::sleep(Duration::from_millis(500 << attempt));
                    attempt += 1;
                }
                Err(error) => return Err(watch.explained(self.error(&error)).context(name)),
            }
        }
        let Some((digest, _)) = file.digest() else { return Ok(()) };
        if file_matches(&path, &digest)? {
            return Ok(());
        }
        remove(&path);
        Err(Error::failed(format!("{name} arrived damaged: its content is not that of {digest}; it was removed"))
            .help("run the same command again; if it happens again, something between here and the hub changes files"))
    }

    fn error(&self, error: &ApiError) -> Error {
        let (repository, endpoint) = (self.repository, self.endpoint);
        match status(error) {
            Some(code @ (401 | 403)) => Error::failed(format!(
                "{endpoint} refuses {repository} ({code}): it is private or gated, the token is wrong, or it does not exist"
            ))
            .help(format!(
                "accept its terms at {endpoint}/{repository}, then give a token of yours: HF_TOKEN=hf_… or `hf auth login`"
            )),
            Some(404) => Error::usage(format!(
                "{endpoint} has no {repository} at revision {}",
                self.revision
            ))
            .help(format!("correct the name or revision in {}", self.place)),
            Some(code) => Error::failed(format!("{endpoint} answers {code} for {repository}"))
                .help("try again later: what is downloaded stays, and the same command goes on there"),
            None => match error {
                ApiError::RequestError(_) | ApiError::TooManyRetries(_) => {
                    Error::failed(format!("{endpoint} cannot be reached: {}", reason(error))).help(
                        "is there a network here, and a proxy to name with HTTPS_PROXY? What is downloaded stays. Without a network, copy \
                         the folder from a machine that has one and give it as `weights`",
                    )
                }
                ApiError::LockAcquisition(path) => Error::failed(format!("another process is downloading {}", path.display()))
                    .help("wait for it, then run the same command again"),
                other => Error::failed(format!("{repository} cannot be downloaded: {}", reason(other)))
                    .help("what is downloaded stays: the same command goes on there"),
            },
        }
    }
}

/// Removes a name and the blob behind it: the file is downloaded anew.
fn remove(path: &Path) {
    if let Ok(blob) = path.canonicalize() {
        let _ = std::fs::remove_file(blob);
    }
    let _ = std::fs::remove_file(path);
}

fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::RequestError(error) => match error.as_ref() {
            ureq::Error::Status(code, _) => Some(*code),
            ureq::Error::Transport(_) => None,
        },
        ApiError::TooManyRetries(error) => status(error),
        _ => None,
    }
}

/// May it go better in a moment?
fn passes(error: &ApiError) -> bool {
    match (status(error), error) {
        (Some(code), _) => code == 429 || code >= 500,
        (None, ApiError::RequestError(_) | ApiError::IoError(_)) => true,
        _ => false,
    }
}

/// Without addresses, which are long and signed.
fn reason(error: &ApiError) -> String {
    match error {
        ApiError::RequestError(error) => match error.as_ref() {
            ureq::Error::Status(code, _) => format!("the answer was {code}"),
            ureq::Error::Transport(transport) => {
                transport.message().map_or_else(|| transport.kind().to_string(), str::to_owned)
            }
        },
        ApiError::IoError(error) => format!("the connection broke ({error})"),
        ApiError::TooManyRetries(error) => reason(error),
        other => other.to_string(),
    }
}

/// A part as long as the file or longer cannot be continued: of a complete one the last byte is fetched again, a longer one is dropped.
fn tidy_part(path: &Path, total: u64) -> Result<()> {
    let Ok(data) = std::fs::metadata(path) else { return Ok(()) };
    let failed = |error: std::io::Error| Error::io("change", path, &error);
    if data.len() > total || total == 0 {
        std::fs::remove_file(path).map_err(failed)
    } else if data.len() == total {
        let file = std::fs::OpenOptions::new().write(true).open(path).map_err(failed)?;
        file.set_len(total - 1).map_err(failed)
    } else {
        Ok(())
    }
}

/// Tells people, and the watch. hf-hub tells what was there already as the first update.
struct Progress(Bar, Watch);

impl hf_hub::api::Progress for Progress {
    fn init(&mut self, _size: usize, _filename: &str) {}

    fn update(&mut self, size: usize) {
        self.1.alive();
        self.0.advance(size);
    }

    fn finish(&mut self) {}
}
