//! The measures of the CoNLL 2018 shared task, after its published definitions: both files are aligned by their characters without
//! white space; tokens and sentences match by their spans, words inside multiword tokens by longest common subsequence.
//! Labels are compared without subtypes (`nmod:poss` counts as `nmod`), punctuation counts.

use crate::conllu::{Line, Sentence};

/// Counts behind an F1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub correct: usize,
    pub gold: usize,
    pub system: usize,
}

impl Counts {
    /// 0…100.
    pub fn f1(&self) -> f64 {
        match self.gold + self.system {
            0 => 0.0,
            sum => 200.0 * self.correct as f64 / sum as f64,
        }
    }
}

/// All measures of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scores {
    pub tokens: Counts,
    pub sentences: Counts,
    pub words: Counts,
    pub upos: Counts,
    pub xpos: Counts,
    pub lemmas: Counts,
    pub uas: Counts,
    pub las: Counts,
}

impl Scores {
    /// Names and percentages, in the order of the shared task's table.
    pub fn table(&self) -> [(&'static str, f64); 8] {
        [
            ("tokens", self.tokens.f1()),
            ("sentences", self.sentences.f1()),
            ("words", self.words.f1()),
            ("UPOS", self.upos.f1()),
            ("XPOS", self.xpos.f1()),
            ("lemmas", self.lemmas.f1()),
            ("UAS", self.uas.f1()),
            ("LAS", self.las.f1()),
        ]
    }
}

/// The two files do not have the same characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the files differ in their text, first at character {0} (without white space)")]
pub struct TextDiffers(pub usize);

struct Flat<'a> {
    characters: Vec<char>,
    tokens: Vec<(usize, usize)>,
    sentences: Vec<(usize, usize)>,
    words: Vec<FlatWord<'a>>,
}

struct FlatWord<'a> {
    span: (usize, usize),
    multiword: bool,
    /// Index of the head among all words; `None` for a root.
    head: Option<usize>,
    word: &'a crate::conllu::Word,
}

/// Compares a system's sentences with the true ones.
pub fn evaluate(gold: &[Sentence], system: &[Sentence]) -> Result<Scores, TextDiffers> {
    let (gold, system) = (flatten(gold), flatten(system));
    if gold.characters != system.characters {
        let shared = gold.characters.iter().zip(&system.characters).take_while(|(a, b)| a == b).count();
        return Err(TextDiffers(shared));
    }
    let pairs = align(&gold.words, &system.words);
    let mut gold_of = vec![None; system.words.len()];
    for &(gold, system) in &pairs {
        gold_of[system] = Some(gold);
    }
    let count = |same: &dyn Fn(&FlatWord, &FlatWord) -> bool| Counts {
        correct: pairs.iter().filter(|&&(g, s)| same(&gold.words[g], &system.words[s])).count(),
        gold: gold.words.len(),
        system: system.words.len(),
    };
    let same_head = |g: &FlatWord, s: &FlatWord| match (g.head, s.head) {
        (None, None) => true,
        (Some(gold), Some(system)) => gold_of[system] == Some(gold),
        _ => false,
    };
    let spans = |gold: &[(usize, usize)], system: &[(usize, usize)]| Counts {
        correct: common(gold, system),
        gold: gold.len(),
        system: system.len(),
    };
    Ok(Scores {
        tokens: spans(&gold.tokens, &system.tokens),
        sentences: spans(&gold.sentences, &system.sentences),
        words: count(&|_, _| true),
        upos: count(&|g, s| g.word.upos == s.word.upos),
        xpos: count(&|g, s| g.word.xpos == s.word.xpos),
        // A treebank's `_` says that the lemma is not annotated.
        lemmas: count(&|g, s| g.word.lemma == "_" || g.word.lemma == s.word.lemma),
        uas: count(&same_head),
        las: count(&|g, s| same_head(g, s) && universal(&g.word.deprel) == universal(&s.word.deprel)),
    })
}

/// The label without its subtype.
pub fn universal(label: &str) -> &str {
    label.split(':').next().unwrap_or(label)
}

fn flatten(sentences: &[Sentence]) -> Flat<'_> {
    let mut flat = Flat { characters: Vec::new(), tokens: Vec::new(), sentences: Vec::new(), words: Vec::new() };
    for sentence in sentences {
        let begin = flat.characters.len();
        let first = flat.words.len();
        let mut multiword: Option<(usize, (usize, usize))> = None;
        for line in &sentence.lines {
            let mut add = |form: &str| {
                let from = flat.characters.len();
                flat.characters.extend(form.chars().filter(|c| !c.is_whitespace()));
                flat.tokens.push((from, flat.characters.len()));
                (from, flat.characters.len())
            };
            match line {
                Line::Multiword { last, form, .. } => multiword = Some((*last, add(form))),
                Line::Word(number) => {
                    let word = &sentence.words[number - 1];
                    let inside = multiword.filter(|(last, _)| number <= last);
                    let span = match inside {
                        Some((_, span)) => span,
                        None => add(&word.form),
                    };
                    let head = word.head.and_then(|head| head.checked_sub(1)).map(|head| first + head);
                    flat.words.push(FlatWord { span, multiword: inside.is_some(), head, word });
                }
                Line::Comment(_) | Line::Empty(_) => {}
            }
        }
        flat.sentences.push((begin, flat.characters.len()));
    }
    flat
}

/// Spans in both lists, which are in order.
fn common(a: &[(usize, usize)], b: &[(usize, usize)]) -> usize {
    let (mut i, mut j, mut found) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Equal => {
                found += 1;
                i += 1;
                j += 1;
            }
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
        }
    }
    found
}

/// Pairs of matching words (gold, system).
fn align(gold: &[FlatWord], system: &[FlatWord]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let (mut g, mut s) = (0, 0);
    while g < gold.len() && s < system.len() {
        // A word outside multiword tokens matches by span alone.
        let ahead_multiword = |words: &[FlatWord], at: usize, end: usize| {
            words[at..].iter().take_while(|word| word.span.0 < end).any(|word| word.multiword)
        };
        let end = gold[g].span.1.max(system[s].span.1);
        let plain = !gold[g].multiword && !system[s].multiword;
        if plain && (gold[g].span == system[s].span) {
            pairs.push((g, s));
            g += 1;
            s += 1;
        } else if plain && !(ahead_multiword(gold, g, end) || ahead_multiword(system, s, end)) {
            if gold[g].span.0 <= system[s].span.0 { g += 1 } else { s += 1 }
        } else {
            // The stretch around the multiword tokens, up to where both have a boundary.
            let (from_g, from_s) = (g, s);
            let mut end = end;
            loop {
                while g < gold.len() && gold[g].span.0 < end {
                    end = end.max(gold[g].span.1);
                    g += 1;
                }
                while s < system.len() && system[s].span.0 < end {
                    end = end.max(system[s].span.1);
                    s += 1;
                }
                if !(g < gold.len() && gold[g].span.0 < end) {
                    break;
                }
            }
            subsequence(&gold[from_g..g], &system[from_s..s], &mut |a, b| pairs.push((from_g + a, from_s + b)));
        }
    }
    pairs
}

/// The longest common subsequence of the forms, in lower case.
fn subsequence(gold: &[FlatWord], system: &[FlatWord], found: &mut dyn FnMut(usize, usize)) {
    let lower = |words: &[FlatWord]| words.iter().map(|word| word.word.form.to_lowercase()).collect::<Vec<_>>();
    let (a, b) = (lower(gold), lower(system));
    let mut lengths = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            lengths[i][j] =
                if a[i] == b[j] { lengths[i + 1][j + 1] + 1 } else { lengths[i + 1][j].max(lengths[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            found(i, j);
            i += 1;
            j += 1;
        } else if lengths[i + 1][j] >= lengths[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conllu::parse;

    fn word(number: usize, form: &str, tag: &str, head: usize, label: &str) -> String {
        format!("{number}\t{form}\t{form}\t{tag}\t{tag}\t_\t{head}\t{label}\t_\t_\n")
    }

    #[test]
    fn a_file_against_itself_is_perfect_and_subtypes_do_not_count() {
        let gold = word(1, "red", "ADJ", 2, "amod") + &word(2, "dress", "NOUN", 0, "root") + "\n";
        let other = word(1, "red", "NOUN", 2, "amod:x") + &word(2, "dress", "NOUN", 0, "root") + "\n";
        let (gold, other) = (parse(&gold).unwrap(), parse(&other).unwrap());
        assert!(evaluate(&gold, &gold).unwrap().table().iter().all(|(_, value)| *value == 100.0));
        let scores = evaluate(&gold, &other).unwrap();
        assert_eq!((scores.las.correct, scores.upos.correct), (2, 1));
    }

    #[test]
    fn other_tokens_lose_words_and_the_arcs_to_them() {
        // Gold: a | t-shirt; system: a | t | - | shirt.
        let gold = word(1, "a", "DET", 2, "det") + &word(2, "t-shirt", "NOUN", 0, "root") + "\n";
        let system = word(1, "a", "DET", 4, "det")
            + &word(2, "t", "NOUN", 4, "compound")
            + &word(3, "-", "PUNCT", 4, "punct")
            + &word(4, "shirt", "NOUN", 0, "root")
            + "\n";
        let scores = evaluate(&parse(&gold).unwrap(), &parse(&system).unwrap()).unwrap();
        assert_eq!(scores.words, Counts { correct: 1, gold: 2, system: 4 });
        assert_eq!(scores.uas.correct, 0, "its head is no word of the gold file");
        assert!((scores.tokens.f1() - 200.0 / 6.0).abs() < 1e-9);
    }

    #[test]
    fn words_of_a_multiword_token_align_by_form() {
        let joined = "1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_\n".to_owned()
            + &word(1, "do", "AUX", 3, "aux")
            + &word(2, "n't", "PART", 3, "advmod")
            + &word(3, "go", "VERB", 0, "root")
            + "\n";
        let apart = word(1, "do", "AUX", 3, "aux")
            + &word(2, "n't", "PART", 3, "advmod")
            + &word(3, "go", "VERB", 0, "root")
            + "\n";
        let scores = evaluate(&parse(&joined).unwrap(), &parse(&apart).unwrap()).unwrap();
        assert_eq!(scores.tokens, Counts { correct: 1, gold: 2, system: 3 });
        assert_eq!((scores.words.correct, scores.las.correct), (3, 3));
        let other = word(1, "went", "VERB", 0, "root") + "\n";
        assert_eq!(evaluate(&parse(&joined).unwrap(), &parse(&other).unwrap()), Err(TextDiffers(0)));
    }
}
