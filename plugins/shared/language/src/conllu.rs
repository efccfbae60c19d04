//! CoNLL-U: reading sentences, and rewriting a file with new lemmas, tags and trees.
//! What is no word (comments, multiword-token lines, empty nodes) is kept as it stands.

use std::fmt::Write;

/// One syntactic word of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    pub form: String,
    pub lemma: String,
    pub upos: String,
    pub xpos: String,
    pub feats: String,
    /// 0 for the root, else the number of the head, from 1. `None` where the file says `_`.
    pub head: Option<usize>,
    pub deprel: String,
    pub deps: String,
    pub misc: String,
}

/// A line of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A comment, with its `#`.
    Comment(String),
    /// A multiword token: the words `first..=last` (numbered from 1), its surface form, and the whole line.
    Multiword { first: usize, last: usize, form: String, space_after: bool, line: String },
    /// An empty node (`8.1`).
    Empty(String),
    /// The word of this number, from 1.
    Word(usize),
}

/// A sentence with its words and the order of its lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sentence {
    pub words: Vec<Word>,
    pub lines: Vec<Line>,
}

/// Why a text is no CoNLL-U.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ConlluError {
    /// From 1.
    pub line: usize,
    pub problem: String,
}

impl Word {
    /// Whether white space follows in the text.
    pub fn space_after(&self) -> bool {
        !self.misc.split('|').any(|part| part == "SpaceAfter=No")
    }
}

impl Sentence {
    /// The text of a comment `# KEY = VALUE`.
    pub fn comment(&self, key: &str) -> Option<&str> {
        self.lines.iter().find_map(|line| match line {
            Line::Comment(text) => {
                text.strip_prefix('#')?.trim_start().strip_prefix(key)?.trim_start().strip_prefix('=').map(str::trim)
            }
            _ => None,
        })
    }

    /// Whether a comment begins with this word, such as `newpar`.
    pub fn has_comment(&self, word: &str) -> bool {
        self.lines.iter().any(
            |line| matches!(line, Line::Comment(text) if text.trim_start_matches('#').trim_start().starts_with(word)),
        )
    }

    /// The words' forms.
    pub fn forms(&self) -> Vec<&str> {
        self.words.iter().map(|word| word.form.as_str()).collect()
    }
}

/// Reads a whole file. Heads out of range are errors; a missing blank line at the end is not.
pub fn parse(text: &str) -> Result<Vec<Sentence>, ConlluError> {
    let mut sentences = Vec::new();
    let mut sentence = Sentence::default();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_end_matches('\r');
        let error = |problem: String| ConlluError { line: number + 1, problem };
        if line.is_empty() {
            finish(&mut sentence, &mut sentences, number)?;
            continue;
        }
        if line.starts_with('#') {
            sentence.lines.push(Line::Comment(line.into()));
            continue;
        }
        let columns: Vec<&str> = line.split('\t').collect();
        let [id, form, lemma, upos, xpos, feats, head, deprel, deps, misc] = columns[..] else {
            return Err(error(format!("a word has 10 columns between tabs, this line has {}", columns.len())));
        };
        if let Some((first, last)) = id.split_once('-') {
            let (Ok(first), Ok(last)) = (first.parse::<usize>(), last.parse::<usize>()) else {
                return Err(error(format!("`{id}` is no range of words")));
            };
            if first != sentence.words.len() + 1 || last < first {
                return Err(error(format!("the range `{id}` does not begin at the next word")));
            }
            let space_after = !misc.split('|').any(|part| part == "SpaceAfter=No");
            sentence.lines.push(Line::Multiword { first, last, form: form.into(), space_after, line: line.into() });
        } else if id.contains('.') {
            sentence.lines.push(Line::Empty(line.into()));
        } else {
            if id.parse() != Ok(sentence.words.len() + 1) {
                return Err(error(format!("expected word {}, found `{id}`", sentence.words.len() + 1)));
            }
            let head = match head {
                "_" => None,
                head => Some(head.parse().map_err(|_| error(format!("`{head}` is no head")))?),
            };
            sentence.words.push(Word {
                form: form.into(),
                lemma: lemma.into(),
                upos: upos.into(),
                xpos: xpos.into(),
                feats: feats.into(),
                head,
                deprel: deprel.into(),
                deps: deps.into(),
                misc: misc.into(),
            });
            sentence.lines.push(Line::Word(sentence.words.len()));
        }
    }
    finish(&mut sentence, &mut sentences, text.lines().count())?;
    Ok(sentences)
}

fn finish(sentence: &mut Sentence, sentences: &mut Vec<Sentence>, line: usize) -> Result<(), ConlluError> {
    let words = sentence.words.len();
    let beyond = sentence.words.iter().find(|word| word.head.is_some_and(|head| head > words));
    if let Some(word) = beyond {
        let problem = format!("the head of `{}` lies beyond the sentence's {words} words", word.form);
        return Err(ConlluError { line, problem });
    }
    for line_of in &sentence.lines {
        if let Line::Multiword { first, last, .. } = line_of
            && *last > words
        {
            return Err(ConlluError { line, problem: format!("the range {first}-{last} lies beyond the sentence") });
        }
    }
    if !sentence.lines.is_empty() {
        sentences.push(std::mem::take(sentence));
    }
    Ok(())
}

/// Writes one sentence, with the blank line after it.
pub fn write(sentence: &Sentence, out: &mut String) {
    for line in &sentence.lines {
        match line {
            Line::Comment(text) | Line::Empty(text) | Line::Multiword { line: text, .. } => {
                out.push_str(text);
                out.push('\n');
            }
            Line::Word(number) => {
                let word = &sentence.words[number - 1];
                let head = word.head.map_or("_".into(), |head| head.to_string());
                let Word { form, lemma, upos, xpos, feats, deprel, deps, misc, .. } = word;
                // Writing to a string cannot fail.
                let _ = writeln!(
                    out,
                    "{number}\t{form}\t{lemma}\t{upos}\t{xpos}\t{feats}\t{head}\t{deprel}\t{deps}\t{misc}"
                );
            }
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "# sent_id = 1\n# text = Don't go.\n1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_\n\
        1\tDo\tdo\tAUX\tVB\t_\t3\taux\t_\t_\n2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_\n\
        3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\tSpaceAfter=No\n3.1\tx\tx\tX\tX\t_\t_\t_\t0:root\t_\n\
        4\t.\t.\tPUNCT\t.\t_\t3\tpunct\t_\t_\n\n";

    #[test]
    fn a_sentence_is_written_as_it_was_read() {
        let sentences = parse(SAMPLE).unwrap();
        assert_eq!(sentences.len(), 1);
        assert_eq!(sentences[0].forms(), ["Do", "n't", "go", "."]);
        assert_eq!(sentences[0].comment("text"), Some("Don't go."));
        assert!(!sentences[0].words[2].space_after());
        let mut out = String::new();
        write(&sentences[0], &mut out);
        assert_eq!(out, SAMPLE);
    }

    #[test]
    fn what_is_no_conllu_is_an_error_that_names_the_line() {
        assert_eq!(parse("1\tword\n").unwrap_err().line, 1);
        assert!(parse("2\ta\t_\t_\t_\t_\t_\t_\t_\t_\n").unwrap_err().problem.contains("expected word 1"));
        assert!(parse("1\ta\t_\t_\t_\t_\t9\t_\t_\t_\n").unwrap_err().problem.contains("beyond"));
        assert!(parse("1-3\ta\t_\t_\t_\t_\t_\t_\t_\t_\n1\ta\t_\t_\t_\t_\t0\t_\t_\t_\n").is_err());
        assert_eq!(parse("\n\n"), Ok(vec![]));
    }
}
