//! `host language`

use super::Done;
use super::common::print;
use crate::error::{Error, Result};
use clap::Subcommand;
use std::io::Read;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// PTB tokens as the caption metrics see them: a line of tokens for every line of text
    Tokenize {
        /// A text file [default: standard input]
        file: Option<PathBuf>,
    },
}

pub fn run(arguments: &Arguments) -> Result<Done> {
    let Arguments::Tokenize { file } = arguments;
    let text = match file {
        Some(path) => std::fs::read(path).map_err(|error| Error::io("read", path, &error))?,
        None => {
            let mut text = Vec::new();
            std::io::stdin()
                .read_to_end(&mut text)
                .map_err(|error| Error::failed(format!("cannot read standard input: {error}")))?;
            text
        }
    };
    let text = String::from_utf8_lossy(&text);
    let mut out = String::new();
    for line in text.lines() {
        let tokens: Vec<String> = language::ptb::tokenize(line).into_iter().map(Into::into).collect();
        out += &tokens.join(" ");
        out.push('\n');
    }
    print(&out)?;
    Ok(Done::All)
}
