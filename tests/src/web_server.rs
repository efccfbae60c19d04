//! A running `host serve`, and HTTP over a plain connection, so that a test can also send what no client would.

use crate::{Place, host_program};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The server; dropping it ends it.
pub struct WebServer {
    child: Child,
    /// As it was printed, with the token where there is one.
    pub url: String,
    pub address: SocketAddr,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Lowercased names.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl WebServer {
    /// Serves runs of a place, on any free port of loopback unless `arguments` say otherwise.
    pub fn start(place: &Place, runs: &[&Path], arguments: &[&str]) -> WebServer {
        let mut command = Command::new(host_program());
        command.current_dir(place.folder()).arg("serve").args(runs).args(["--port", "0"]).args(arguments);
        WebServer::of(command)
    }

    /// Runs a command that serves and prints where.
    pub fn of(mut command: Command) -> WebServer {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the host can be started");
        let mut url = String::new();
        let output = child.stdout.take().expect("the output is a pipe");
        BufReader::new(output).read_line(&mut url).expect("the server prints its address");
        let url = url.trim().to_owned();
        let host = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let port = host.rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("the server prints its address, not {url:?}"));
        WebServer { child, url, address: SocketAddr::from(([127, 0, 0, 1], port)) }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gets a page as a browser would.
    pub fn get(&self, path: &str) -> Answer {
        self.request(format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address))
    }

    /// Gets a page until it is as wanted; the last answer if it never is.
    pub fn get_until(&self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        let mut answer = self.get(path);
        for _ in 0..400 {
            if wanted(&answer) {
                break;
            }
            std::thread::sleep(Duration::from_millis(25));
            answer = self.get(path);
        }
        answer
    }

    /// Sends a form.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_with(path, fields, &[])
    }

    /// Sends a form with more headers.
    pub fn post_with(&self, path: &str, fields: &[(&str, &str)], headers: &[&str]) -> Answer {
        let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key}={}", escaped(value))).collect();
        let body = fields.join("&");
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        self.request(format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        ))
    }

    /// Sends these bytes and reads to the end.
    pub fn request(&self, bytes: impl AsRef<[u8]>) -> Answer {
        let mut stream = TcpStream::connect(self.address).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket has a timeout");
        // A server that has refused may close before all is written.
        let _ = stream.write_all(bytes.as_ref());
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        Answer::parse(&all)
    }

    /// The secret that this server's forms send back.
    pub fn csrf(&self, page: &str) -> String {
        let text = self.get(page).text();
        let rest = text.split("name=\"csrf\" value=\"").nth(1).expect("the page has a form");
        rest.split('"').next().unwrap_or_default().to_owned()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    fn parse(all: &[u8]) -> Answer {
        let end = all.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(all.len());
        let head = String::from_utf8_lossy(&all[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let mut body = all.get(end + 4..).unwrap_or_default().to_vec();
        if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
            body = unchunked(&body);
        }
        Answer { status, headers, body }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let length = std::str::from_utf8(&body[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some(length) = length.filter(|length| *length > 0 && end + 2 + length <= body.len()) else { break };
        whole.extend_from_slice(&body[end + 2..end + 2 + length]);
        body = body.get(end + 4 + length..).unwrap_or_default();
    }
    whole
}

/// A value in a query or form.
pub fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}
