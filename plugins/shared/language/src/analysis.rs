//! The analyser: from text, or from words that are given, to sentences with tags, lemmas and trees. The model is part of the library
//! and loaded on first use.

use crate::boundaries::{Boundaries, LONGEST};
use crate::conllu::{self, ConlluError, Line, Sentence as ConlluSentence, Word};
use crate::mending;
use crate::network::{Network, ParsedWord};
use crate::wordnet::{WordNet, wordnet};
use std::ops::Range;
use std::sync::OnceLock;

/// What was found in a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Analysis {
    pub sentences: Vec<Sentence>,
}

/// A sentence: at least one token, and a tree over all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sentence {
    pub tokens: Vec<Token>,
}

/// A syntactic word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Bytes in the text.
    pub range: Range<usize>,
    pub form: String,
    pub lemma: String,
    /// Universal part of speech: `NOUN`.
    pub upos: &'static str,
    /// Penn Treebank tag: `NNS`.
    pub xpos: &'static str,
    /// Index of the head in the sentence, from 0; `None` for the root.
    pub head: Option<usize>,
    /// Universal Dependencies label, with subtype: `nmod:poss`.
    pub deprel: &'static str,
    /// True where the word continues the token before it without a space, as `n't` does `do`.
    pub continues: bool,
}

/// A boundary model, a network and WordNet.
pub struct Analyser {
    pub boundaries: Boundaries,
    pub network: Network,
    pub wordnet: &'static WordNet,
}

/// The analyser that is part of the library.
///
/// # Panics
/// Never: a test reads the embedded files, which do not change after the build.
pub fn analyser() -> &'static Analyser {
    static ANALYSER: OnceLock<Analyser> = OnceLock::new();
    ANALYSER.get_or_init(|| {
        let boundaries = Boundaries::from_bytes(include_bytes!("../data/boundaries.bin"));
        let network = Network::from_bytes(include_bytes!("../data/english.bin"));
        Analyser {
            boundaries: boundaries.expect("the embedded boundary model is read by a test"),
            network: network.expect("the embedded network is read by a test"),
            wordnet: wordnet(),
        }
    })
}

/// Analyses a text with the library's own analyser.
pub fn analyse(text: &str) -> Analysis {
    analyser().analyse(text)
}

/// Analyses a text into CoNLL-U; every line that is not empty is a text of its own, so that one caption never runs into the next.
pub fn text_to_conllu(text: &str) -> String {
    let mut out = String::new();
    let mut number = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        for mut sentence in analyse(line).to_conllu(line) {
            number += 1;
            if let Some(Line::Comment(comment)) = sentence.lines.first_mut() {
                *comment = format!("# sent_id = {number}");
            }
            conllu::write(&sentence, &mut out);
        }
    }
    out
}

/// Reads CoNLL-U and writes it with LEMMA, UPOS, XPOS, HEAD and DEPREL anew; words, comments and multiword tokens stay.
pub fn rewrite_conllu(text: &str) -> Result<String, ConlluError> {
    let mut out = String::new();
    for sentence in conllu::parse(text)? {
        conllu::write(&analyser().rewrite(&sentence), &mut out);
    }
    Ok(out)
}

impl Analyser {
    /// Divides, tags and parses a text. Any text has a result; white space alone has no sentences.
    pub fn analyse(&'static self, text: &str) -> Analysis {
        let sentences = self.boundaries.segment(text).into_iter().map(|pieces| {
            let forms: Vec<&str> = pieces.iter().map(|piece| &text[piece.range.clone()]).collect();
            let parsed = self.parse(&forms);
            let inventory = &self.network.inventory;
            let tokens = pieces.iter().zip(parsed).map(|(piece, parsed)| Token {
                form: text[piece.range.clone()].into(),
                range: piece.range.clone(),
                lemma: parsed.lemma,
                upos: &inventory.upos[parsed.upos],
                xpos: &inventory.xpos[parsed.xpos],
                head: parsed.head.checked_sub(1),
                deprel: &inventory.labels[parsed.label],
                continues: piece.continues,
            });
            Sentence { tokens: tokens.collect() }
        });
        Analysis { sentences: sentences.collect() }
    }

    /// Tags and parses the words of one sentence. A sentence of more than [`LONGEST`] words is parsed in parts, whose roots hang from
    /// the first as `parataxis`.
    pub fn parse(&self, forms: &[&str]) -> Vec<ParsedWord> {
        let mut all: Vec<ParsedWord> = Vec::with_capacity(forms.len());
        let parataxis = self.network.inventory.labels.iter().position(|label| label == "parataxis");
        let mut root = 0;
        for part in forms.chunks(LONGEST) {
            let offset = all.len();
            for mut word in self.network.parse(part, self.wordnet) {
                if word.head > 0 {
                    word.head += offset;
                } else if offset == 0 {
                    root = all.len() + 1;
                } else {
                    word.head = root;
                    word.label = parataxis.unwrap_or(word.label);
                }
                all.push(word);
            }
        }
        mending::mend(self, forms, &mut all);
        all
    }

    /// Tags and parses a CoNLL-U sentence anew: words stay, LEMMA, UPOS, XPOS, HEAD and DEPREL are replaced, other lines and columns
    /// kept.
    pub fn rewrite(&self, sentence: &ConlluSentence) -> ConlluSentence {
        let mut sentence = sentence.clone();
        let parsed = self.parse(&sentence.forms());
        let inventory = &self.network.inventory;
        for (word, parsed) in sentence.words.iter_mut().zip(parsed) {
            word.upos.clone_from(&inventory.upos[parsed.upos]);
            word.xpos.clone_from(&inventory.xpos[parsed.xpos]);
            word.deprel.clone_from(&inventory.labels[parsed.label]);
            word.head = Some(parsed.head);
            word.lemma = parsed.lemma;
        }
        sentence
    }
}

impl Analysis {
    /// The analysis as CoNLL-U sentences, with their text and multiword tokens.
    pub fn to_conllu(&self, text: &str) -> Vec<ConlluSentence> {
        let mut sentences = Vec::new();
        for (number, sentence) in self.sentences.iter().enumerate() {
            let mut out = ConlluSentence::default();
            if let [first, .., last] | [first @ last] = sentence.tokens.as_slice() {
                let line = text[first.range.start..last.range.end].split_whitespace().collect::<Vec<_>>().join(" ");
                out.lines.push(Line::Comment(format!("# sent_id = {}", number + 1)));
                out.lines.push(Line::Comment(format!("# text = {line}")));
            }
            let mut inside = 0;
            for (at, token) in sentence.tokens.iter().enumerate() {
                let parts = 1 + sentence.tokens[at + 1..].iter().take_while(|next| next.continues).count();
                let end = sentence.tokens[at + parts - 1].range.end;
                let spaced = text[end..].chars().next().is_none_or(char::is_whitespace);
                let misc = if spaced { "_" } else { "SpaceAfter=No" };
                if parts > 1 && at >= inside {
                    inside = at + parts;
                    let form = &text[token.range.start..end];
                    let line = format!("{}-{inside}\t{form}\t_\t_\t_\t_\t_\t_\t_\t{misc}", at + 1);
                    let (first, form) = (at + 1, form.to_owned());
                    out.lines.push(Line::Multiword { first, last: inside, form, space_after: spaced, line });
                }
                out.words.push(Word {
                    form: token.form.clone(),
                    lemma: token.lemma.clone(),
                    upos: token.upos.into(),
                    xpos: token.xpos.into(),
                    feats: "_".into(),
                    head: Some(token.head.map_or(0, |head| head + 1)),
                    deprel: token.deprel.into(),
                    deps: "_".into(),
                    misc: if at < inside { "_" } else { misc }.into(),
                });
                out.lines.push(Line::Word(at + 1));
            }
            sentences.push(out);
        }
        sentences
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conllu::{parse, write};
    use crate::tree::is_tree;

    fn check(text: &str) -> Analysis {
        let analysis = analyse(text);
        for sentence in &analysis.sentences {
            assert!(!sentence.tokens.is_empty());
            let heads: Vec<usize> = sentence.tokens.iter().map(|token| token.head.map_or(0, |head| head + 1)).collect();
            assert!(is_tree(&heads), "{heads:?}");
            for token in &sentence.tokens {
                assert_eq!(&text[token.range.clone()], token.form);
                assert!(!token.lemma.is_empty());
            }
        }
        // What is not white space is in exactly one token.
        let tokens: String =
            analysis.sentences.iter().flat_map(|sentence| &sentence.tokens).map(|token| &*token.form).collect();
        assert_eq!(tokens, text.split_whitespace().collect::<String>());
        let mut out = String::new();
        analysis.to_conllu(text).iter().for_each(|sentence| write(sentence, &mut out));
        assert_eq!(parse(&out).unwrap().len(), analysis.sentences.len());
        analysis
    }

    #[test]
    fn a_caption_has_its_words_and_tree() {
        let analysis = check("A red dress with short sleeves.");
        let [sentence] = analysis.sentences.as_slice() else { panic!("one sentence") };
        let lemmas: Vec<&str> = sentence.tokens.iter().map(|token| &*token.lemma).collect();
        assert_eq!(lemmas, ["a", "red", "dress", "with", "short", "sleeve", "."]);
        assert_eq!((sentence.tokens[2].head, sentence.tokens[2].deprel), (None, "root"));
        assert_eq!((sentence.tokens[5].head, sentence.tokens[5].deprel), (Some(2), "nmod"));
        assert_eq!((sentence.tokens[1].upos, sentence.tokens[5].xpos), ("ADJ", "NNS"));
    }

    #[test]
    fn contractions_are_multiword_tokens() {
        let text = "It doesn't fit.";
        let out = check(text).to_conllu(text);
        assert_eq!(out[0].forms(), ["It", "does", "n't", "fit", "."]);
        assert!(matches!(&out[0].lines[3], Line::Multiword { first: 2, last: 3, form, .. } if form == "doesn't"));
    }

    #[test]
    fn given_words_stay_when_a_file_is_rewritten() {
        let text = "It doesn't fit.\nRed dress\n";
        let written = text_to_conllu(text);
        assert_eq!(rewrite_conllu(&written).unwrap(), written);
        let blank = "# a comment\n1-2\tcannot\t_\t_\t_\t_\t_\t_\t_\t_\n1\tcan\t_\t_\t_\tX=Y\t_\t_\t_\t_\n\
            2\tnot\t_\t_\t_\t_\t_\t_\t_\tM=1\n\n";
        let sentence = &parse(&rewrite_conllu(blank).unwrap()).unwrap()[0];
        assert_eq!(sentence.lines, parse(blank).unwrap()[0].lines);
        assert_eq!(
            (&*sentence.words[0].upos, &*sentence.words[0].feats, &*sentence.words[1].misc),
            ("AUX", "X=Y", "M=1")
        );
        assert!(rewrite_conllu("no columns").is_err());
    }

    #[test]
    fn any_text_has_a_result() {
        assert!(analyse("").sentences.is_empty());
        assert!(analyse(" \n\t\u{2029}\n\n ").sentences.is_empty());
        for text in [
            "dress",
            "...!?,,--''\"()",
            "👗👖🧥 👩‍👩‍👧",
            "赤いドレス と 帽子。",
            "ÉCRU É",
            "a\u{0}b",
            "\u{fe0f}",
            "-",
            "'s",
            "n't",
        ] {
            check(text);
        }
        check(&"word ".repeat(5000));
        check(&"a.b,c'd-".repeat(700));
        check(&"red dress, ".repeat(500));
    }

    #[test]
    fn random_text_never_fails() {
        let alphabet: Vec<char> = "abcXYZ019 .,'’-–\n\t\"()é😀中\u{301}\u{200d}&$%/@".chars().collect();
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..400 {
            let text: String = (0..random.usize(..60)).filter_map(|_| random.choice(alphabet.iter())).collect();
            check(&text);
        }
    }

    #[test]
    fn long_sentences_of_given_words_are_one_tree() {
        let forms = vec!["cotton"; 2 * LONGEST + 5];
        let heads: Vec<usize> = analyser().parse(&forms).iter().map(|word| word.head).collect();
        assert!(is_tree(&heads));
    }
}
