//! `samples`: writes the sample catalogue, or the corpus of the nano checkpoints.

use clap::Parser;
use samples::{Error, corpus, layout};
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
    /// Write FACAD's layouts instead: OUT/facad (list and images) and OUT/facad-packed.
    #[arg(long, conflicts_with = "corpus")]
    facad: bool,
    /// Write an H&M catalogue of the real size instead, with customers and transactions, and print what is in it.
    #[arg(long, conflicts_with_all = ["corpus", "facad"])]
    real_size: bool,
    /// Write a shop without pictures instead, with so many transactions and its articles' attributes as features: OUT/hm and
    /// OUT/attributes.
    #[arg(long, conflicts_with_all = ["corpus", "facad", "real_size"])]
    transactions: Option<u64>,
    /// Customers of that shop, or users of the log.
    #[arg(long, default_value_t = 1500)]
    customers: u64,
    /// Write a log of so many interactions into the file OUT instead, for measuring.
    #[arg(long, conflicts_with_all = ["corpus", "facad", "real_size", "transactions"])]
    log: Option<u64>,
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
    if arguments.facad {
        layout::facad::write_list(&out.join("facad"), arguments.seed, arguments.articles)?;
        return layout::facad::write_packed(&out.join("facad-packed"), arguments.seed, arguments.articles);
    }
    if let Some(transactions) = arguments.transactions {
        let (count, customers) = (arguments.articles, arguments.customers);
        return layout::interactions::write_shop(out, arguments.seed, count, customers, transactions);
    }
    if let Some(interactions) = arguments.log {
        let (users, items) = (arguments.customers, arguments.articles as u64);
        let size = layout::interactions::LogSize { users, items, interactions };
        return layout::interactions::write_log(out, arguments.seed, size);
    }
    if arguments.real_size {
        let truth = layout::large::write_large(out, arguments.seed, layout::large::Size::REAL)?;
        println!("{truth:?}");
        return Ok(());
    }
    samples::write_catalogues(out, arguments.articles, arguments.seed)
}
