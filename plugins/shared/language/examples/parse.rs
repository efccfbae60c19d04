//! Analyses standard input, a text a line, into CoNLL-U: `cargo run --release -p language --example parse < captions.txt`.

fn main() -> std::io::Result<()> {
    print!("{}", language::text_to_conllu(&std::io::read_to_string(std::io::stdin())?));
    Ok(())
}
