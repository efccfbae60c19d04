//! Collapsed dependencies (the conventions of the Stanford dependencies).
//!
//! Here: what a word and its label are. Prepositions become part of the label, and quantifiers give way to what they count, in
//! `prepositions`; pronouns stand for nouns, and conjuncts share governors and subjects, in `sharing`; `hyphens` joins what the
//! parser has parted.

mod hyphens;
mod prepositions;
mod sharing;

use language::{Sentence, Token};

/// How a word depends on another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Label {
    Subject,
    PassiveSubject,
    /// Direct or indirect.
    Object,
    /// `nmod` or `obl` with its preposition, such as `in front of`.
    Preposition(String),
    /// The doer of a passive.
    Agent,
    Possessor,
    /// `amod`: a describing word before its noun.
    Adjective,
    Compound,
    /// `nummod`, or a quantifier such as `a couple of`.
    Number,
    /// A clause in a participle: `a man wearing a hat`.
    Participle,
    Other,
}

/// A dependency between words of a [`Clause`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    pub head: usize,
    pub dependent: usize,
    pub label: Label,
}

/// A word of a sentence, as the scene graph needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// In lower case; a verb's particle follows it (`put on`).
    pub lemma: String,
    pub upos: &'static str,
    /// `NNS`, or lemma and form differ.
    pub plural: bool,
    /// Under `not`, `never` or `no`.
    pub negated: bool,
    /// Has a form of `be` as its copula.
    pub copula: bool,
    /// The preposition before a predicate: `the cup is on the table`.
    pub preposition: Option<String>,
    /// Plays a part in another word's label and is none of the scene's.
    pub absorbed: bool,
}

/// The words of a sentence with their collapsed dependencies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clause {
    pub words: Vec<Word>,
    pub dependencies: Vec<Dependency>,
}

struct Builder<'a> {
    tokens: &'a [Token],
    heads: Vec<Option<usize>>,
    labels: Vec<Label>,
    words: Vec<Word>,
}

/// Collapses a parsed sentence.
pub fn collapse(sentence: &Sentence) -> Clause {
    let tokens = &hyphens::join(&sentence.tokens);
    let mut builder = Builder {
        tokens,
        heads: tokens.iter().map(|token| token.head).collect(),
        labels: vec![Label::Other; tokens.len()],
        words: tokens
            .iter()
            .map(|token| Word {
                lemma: token.lemma.to_lowercase(),
                upos: token.upos,
                plural: matches!(token.xpos, "NNS" | "NNPS"),
                negated: false,
                copula: false,
                preposition: None,
                absorbed: false,
            })
            .collect(),
    };
    builder.label();
    builder.complex_prepositions();
    builder.adverbial_prepositions();
    builder.quantifiers();
    builder.relative_pronouns();
    builder.personal_pronouns();
    let dependencies = builder.propagate();
    Clause { words: builder.words, dependencies }
}

impl Builder<'_> {
    fn children(&self, head: usize) -> impl Iterator<Item = usize> {
        (0..self.tokens.len()).filter(move |&at| self.heads[at] == Some(head))
    }

    fn label(&mut self) {
        for at in 0..self.tokens.len() {
            let token = &self.tokens[at];
            let preposition = self.preposition(at);
            let passive = token.head.is_some_and(|head| {
                self.children(head).any(|child| matches!(self.tokens[child].deprel, "nsubj:pass" | "aux:pass"))
                    || (self.tokens[head].xpos == "VBN" && self.tokens[head].deprel == "acl")
            });
            self.labels[at] = match (token.deprel, preposition) {
                ("nsubj" | "nsubj:outer" | "csubj", _) => Label::Subject,
                ("nsubj:pass" | "csubj:pass", _) => Label::PassiveSubject,
                ("obj" | "iobj", _) => Label::Object,
                ("nmod:poss", _) => Label::Possessor,
                ("obl:agent", _) => Label::Agent,
                ("obl", Some(preposition)) if preposition == "by" && passive => Label::Agent,
                ("nmod" | "obl", Some(preposition)) => Label::Preposition(preposition),
                ("amod", _) => Label::Adjective,
                ("compound", _) => Label::Compound,
                ("nummod", _) => Label::Number,
                ("acl", _) => Label::Participle,
                (_, preposition) => {
                    self.words[at].preposition = preposition;
                    Label::Other
                }
            };
            let Some(head) = token.head else { continue };
            match token.deprel {
                "cop" => self.words[head].copula = true,
                "advmod" | "det" if matches!(&*self.words[at].lemma, "not" | "never" | "no" | "n't") => {
                    self.words[head].negated = true;
                }
                "compound:prt" => {
                    let particle = format!(" {}", self.words[at].lemma);
                    self.words[head].lemma += &particle;
                    self.words[at].absorbed = true;
                }
                "flat" | "fixed" | "goeswith" => self.words[at].absorbed = true,
                _ => {}
            }
        }
    }
}
