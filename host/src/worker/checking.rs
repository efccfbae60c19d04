//! The host's side of `host plugin check`: a component that ends its worker is a finding, and another worker goes on behind it.

use super::process::{Limits, Reply, Worker};
use super::protocol::{Command, Event};
use crate::error::{Error, Result};
use crate::loader::{CheckNews, Family, Finding, Library};
use std::time::{Duration, Instant};

/// How long one component may take to score three items. Some read large tables first.
const PATIENCE: Duration = Duration::from_secs(300);

/// Tries a plugin's library and its components.
///
/// # Errors
/// The library is refused, or no worker can be started.
pub fn check_plugin(library: &Library, families: &[Family], threads: usize) -> Result<Vec<Finding>> {
    let limits = Limits { silence: PATIENCE, ..Limits::default() };
    let mut findings: Vec<Finding> = Vec::new();
    loop {
        let mut worker = Worker::start(limits, threads)?;
        let (library, families) = (library.clone(), families.to_vec());
        worker.send(&Command::Check { library, families, done: findings.len() })?;
        let mut trying = None;
        let death = loop {
            match worker.next(false) {
                Reply::Event(Event::Checking { news: CheckNews::Trying { component, check } }) => {
                    trying = Some((component, check, Instant::now()));
                }
                Reply::Event(Event::Checking { news: CheckNews::Found(finding) }) => {
                    trying = None;
                    findings.push(finding);
                }
                Reply::Event(Event::Done) => return Ok(findings),
                Reply::Event(Event::Failed(failure)) => return Err(failure.into()),
                Reply::Event(_) => {}
                Reply::Died(death) => break death,
            }
        };
        let Some((component, check, began)) = trying else { return Err(Error::failed(death.reason)) };
        let problem = match death.by_itself {
            Some(how) => format!("the plugin ended the process {how} while this was checked"),
            None => format!("the check was given up: {}", death.reason),
        };
        let milliseconds = began.elapsed().as_secs_f64() * 1e3;
        findings.push(Finding { component, check, problem: Some(problem), milliseconds });
        if findings.len() == 1 {
            // The library itself: there is nothing behind it to go on with.
            return Ok(findings);
        }
    }
}
