//! Collapsed dependencies: prepositions become part of the label, conjuncts share their governors and subjects, quantifiers give way
//! to what they count, pronouns to what they stand for (the conventions of the Stanford dependencies).

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

/// Nouns that, with `of` after them, only count or measure what follows.
const QUANTIFIERS: [&str; 38] = [
    "lot",
    "assortment",
    "number",
    "couple",
    "bunch",
    "handful",
    "litany",
    "sheaf",
    "slew",
    "dozen",
    "series",
    "variety",
    "multitude",
    "wad",
    "clutch",
    "wave",
    "mountain",
    "array",
    "spate",
    "string",
    "ton",
    "range",
    "plethora",
    "heap",
    "sort",
    "form",
    "kind",
    "type",
    "version",
    "bit",
    "pair",
    "triple",
    "total",
    "plenty",
    "load",
    "ten",
    "hundred",
    "thousand",
];

/// Nouns between two prepositions that make one preposition of them: `in front of`.
const COMPLEX: [(&str, &str, &str); 12] = [
    ("in", "front", "of"),
    ("on", "top", "of"),
    ("in", "spite", "of"),
    ("in", "place", "of"),
    ("in", "case", "of"),
    ("in", "addition", "to"),
    ("on", "behalf", "of"),
    ("on", "account", "of"),
    ("by", "means", "of"),
    ("in", "lieu", "of"),
    ("with", "respect", "to"),
    ("with", "regard", "to"),
];

/// Adverbs that make one preposition with the one after them: `next to`.
const ADVERBIAL: [(&str, &str); 11] = [
    ("next", "to"),
    ("close", "to"),
    ("near", "to"),
    ("ahead", "of"),
    ("away", "from"),
    ("apart", "from"),
    ("outside", "of"),
    ("inside", "of"),
    ("out", "of"),
    ("together", "with"),
    ("along", "with"),
];

struct Builder<'a> {
    tokens: &'a [Token],
    heads: Vec<Option<usize>>,
    labels: Vec<Label>,
    words: Vec<Word>,
}

/// Collapses a parsed sentence.
pub fn collapse(sentence: &Sentence) -> Clause {
    let tokens = &sentence.tokens;
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

    /// The words before `at` that mark its case, joined: `out of`.
    fn preposition(&self, at: usize) -> Option<String> {
        let mut words = Vec::new();
        for child in self.children(at) {
            if self.tokens[child].deprel == "case" && self.tokens[child].xpos != "POS" {
                words.push(child);
                words.extend(self.children(child).filter(|&part| self.tokens[part].deprel == "fixed"));
            }
        }
        words.sort_unstable();
        // `sits next to the man`, where `next` hangs beside the man.
        if let Some(before) = words.first().and_then(|first| first.checked_sub(1))
            && self.tokens[before].deprel == "advmod"
            && self.tokens[before].head == self.tokens[at].head
            && ADVERBIAL.contains(&(&*self.words[before].lemma, &*self.words[words[0]].lemma))
        {
            words.insert(0, before);
        }
        let joined = words.iter().map(|&word| self.tokens[word].form.to_lowercase()).collect::<Vec<_>>().join(" ");
        (!joined.is_empty()).then_some(joined)
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

    /// `stands (in front) of the house`: the house takes the place of the front.
    fn complex_prepositions(&mut self) {
        for at in 0..self.tokens.len() {
            let Some(before) = self.place_preposition(at) else { continue };
            let lemma = self.words[at].lemma.clone();
            if self.children(at).any(|child| matches!(self.tokens[child].deprel, "det" | "amod" | "nmod:poss")) {
                continue;
            }
            let inner = self.children(at).find_map(|child| match &self.labels[child] {
                Label::Preposition(after) if COMPLEX.contains(&(&*before, &*lemma, after.as_str())) => {
                    Some((child, format!("{before} {lemma} {after}")))
                }
                _ => None,
            });
            if let Some((child, preposition)) = inner {
                self.replace(at, child, preposition);
            }
        }
    }

    /// `sits next to the man`, where the man hangs from `next`.
    fn adverbial_prepositions(&mut self) {
        for at in 0..self.tokens.len() {
            let lemma = self.words[at].lemma.clone();
            if self.tokens[at].deprel != "advmod" {
                continue;
            }
            let inner = self.children(at).find_map(|child| match &self.labels[child] {
                Label::Preposition(after) if ADVERBIAL.contains(&(&*lemma, after.as_str())) => {
                    Some((child, format!("{lemma} {after}")))
                }
                _ => None,
            });
            if let Some((child, preposition)) = inner {
                self.replace(at, child, preposition);
            }
        }
    }

    /// The preposition of a word, be it in its label or its predicate.
    fn place_preposition(&self, at: usize) -> Option<String> {
        match &self.labels[at] {
            Label::Preposition(preposition) => Some(preposition.clone()),
            _ => self.words[at].preposition.clone(),
        }
    }

    /// Puts `child` where `at` stood, with a preposition of several words.
    fn replace(&mut self, at: usize, child: usize, preposition: String) {
        self.hand_over(at, child);
        if matches!(self.labels[at], Label::Other) && self.tokens[at].deprel != "advmod" {
            // A predicate: `the bike is in front of the house`.
            self.words[child].preposition = Some(preposition);
            self.labels[child] = Label::Other;
        } else {
            self.labels[child] = Label::Preposition(preposition);
        }
        self.words[at].absorbed = true;
    }

    /// `child` takes the governor and the other dependents of `at`.
    fn hand_over(&mut self, at: usize, child: usize) {
        self.heads[child] = self.heads[at];
        self.words[child].copula |= self.words[at].copula;
        for other in 0..self.tokens.len() {
            if other != child && self.heads[other] == Some(at) && !matches!(self.tokens[other].deprel, "case" | "det") {
                self.heads[other] = Some(child);
            }
        }
        self.heads[at] = Some(child);
    }

    /// `a couple of dogs`: the dogs take the couple's place, the couple counts them.
    fn quantifiers(&mut self) {
        for at in 0..self.tokens.len() {
            if self.words[at].absorbed || !QUANTIFIERS.contains(&&*self.words[at].lemma) {
                continue;
            }
            let plain =
                self.children(at).all(|child| !matches!(self.labels[child], Label::Adjective | Label::Compound));
            let counted = self
                .children(at)
                .find(|&child| child > at && matches!(&self.labels[child], Label::Preposition(of) if of == "of"));
            if let Some(child) = counted.filter(|_| plain) {
                let label = self.labels[at].clone();
                let preposition = self.words[at].preposition.take();
                self.hand_over(at, child);
                self.labels[child] = label;
                self.words[child].preposition = preposition;
                self.labels[at] = Label::Number;
            }
        }
    }

    /// `a shirt that has pockets`: the shirt has pockets.
    fn relative_pronouns(&mut self) {
        for at in 0..self.tokens.len() {
            if matches!(self.tokens[at].xpos, "WDT" | "WP")
                && let Some(verb) = self.heads[at]
                && self.tokens[verb].deprel.starts_with("acl")
                && let Some(noun) = self.heads[verb]
            {
                self.stand_for(at, noun);
            }
        }
    }

    /// Personal pronouns stand for the nearest noun before them.
    fn personal_pronouns(&mut self) {
        for at in 0..self.tokens.len() {
            if matches!(self.tokens[at].xpos, "PRP" | "PRP$") {
                let noun = (0..at).rev().find(|&noun| {
                    matches!(self.words[noun].upos, "NOUN" | "PROPN")
                        && !self.words[noun].absorbed
                        && !matches!(self.labels[noun], Label::Compound | Label::Number)
                });
                if let Some(noun) = noun {
                    self.stand_for(at, noun);
                }
            }
        }
    }

    fn stand_for(&mut self, at: usize, noun: usize) {
        let word = self.words[noun].clone();
        let kept = &mut self.words[at];
        kept.lemma = word.lemma;
        kept.upos = word.upos;
        kept.plural = word.plural;
    }

    /// All dependencies, with those that conjuncts share.
    fn propagate(&self) -> Vec<Dependency> {
        let mut dependencies = Vec::new();
        for at in 0..self.tokens.len() {
            if let Some(head) = self.heads[at] {
                dependencies.push(Dependency { head, dependent: at, label: self.labels[at].clone() });
            }
        }
        for at in 0..self.tokens.len() {
            // The first conjunct: conjuncts hang from it.
            if self.tokens[at].deprel != "conj" || self.labels[at] != Label::Other {
                continue;
            }
            let Some(first) = self.heads[at] else { continue };
            if self.labels[first] != Label::Other
                && let Some(head) = self.heads[first]
            {
                // A conjunct may have a preposition of its own: `on the table and under the chair`.
                let label = match (&self.labels[first], &self.words[at].preposition) {
                    (Label::Preposition(_), Some(own)) => Label::Preposition(own.clone()),
                    (label, _) => label.clone(),
                };
                dependencies.push(Dependency { head, dependent: at, label });
            }
            // A verb without a subject of its own has the first one's.
            let is_subject = |label: &Label| matches!(label, Label::Subject | Label::PassiveSubject);
            let has_subject = self.children(at).any(|child| is_subject(&self.labels[child]));
            let predicate = matches!(self.words[at].upos, "VERB" | "AUX" | "ADJ") || self.words[first].copula;
            if predicate && !has_subject {
                for subject in self.children(first).filter(|&child| is_subject(&self.labels[child])) {
                    let label = match self.children(at).any(|child| self.tokens[child].deprel == "aux:pass") {
                        true => Label::PassiveSubject,
                        false => Label::Subject,
                    };
                    dependencies.push(Dependency { head: at, dependent: subject, label });
                }
            }
        }
        // A second round for what conjoined subjects and objects share with their verbs' conjuncts.
        let more: Vec<Dependency> = dependencies
            .iter()
            .filter(|edge| matches!(edge.label, Label::Subject | Label::PassiveSubject))
            .flat_map(|edge| {
                let conjuncts = self.children(edge.dependent).filter(|&at| self.tokens[at].deprel == "conj");
                conjuncts.map(|at| Dependency { head: edge.head, dependent: at, label: edge.label.clone() })
            })
            .collect();
        for edge in more {
            if !dependencies.contains(&edge) {
                dependencies.push(edge);
            }
        }
        dependencies
    }
}
