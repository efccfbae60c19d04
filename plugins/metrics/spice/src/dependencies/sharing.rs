//! What words share: pronouns are their nouns, conjuncts have each other's governors and subjects.

use super::{Builder, Dependency, Label};

impl Builder<'_> {
    /// `a shirt that has pockets`: the shirt has pockets.
    pub(super) fn relative_pronouns(&mut self) {
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
    pub(super) fn personal_pronouns(&mut self) {
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
    pub(super) fn propagate(&self) -> Vec<Dependency> {
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
