//! Prepositions, of one word or several, and the quantifiers that `of` follows.

use super::{Builder, Label};

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

impl Builder<'_> {
    /// The words before `at` that mark its case, joined: `out of`.
    pub(super) fn preposition(&self, at: usize) -> Option<String> {
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

    /// `stands (in front) of the house`: the house takes the place of the front.
    pub(super) fn complex_prepositions(&mut self) {
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
    pub(super) fn adverbial_prepositions(&mut self) {
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
    pub(super) fn quantifiers(&mut self) {
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
}
