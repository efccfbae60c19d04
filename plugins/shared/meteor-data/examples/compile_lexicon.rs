//! Makes the lexicon that the plugin carries, from METEOR's jar (a zip file; only its data files are read):
//! `cargo run --release -p meteor-data --example compile_lexicon -- meteor-1.5.jar plugins/metrics/meteor/data/lexicon.bin`

use meteor_data::{LexiconSources, compile_lexicon};
use std::error::Error;
use std::fs::{self, File};
use std::io::Read;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [jar, out] = &arguments[..] else {
        return Err("usage: compile_lexicon METEOR.jar OUT".into());
    };
    let mut archive = zip::ZipArchive::new(File::open(jar)?)?;
    let mut text = |name: &str| -> Result<String, Box<dyn Error>> {
        let mut text = String::new();
        archive.by_name(name)?.read_to_string(&mut text)?;
        Ok(text)
    };
    let (synsets, exceptions) = (text("synonym/english.synsets")?, text("synonym/english.exceptions")?);
    let function_words = text("function/english.words")?;
    let lexicon = compile_lexicon(&LexiconSources {
        synsets: &synsets,
        exceptions: &exceptions,
        function_words: &function_words,
    })?;
    fs::write(out, &lexicon)?;
    println!("{out}: {} bytes", lexicon.len());
    Ok(())
}
