//! Trains the analyser: `train-language --treebank DIR`. Writes the model and its scores beside the library's data.

use language::conllu::{self, Sentence};
use language::evaluate::evaluate;
use language::network::{Network, to_bytes};
use language::training::{Plan, reparse, train};
use language::wordnet::{compile, wordnet};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut treebank = None;
    let mut database = PathBuf::from(compile::DEBIAN_FOLDER);
    let mut out = PathBuf::from("plugins/shared/language/data");
    let mut plan = Plan::default();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--treebank" => treebank = Some(PathBuf::from(value()?)),
            "--wordnet" => database = value()?.into(),
            "--out" => out = value()?.into(),
            "--epochs" => plan.epochs = value()?.parse()?,
            "--seed" => plan.seed = value()?.parse()?,
            "--hidden" => plan.sizes.hidden = value()?.parse()?,
            "--rate" => plan.rate = value()?.parse()?,
            "--vector" => plan.sizes.vector = value()?.parse()?,
            "--batch" => plan.batch = value()?.parse()?,
            "compile-wordnet" => {
                std::fs::write(out.join("wordnet.bin"), compile::read_database(&database)?.to_bytes())?;
                return Ok(());
            }
            _ => return Err(format!("`{argument}` is no option").into()),
        }
    }
    let treebank = treebank.ok_or("--treebank DIR names the folder with *-train.conllu, *-dev.conllu and *-test.conllu")?;
    let training = read(&treebank, "-train.conllu")?;
    let development = read(&treebank, "-dev.conllu")?;
    let test = read(&treebank, "-test.conllu")?;

    let mut unlabelled: Vec<Vec<String>> =
        training.iter().map(|sentence| sentence.forms().iter().map(|form| form.to_string()).collect()).collect();
    unlabelled.extend(compile::read_glosses(&database)?.iter().map(|gloss| rough_tokens(gloss)));
    let weighted: Vec<(&Sentence, usize)> = training.iter().map(|sentence| (sentence, 1)).collect();

    let began = Instant::now();
    let epochs = plan.epochs;
    let trained = train(&plan, &weighted, &unlabelled, wordnet(), &mut |epoch, loss, network| {
        print!("epoch {epoch}: loss {loss:.4}, {:.0} s", began.elapsed().as_secs_f64());
        if epoch % 4 == 0 || epoch == epochs {
            if let Some(network) = network() {
                print!("; dev:{}", scores(&network, &development));
            }
        }
        println!();
    });
    let bytes = to_bytes(&trained.sizes, &trained.inventory, &trained.weights);
    let network = Network::from_bytes(&bytes)?;
    println!("model: {} bytes; dev:{}", bytes.len(), scores(&network, &development));
    println!("test:{}", scores(&network, &test));
    let began = Instant::now();
    reparse(&network, wordnet(), &test);
    println!("{:.0} sentences a second", test.len() as f64 / began.elapsed().as_secs_f64());
    std::fs::write(out.join("english.bin"), bytes)?;
    Ok(())
}

fn scores(network: &Network, gold: &[Sentence]) -> String {
    match evaluate(gold, &reparse(network, wordnet(), gold)) {
        Ok(scores) => scores.table()[3..].iter().map(|(name, value)| format!(" {name} {value:.2}")).collect(),
        Err(error) => error.to_string(),
    }
}

fn read(folder: &Path, ending: &str) -> Result<Vec<Sentence>, Box<dyn Error>> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(ending) {
            return Ok(conllu::parse(&std::fs::read_to_string(&path)?)?);
        }
    }
    Err(format!("{} has no file that ends in {ending}", folder.display()).into())
}

/// Words, and each other character by itself.
fn rough_tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for chunk in text.split_whitespace() {
        let mut word = String::new();
        for c in chunk.chars() {
            if c.is_alphanumeric() {
                word.push(c);
            } else {
                tokens.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                tokens.push(c.to_string());
            }
        }
        tokens.extend((!word.is_empty()).then_some(word));
    }
    tokens
}
