//! Trains and measures the analyser. What it writes lies beside the library's sources and is part of it:
//!
//! - `train-language --treebank DIR` trains everything on `DIR/*-train.conllu` and the hand-annotated sentences: `boundaries.bin`,
//!   `english.bin`, and `english.md` with its scores;
//! - `train-language evaluate --treebank DIR` measures the files that are there and writes `english.md`;
//! - `train-language wordnet` compiles WordNet's database into `wordnet.bin`.

use language::analysis::Analyser;
use language::boundaries::{Boundaries, Piece};
use language::conllu::{self, Sentence};
use language::evaluate::{Scores, evaluate};
use language::network::{Network, to_bytes};
use language::training::{Lexicon, Plan, reparse, running_text, train, train_boundaries};
use language::wordnet::{compile, wordnet};
use language::{Analysis, Token};
use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How often an epoch shows each hand-annotated sentence of product and caption text.
const OWN_COPIES: usize = 4;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Options {
    command: String,
    treebank: Option<PathBuf>,
    annotated: PathBuf,
    database: PathBuf,
    out: PathBuf,
    plan: Plan,
}

impl Options {
    fn parse() -> Result<Options> {
        let data = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data"));
        let mut options = Options {
            command: "train".into(),
            treebank: None,
            annotated: data.join("annotated"),
            database: compile::DEBIAN_FOLDER.into(),
            out: data,
            plan: Plan::default(),
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "train" | "evaluate" | "wordnet" => options.command = argument,
                "--treebank" => options.treebank = Some(value()?.into()),
                "--annotated" => options.annotated = value()?.into(),
                "--wordnet" => options.database = value()?.into(),
                "--out" => options.out = value()?.into(),
                "--epochs" => options.plan.epochs = value()?.parse()?,
                "--seed" => options.plan.seed = value()?.parse()?,
                _ => return Err(format!("`{argument}` is no option of train-language").into()),
            }
        }
        Ok(options)
    }

    fn treebank(&self, ending: &str) -> Result<Vec<Sentence>> {
        let folder = self.treebank.as_ref().ok_or("--treebank DIR names the folder of the English Web Treebank")?;
        read(folder, ending)
    }
}

fn main() -> Result<()> {
    let options = Options::parse()?;
    match options.command.as_str() {
        "wordnet" => {
            let database = compile::read_database(&options.database)?;
            Ok(std::fs::write(options.out.join("wordnet.bin"), database.to_bytes())?)
        }
        "evaluate" => report(&options),
        _ => {
            train_all(&options)?;
            report(&options)
        }
    }
}

fn train_all(options: &Options) -> Result<()> {
    let plan = &options.plan;
    let training = options.treebank("-train.conllu")?;
    let development = options.treebank("-dev.conllu")?;
    let own = read(&options.annotated, "train.conllu")?;
    let heldout = read(&options.annotated, "heldout.conllu")?;

    let boundaries = train_boundaries(&training, &mut fastrand::Rng::with_seed(plan.seed));
    std::fs::write(options.out.join("boundaries.bin"), boundaries.to_bytes())?;

    let mut unlabelled: Vec<Vec<String>> =
        training.iter().map(|sentence| sentence.forms().iter().map(|form| form.to_string()).collect()).collect();
    unlabelled.extend(compile::read_glosses(&options.database)?.iter().map(|gloss| rough_tokens(gloss)));
    let mut sentences: Vec<(&Sentence, usize)> = training.iter().map(|sentence| (sentence, 1)).collect();
    sentences.extend(own.iter().map(|sentence| (sentence, OWN_COPIES)));
    let began = Instant::now();
    let lexicon = Lexicon::parse(&std::fs::read_to_string(options.annotated.join("lexicon.txt"))?);
    let trained = train(plan, &sentences, &unlabelled, wordnet(), Some(&lexicon), &mut |epoch, loss, network| {
        println!("epoch {epoch} of {}: loss {loss:.4}, {:.0} s", plan.epochs, began.elapsed().as_secs_f64());
        if let (0, Some(network)) = (epoch % 4, network()) {
            println!("  development{}\n  own{}", line(&network, &development), line(&network, &heldout));
        }
    });
    Ok(std::fs::write(options.out.join("english.bin"), to_bytes(&trained.sizes, &trained.inventory, &trained.weights))?)
}

/// Measures the files in the output folder and writes what was found beside them.
fn report(options: &Options) -> Result<()> {
    let bytes = std::fs::read(options.out.join("english.bin"))?;
    let boundaries = std::fs::read(options.out.join("boundaries.bin"))?;
    let boundaries = Boundaries::from_bytes(&boundaries).ok_or("boundaries.bin is damaged")?;
    let analyser = Analyser { boundaries, network: Network::from_bytes(&bytes)?, wordnet: wordnet() };
    let test = options.treebank("-test.conllu")?;
    let mut text = format!(
        "# The English model\n\n\
         `english.bin` ({} bytes) and `boundaries.bin` were trained by `cargo xtask train-language --treebank DIR` on the Universal \
         Dependencies English Web Treebank\n(training part; CC BY-SA 4.0, (c) its authors: see universaldependencies.org), on \
         `annotated/train.conllu`, and on vectors\ninduced from the treebank's words and WordNet's definitions (Princeton's licence, \
         `wordnet-licence.txt`). The two files are\ntherefore offered under CC BY-SA 4.0.\n\n\
         F1 by the CoNLL 2018 definitions (labels without subtypes, punctuation counted):\n\n\
         | gold words | UPOS | XPOS | lemmas | UAS | LAS |\n| --- | --- | --- | --- | --- | --- |\n",
        bytes.len()
    );
    let began = Instant::now();
    for (name, sentences) in [
        ("treebank, development", options.treebank("-dev.conllu")?),
        ("treebank, test", test.clone()),
        ("product and caption text, held out", read(&options.annotated, "heldout.conllu")?),
    ] {
        let system: Vec<Sentence> = sentences.iter().map(|sentence| analyser.rewrite(sentence)).collect();
        let scores = evaluate(&sentences, &system)?;
        let values = scores.table().map(|(_, value)| format!("{value:.2}"));
        writeln!(text, "| {name} | {} |", values[3..].join(" | "))?;
    }
    let seconds = began.elapsed().as_secs_f64();
    writeln!(text, "\n| raw text | tokens | sentences | words |\n| --- | --- | --- | --- |")?;
    let values = raw_scores(&analyser.boundaries, &test)?.table().map(|(_, value)| format!("{value:.2}"));
    writeln!(text, "| treebank, test | {} |", values[..3].join(" | "))?;
    print!("{text}");
    println!("(all gold words in {seconds:.1} s)");
    Ok(std::fs::write(options.out.join("english.md"), text)?)
}

fn line(network: &Network, gold: &[Sentence]) -> String {
    match evaluate(gold, &reparse(network, wordnet(), gold)) {
        Ok(scores) => scores.table()[3..].iter().map(|(name, value)| format!(" {name} {value:.2}")).collect(),
        Err(error) => error.to_string(),
    }
}

/// Tokens and sentences found in the running text.
fn raw_scores(boundaries: &Boundaries, gold: &[Sentence]) -> Result<Scores> {
    let text = running_text(gold).text;
    let system: Vec<Sentence> = boundaries.segment(&text).iter().flat_map(|pieces| plain(&text, pieces)).collect();
    Ok(evaluate(gold, &system)?)
}

/// A sentence of words alone.
fn plain(text: &str, pieces: &[Piece]) -> Vec<Sentence> {
    let token = |piece: &Piece| Token {
        form: text[piece.range.clone()].into(),
        range: piece.range.clone(),
        lemma: "_".into(),
        upos: "_",
        xpos: "_",
        head: None,
        deprel: "_",
        continues: piece.continues,
    };
    Analysis { sentences: vec![language::Sentence { tokens: pieces.iter().map(token).collect() }] }.to_conllu(text)
}

fn read(folder: &Path, ending: &str) -> Result<Vec<Sentence>> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(ending) {
            let text = std::fs::read_to_string(&path)?;
            return conllu::parse(&text).map_err(|error| format!("{}: {error}", path.display()).into());
        }
    }
    Err(format!("{} has no file that ends in {ending}", folder.display()).into())
}

/// Words, and each other character by itself: tokens enough to induce vectors from.
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
