//! `samples`: writes the sample catalogue, or the corpus of the nano checkpoints.

use clap::Parser;
use samples::{Error, corpus};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Draws a catalogue of garments and writes it in the layouts of H&M (OUT/hm) and FashionGen (OUT/fashiongen).
#[derive(Parser)]
struct Arguments {
    /// The folder to write to.
    #[arg(long)]
    out: PathBuf,
    /// Articles of the H&M catalogue, and about as many images of the other.
    #[arg(long, default_value_t = 600)]
    articles: usize,
    /// A larger catalogue of the same seed extends a smaller one.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Write pictures and captions of so many training articles instead, for training the nano checkpoints.
    #[arg(long)]
    corpus: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match write(&arguments.out, &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("samples: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(out: &Path, arguments: &Arguments) -> Result<(), Error> {
    if arguments.corpus {
        return corpus::write_corpus(out, arguments.seed, arguments.articles);
    }
    samples::write_catalogues(out, arguments.articles, arguments.seed)
}
