//! A Hugging Face hub of one repository on the loopback interface, which can be made to misbehave.

use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The repository that it has.
pub const REPOSITORY: &str = "some/tiny";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What the hub does wrong.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Every request without this bearer token is answered by 401.
    pub token: Option<String>,
    /// Each download of weights ends after so many bytes, so often.
    pub cut: Option<(usize, usize)>,
    /// A byte of the weights is another than the hub's digest says.
    pub damaged: bool,
    /// Downloads of weights take so long before the second half.
    pub pause: Duration,
    /// So many downloads of weights are paused only; none: all.
    pub pauses: Option<usize>,
}

/// Serves until the test ends.
pub struct Hub {
    pub address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    faults: Faults,
    /// `PATH RANGE` of every download.
    requests: Vec<String>,
}

impl Hub {
    pub fn start(files: BTreeMap<String, Vec<u8>>, faults: Faults) -> Hub {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let state = Arc::new(Mutex::new(State { files, faults, requests: Vec::new() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || answer(stream, &state));
            }
        });
        Hub { address, state }
    }

    /// Mends or breaks it.
    pub fn set(&self, faults: Faults) {
        self.state.lock().expect("no test panics while it holds this").faults = faults;
    }

    /// The byte ranges asked for of a file, in order, without the metadata's single byte.
    pub fn ranges(&self, file: &str) -> Vec<String> {
        let state = self.state.lock().expect("no test panics while it holds this");
        let of_file = state.requests.iter().filter_map(|request| request.strip_prefix(file)?.strip_prefix(' '));
        of_file.filter(|range| *range != "bytes=0-0").map(str::to_owned).collect()
    }
}

/// One connection, one request.
fn answer(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(match stream.try_clone() {
        Ok(clone) => clone,
        Err(_) => return,
    });
    let mut request = String::new();
    let (mut range, mut token) = (String::new(), String::new());
    if reader.read_line(&mut request).is_err() {
        return;
    }
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(read) if read > 2 => {}
            _ => break,
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("range") => range = value.to_owned(),
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => token = value.to_owned(),
            _ => {}
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let _ = respond(stream, &path, &range, &token, state);
}

fn respond(mut out: TcpStream, path: &str, range: &str, token: &str, state: &Mutex<State>) -> std::io::Result<()> {
    let mut state = state.lock().expect("no test panics while it holds this");
    if state.faults.token.as_ref().is_some_and(|wanted| token != format!("Bearer {wanted}")) {
        return empty(&mut out, "401 Unauthorized");
    }
    if path.starts_with(&format!("/api/models/{REPOSITORY}/revision/main")) {
        let siblings: Vec<_> = state.files.iter().map(|(name, bytes)| sibling(name, bytes)).collect();
        let body = serde_json::json!({ "sha": COMMIT, "siblings": siblings }).to_string();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        return write!(out, "{head}Connection: close\r\n\r\n{body}");
    }
    let Some(name) = path.strip_prefix(&format!("/{REPOSITORY}/resolve/{COMMIT}/")).map(str::to_owned) else {
        return empty(&mut out, "404 Not Found");
    };
    let Some(mut bytes) = state.files.get(&name).cloned() else { return empty(&mut out, "404 Not Found") };
    state.requests.push(format!("{name} {range}"));
    let etag = sibling(&name, &bytes)["etag"].as_str().unwrap_or_default().to_owned();
    let weights = name.ends_with(".safetensors");
    if weights && state.faults.damaged {
        bytes[0] ^= 1;
    }
    let begin: usize = range.trim_start_matches("bytes=").split('-').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    let end = if range == "bytes=0-0" { 1 } else { bytes.len() };
    if begin >= bytes.len() {
        return empty(&mut out, "416 Range Not Satisfiable");
    }
    let cut = match &mut state.faults.cut {
        Some((after, times)) if weights && end > 1 && *times > 0 => {
            *times -= 1;
            (begin + *after).min(end)
        }
        _ => end,
    };
    let pause = match &mut state.faults.pauses {
        _ if !weights || end == 1 => Duration::ZERO,
        Some(0) => Duration::ZERO,
        Some(left) => {
            *left -= 1;
            state.faults.pause
        }
        None => state.faults.pause,
    };
    drop(state);
    write!(
        out,
        "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {begin}-{}/{}\r\nETag: \"{etag}\"\r\n\
         X-Repo-Commit: {COMMIT}\r\nConnection: close\r\n\r\n",
        end - begin,
        end - 1,
        bytes.len()
    )?;
    let half = begin + (cut - begin) / 2;
    out.write_all(&bytes[begin..half])?;
    out.flush()?;
    std::thread::sleep(pause);
    out.write_all(&bytes[half..cut])
}

fn empty(out: &mut TcpStream, status: &str) -> std::io::Result<()> {
    write!(out, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

/// A file as the hub lists it: large ones by SHA-256, others as git's blob; `etag` is what the download says.
fn sibling(name: &str, bytes: &[u8]) -> serde_json::Value {
    let blob = hex(&Sha1::new().chain_update(format!("blob {}\0", bytes.len())).chain_update(bytes).finalize());
    let mut file = serde_json::json!({ "rfilename": name, "size": bytes.len(), "blobId": blob, "etag": blob });
    if name.ends_with(".safetensors") {
        let sha256 = hex(&Sha256::digest(bytes));
        file["lfs"] = serde_json::json!({ "sha256": sha256, "size": bytes.len() });
        file["etag"] = sha256.into();
    }
    file
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
