//! `host language`

use super::Done;
use super::printing::print;
use crate::error::{Error, Result};
use clap::Subcommand;
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// PTB tokens as the caption metrics see them: a line of tokens for every line of text
    Tokenize {
        /// A text file [default: standard input]
        file: Option<PathBuf>,
    },
    /// Sentences, tags, lemmas and trees in CoNLL-U; every line of text is analysed by itself
    Parse {
        /// A text file [default: standard input]
        #[arg(conflicts_with = "conllu")]
        file: Option<PathBuf>,
        /// A CoNLL-U file: its words are kept, LEMMA, UPOS, XPOS, HEAD and DEPREL written anew; - is standard input
        #[arg(long, value_name = "FILE")]
        conllu: Option<PathBuf>,
    },
}

pub fn run(arguments: &Arguments) -> Result<Done> {
    match arguments {
        Arguments::Tokenize { file } => {
            let text = read(file.as_deref())?;
            let mut out = String::new();
            let mut buffer = language::ptb::TokenBuffer::new();
            for line in text.lines() {
                buffer.clear();
                language::ptb::tokenize_into(line, &mut buffer);
                for (place, token) in buffer.iter().enumerate() {
                    if place > 0 {
                        out.push(' ');
                    }
                    out.push_str(token);
                }
                out.push('\n');
            }
            print(&out)?;
        }
        Arguments::Parse { file, conllu: None } => print(&language::text_to_conllu(&read(file.as_deref())?))?,
        Arguments::Parse { conllu: Some(file), .. } => {
            let text = read(Some(file))?;
            let rewritten = language::rewrite_conllu(&text).map_err(|error| {
                Error::usage(format!("{}: {error}", file.display()))
                    .help("give CoNLL-U: ten columns, separated by tabs")
            })?;
            print(&rewritten)?;
        }
    }
    Ok(Done::All)
}

/// A file's text, or standard input's for none or `-`. Bytes that are no UTF-8 become replacement characters.
fn read(file: Option<&Path>) -> Result<String> {
    let bytes = match file {
        Some(path) if path != Path::new("-") => {
            std::fs::read(path).map_err(|error| Error::usage(Error::io("read", path, &error).message))?
        }
        _ => {
            let mut text = Vec::new();
            std::io::stdin()
                .read_to_end(&mut text)
                .map_err(|error| Error::failed(format!("cannot read standard input: {error}")))?;
            text
        }
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
