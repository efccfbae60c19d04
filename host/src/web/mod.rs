//! The web app: `host serve`, and the static copy of its pages (`host report --export`). It reads run directories and writes nothing but
//! `notes.jsonl` and `votes.jsonl` in them.

mod admission;
mod cache;
mod cards;
mod differences;
mod export;
mod failure;
mod forms;
mod guard;
mod images;
mod index;
mod journal;
mod links;
mod order;
mod pages;
mod patience;
mod preference;
mod routes;
mod served;
mod server;
mod view;

pub use export::{Exported, export};

use crate::error::Result;
use crate::machine::machine_name;
use crate::registry::{Lock, Registry};
use crate::run::RunDir;
use guard::Guard;
use images::Images;
use index::Follower;
use routes::App;
use served::ServedRun;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

/// What to serve, and where.
#[derive(Debug, Clone)]
pub struct Request {
    pub runs: Vec<PathBuf>,
    pub address: IpAddr,
    /// 0 is any that is free.
    pub port: u16,
    /// If the port is taken, any other will do.
    pub any_port: bool,
    /// Names by which browsers may call the server, besides its addresses.
    pub names: Vec<String>,
}

/// A server that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    app: App,
    /// Where a browser finds it; with the token, where one is needed.
    pub url: String,
    /// Where browsers of other machines find it, if the server listens on every address and no name was given.
    pub elsewhere: Option<String>,
}

impl Server {
    /// Opens the runs and listens. Their files are read once [`Server::run`] is called.
    ///
    /// # Errors
    /// A folder is no run directory; the port is taken.
    pub fn open(request: &Request, registry: Result<(Registry, Lock)>) -> Result<Server> {
        let mut runs: Vec<ServedRun> = Vec::new();
        for path in &request.runs {
            let (run, plan) = RunDir::existing(path)?;
            let name = run_name(path);
            let same = runs.iter().filter(|run| run.name == name).count();
            let slug = if same == 0 { name.clone() } else { format!("{name}-{}", same + 1) };
            let name = if same == 0 { name } else { format!("{name} ({})", path.display()) };
            runs.push(ServedRun::new(slug, name, Follower::new(run, plan)));
        }
        let listener = match server::listen(SocketAddr::new(request.address, request.port)) {
            Err(_) if request.any_port => server::listen(SocketAddr::new(request.address, 0))?,
            other => other?,
        };
        let bound = listener.local_addr().unwrap_or(SocketAddr::new(request.address, request.port));
        let everywhere = bound.ip().is_unspecified() && request.names.is_empty();
        let machine = Some(machine_name()).filter(|name| everywhere && !name.is_empty());
        // Nobody else can make this machine's own name lead here.
        let names = request.names.iter().cloned().chain(machine.clone()).collect();
        let guard = Guard::new(request.address.is_loopback(), names);
        let token = guard.token.as_ref().map_or_else(String::new, |token| format!("?token={token}"));
        let shown = match (request.names.first(), bound.ip().is_unspecified()) {
            (Some(name), _) => format!("{name}:{}", bound.port()),
            (None, true) => format!("localhost:{}", bound.port()),
            (None, false) => bound.to_string(),
        };
        let app = App { runs, images: Images::new(registry)?, guard };
        let elsewhere = machine.map(|name| format!("http://{name}:{}/{token}", bound.port()));
        Ok(Server { listener, app, url: format!("http://{shown}/{token}"), elsewhere })
    }

    /// Answers until the process is told to end.
    pub fn run(self) -> Result<()> {
        server::run(self.listener, self.app)
    }
}

/// A run's name: its folder's.
fn run_name(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned())
}
