//! Prints where the analyser and a CoNLL-U file differ: `cargo run --release -p language --example differences -- FILE`.

use language::{conllu, rewrite_conllu};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("the file to compare with")?;
    let text = std::fs::read_to_string(path)?;
    let gold = conllu::parse(&text)?;
    let system = conllu::parse(&rewrite_conllu(&text)?)?;
    for (gold, system) in gold.iter().zip(&system) {
        let differences: Vec<String> = gold
            .words
            .iter()
            .zip(&system.words)
            .filter(|(a, b)| (&a.upos, a.head, &a.deprel, &a.lemma) != (&b.upos, b.head, &b.deprel, &b.lemma))
            .map(|(a, b)| {
                let show = |word: &conllu::Word| {
                    format!("{} {} {}>{}", word.lemma, word.upos, word.deprel, word.head.unwrap_or(0))
                };
                format!("  {}: {} | {}", a.form, show(a), show(b))
            })
            .collect();
        if !differences.is_empty() {
            println!("{}\n{}", gold.forms().join(" "), differences.join("\n"));
        }
    }
    Ok(())
}
