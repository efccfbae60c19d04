//! Compiles the lexicon from METEOR's resource files, which hold WordNet's words. The layout that it writes is described at
//! `lexicon::MAGIC`.

use crate::error::{DataError, Result};
use crate::lexicon::{END_OF_LIST, HEADER_BYTES, MAGIC, NO_WORD};
use fst::MapBuilder;
use std::collections::{BTreeMap, BTreeSet};

/// The contents of METEOR's resource files.
pub struct LexiconSources<'a> {
    /// `english.synsets`: a line with the word, a line with its synsets.
    pub synsets: &'a str,
    /// `english.exceptions`: a line with the base, a line with its irregular forms.
    pub exceptions: &'a str,
    /// `english.words`: a function word a line.
    pub function_words: &'a str,
}

/// Compiles the lexicon. Words of several parts (`folk_tale`) are left out: the normaliser never leaves such a token.
///
/// # Errors
/// When a file ends inside a record.
pub fn compile_lexicon(sources: &LexiconSources<'_>) -> Result<Vec<u8>> {
    let mut words: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (word, synsets) in records(sources.synsets)? {
        if !word.contains('_') {
            words.entry(word).or_default().extend(synsets.split_whitespace());
        }
    }
    let numbers: BTreeMap<&str, u32> = words.keys().enumerate().map(|(number, word)| (*word, number as u32)).collect();
    let synset_names: BTreeSet<&str> = words.values().flatten().copied().collect();
    let synset_numbers: BTreeMap<&str, u32> =
        synset_names.iter().enumerate().map(|(number, name)| (*name, number as u32)).collect();
    let (mut starts, mut synsets) = (Vec::new(), Vec::new());
    for list in words.values() {
        starts.extend_from_slice(&((synsets.len() / 3) as u32).to_le_bytes());
        list.iter().for_each(|name| push(&mut synsets, synset_numbers[name]));
    }
    starts.extend_from_slice(&((synsets.len() / 3) as u32).to_le_bytes());

    let mut forms: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (base, list) in records(sources.exceptions)? {
        list.split_whitespace()
            .filter(|form| !form.contains('_'))
            .for_each(|form| forms.entry(form).or_default().push(base));
    }
    let (mut form_starts, mut bases) = (Vec::new(), Vec::new());
    for (form, list) in &forms {
        form_starts.push((*form, (bases.len() / 3) as u64));
        list.iter().for_each(|base| push(&mut bases, numbers.get(base).copied().unwrap_or(NO_WORD)));
        push(&mut bases, END_OF_LIST);
    }

    let function_words = sources.function_words.lines().map(str::trim).filter(|word| !word.is_empty());
    let sections = [
        automaton(numbers.iter().map(|(word, number)| (*word, u64::from(*number))))?,
        starts,
        synsets,
        automaton(form_starts.into_iter())?,
        bases,
        function_words.collect::<Vec<_>>().join("\n").into_bytes(),
    ];
    let mut out = Vec::with_capacity(HEADER_BYTES + sections.iter().map(Vec::len).sum::<usize>());
    out.extend_from_slice(&MAGIC);
    for section in &sections {
        let length = u32::try_from(section.len()).map_err(|_| DataError::TooLarge("lexicon"))?;
        out.extend_from_slice(&length.to_le_bytes());
    }
    sections.iter().for_each(|section| out.extend_from_slice(section));
    Ok(out)
}

/// Two-line records.
fn records(text: &str) -> Result<Vec<(&str, &str)>> {
    let mut records = Vec::new();
    let mut lines = text.lines();
    while let Some(first) = lines.next() {
        let Some(second) = lines.next() else {
            return Err(DataError::Source {
                line: 2 * records.len() as u64 + 1,
                reason: "the file ends inside a record",
            });
        };
        records.push((first.trim(), second.trim()));
    }
    Ok(records)
}

fn push(section: &mut Vec<u8>, number: u32) {
    section.extend_from_slice(&number.to_le_bytes()[..3]);
}

fn automaton<'a>(entries: impl Iterator<Item = (&'a str, u64)>) -> Result<Vec<u8>> {
    let mut builder = MapBuilder::memory();
    for (key, value) in entries {
        builder.insert(key, value).map_err(|_| DataError::TooLarge("lexicon"))?;
    }
    builder.into_inner().map_err(|_| DataError::TooLarge("lexicon"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexicon::Lexicon;

    fn compile(synsets: &str, exceptions: &str) -> Result<Vec<u8>> {
        compile_lexicon(&LexiconSources { synsets, exceptions, function_words: "the\nof\n" })
    }

    #[test]
    fn synsets_bases_and_function_words_are_read_back() {
        let bytes = compile(
            "auto\n02958343\ncar\n02958343 02959942\nfolk_tale\n1\n",
            "car\ncaren cares\nauto\ncares\nbeef\nbeeves\n",
        );
        let lexicon = Lexicon::new(bytes.unwrap().leak()).unwrap();
        let synsets = |word: &str| lexicon.word(word).map(|word| lexicon.synsets(word).collect::<Vec<_>>());
        assert_eq!(synsets("auto"), Some(vec![0]));
        assert_eq!(synsets("car"), Some(vec![0, 1]));
        assert_eq!(synsets("folk_tale"), None);
        let bases = |form: &str| lexicon.bases(form).map(|bases| bases.collect::<Vec<_>>());
        assert_eq!(bases("cares"), Some(vec![lexicon.word("car").unwrap(), lexicon.word("auto").unwrap()]));
        assert_eq!(bases("caren"), Some(vec![lexicon.word("car").unwrap()]));
        assert_eq!(bases("beeves"), Some(vec![]));
        assert_eq!(bases("car"), None);
        assert_eq!(lexicon.function_words().collect::<Vec<_>>(), ["the", "of"]);
    }

    #[test]
    fn a_file_that_ends_inside_a_record_is_refused() {
        assert_eq!(compile("auto\n1\ncar\n", "").unwrap_err().to_string(), "line 3: the file ends inside a record");
    }

    #[test]
    fn bytes_that_are_no_lexicon_are_refused() {
        assert!(Lexicon::new(b"").is_none());
        assert!(Lexicon::new(b"LBMTLEX1\x01").is_none());
        assert!(Lexicon::new(b"something else altogether").is_none());
    }
}
