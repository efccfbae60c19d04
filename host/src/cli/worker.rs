//! `host worker`: what other commands start; people have no use for it.

use super::Done;
use crate::error::Result;
use clap::Args;

#[derive(Debug, Args)]
pub struct Arguments {}

pub fn run(_arguments: &Arguments) -> Result<Done> {
    crate::worker::serve()?;
    Ok(Done::All)
}
