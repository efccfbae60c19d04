//! Accepting connections, with limits on how many there are, how long they may take to say what they want, how long it may be, and how
//! long they may leave the answer lying or take to read it.

use super::patience::{Limits, Patient};
use super::routes::{App, router};
use crate::error::{Error, Result};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Connections at once; further ones wait.
const CONNECTIONS: usize = 256;
/// A request's head must come within this time.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// A client that takes nothing of its answers for the first time, or not the whole within the second, is left.
const READING: Limits = Limits { pause: Duration::from_secs(30), answer: Duration::from_secs(120) };
/// Bytes of a request's head.
const HEAD_BYTES: usize = 32 << 10;
/// Threads that read files and wait for images; requests beyond them wait.
const BLOCKING_THREADS: usize = 64;
/// Between two looks at the runs' files.
const FOLLOW: Duration = Duration::from_secs(1);

/// Serves until the process is told to end (Ctrl-C, SIGTERM).
pub fn run(listener: TcpListener, app: App) -> Result<()> {
    let fail = |error: std::io::Error| Error::failed(format!("cannot start the server: {error}"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(fail)?;
    let app = Arc::new(app);
    for place in 0..app.runs.len() {
        let app = Arc::clone(&app);
        std::thread::spawn(move || {
            loop {
                app.runs[place].refresh();
                std::thread::sleep(FOLLOW);
            }
        });
    }
    let served = runtime.block_on(async {
        listener.set_nonblocking(true)?;
        accept(tokio::net::TcpListener::from_std(listener)?, Arc::clone(&app)).await
    });
    // Requests that wait for an image need not be waited for.
    runtime.shutdown_timeout(Duration::from_millis(500));
    app.images.clear();
    served.map_err(fail)
}

async fn accept(listener: tokio::net::TcpListener, app: Arc<App>) -> std::io::Result<()> {
    let service = TowerToHyperService::new(router(app));
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let (ending, told) = watch::channel(());
    let end = ended();
    tokio::pin!(end);
    loop {
        let place = tokio::select! {
            () = &mut end => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        // The semaphore is never closed.
        let Ok(place) = place else { break };
        let stream = tokio::select! {
            () = &mut end => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = stream else {
            // Such as too many open files: others will be closed.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let service = service.clone();
        let mut told = told.clone();
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIME)
                .max_buf_size(HEAD_BYTES)
                .max_headers(64)
                .serve_connection(TokioIo::new(Patient::new(stream, READING)), service);
            tokio::select! {
                _ = connection => {}
                _ = told.changed() => {}
            }
            drop(place);
        });
    }
    let _ = ending.send(());
    Ok(())
}

/// Waits for Ctrl-C or SIGTERM.
async fn ended() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// Listens on an address.
///
/// # Errors
/// Somebody else does, or the address is not this machine's.
pub fn listen(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| {
        let help = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another program uses this port; choose one with --port, or 0 for any that is free"
            }
            std::io::ErrorKind::PermissionDenied => "ports below 1024 need rights; choose another with --port",
            _ => "choose an address of this machine with --address",
        };
        Error::failed(format!("cannot listen on {address}: {error}")).help(help)
    })
}
