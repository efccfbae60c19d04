//! A connection whose other side must read: one that takes nothing of an answer for a time, or takes it so slowly that it does not come to an
//! end, is ended, so that nobody holds a place by not reading.

use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A stream that waits so long for room to write.
pub struct Patient<S> {
    stream: S,
    limits: Limits,
    /// Since it began to wait.
    waiting: Option<Pin<Box<Sleep>>>,
    /// Since there is something to write that is not written yet.
    answering: Option<Pin<Box<Sleep>>>,
}

/// How long a reader may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For anything at all.
    pub pause: Duration,
    /// For the whole of what is to be written: an answer, or several where it asks before it has read.
    pub answer: Duration,
}

impl<S> Patient<S> {
    pub fn new(stream: S, limits: Limits) -> Patient<S> {
        Patient { stream, limits, waiting: None, answering: None }
    }

    /// What was written, or an error where nothing could be for too long, or not all.
    fn bound<T>(&mut self, context: &mut Context<'_>, written: Poll<Result<T>>) -> Poll<Result<T>> {
        let whole = self.limits.answer;
        let answering = self.answering.get_or_insert_with(|| Box::pin(sleep(whole)));
        if answering.as_mut().poll(context).is_ready() {
            // A sleep that is over must not be asked again.
            answering.as_mut().reset(Instant::now());
            return Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the other side reads too slowly")));
        }
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let patience = self.limits.pause;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(patience)));
        match waiting.as_mut().poll(context) {
            Poll::Ready(()) => {
                // A caller that tries again waits anew.
                waiting.as_mut().reset(Instant::now() + patience);
                Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the other side does not read")))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bound(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.bound(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        // hyper flushes when all that it had to write is written.
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            (self.waiting, self.answering) = (None, None);
            return flushed;
        }
        self.bound(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(context);
        self.bound(context, closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    /// Long enough for a machine that is busy with other tests.
    const PATIENCE: Duration = Duration::from_secs(4);

    /// A server that writes without end, and its side of the connection.
    fn endless(answer: Duration) -> (std::net::TcpStream, std::thread::JoinHandle<ErrorKind>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async {
                let (stream, _) = listener.accept().unwrap();
                stream.set_nonblocking(true).unwrap();
                let stream = tokio::net::TcpStream::from_std(stream).unwrap();
                let mut stream = Patient::new(stream, Limits { pause: PATIENCE, answer });
                loop {
                    let write =
                        std::future::poll_fn(|context| Pin::new(&mut stream).poll_write(context, &[0; 1 << 16]));
                    if let Err(error) = write.await {
                        return error.kind();
                    }
                }
            })
        });
        (client, server)
    }

    #[test]
    fn a_reader_that_never_reads_is_left_and_a_slow_one_is_not() {
        let (client, server) = endless(Duration::MAX);
        assert_eq!(server.join().unwrap(), ErrorKind::TimedOut);
        drop(client);

        let (mut client, server) = endless(Duration::MAX);
        let mut piece = vec![0; 4 << 20];
        // Longer than its patience altogether.
        for _ in 0..10 {
            std::thread::sleep(PATIENCE / 8);
            client.read_exact(&mut piece).unwrap();
            assert!(!server.is_finished(), "somebody who reads is left");
        }
    }

    #[test]
    fn a_reader_that_takes_a_little_now_and_then_is_left_too() {
        let (mut client, server) = endless(PATIENCE);
        let mut piece = vec![0; 64 << 10];
        let began = std::time::Instant::now();
        while !server.is_finished() {
            assert!(began.elapsed() < PATIENCE * 10, "it is answered without end");
            let _ = client.read(&mut piece).unwrap();
            std::thread::sleep(PATIENCE / 40);
        }
        assert_eq!(server.join().unwrap(), ErrorKind::TimedOut);
    }
}
