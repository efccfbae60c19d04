//! A worker for one short command: the answer, or the reason why there is none.

use crate::error::{Error, Result};
use crate::progress::Reporter;
use crate::worker::{Command, Event, Limits, Reply, Worker};

/// Starts a worker, sends one command and waits for its answer. The inner error is what the plugin did.
pub fn one_answer(command: &Command, limits: Limits, threads: usize, reporter: &Reporter) -> Result<Result<Event>> {
    let mut worker = Worker::start(limits, threads)?;
    worker.send(command)?;
    loop {
        match worker.next(true) {
            Reply::Event(Event::Failed(failure)) => return Ok(Err(failure.into())),
            Reply::Event(Event::Log { level, message }) => reporter.plugin(&level, &message),
            Reply::Event(Event::Progress { .. }) => {}
            Reply::Event(event) => return Ok(Ok(event)),
            Reply::Died(death) => return Ok(Err(Error::failed(death.reason))),
        }
    }
}
