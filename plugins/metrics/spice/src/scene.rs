//! Scene graphs: objects, their attributes, and relations between them, read off collapsed dependencies.

use crate::dependencies::{Clause, Label, collapse};
use language::analyse;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a caption says of a scene, in lemmas. Sets: what is said twice counts once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SceneGraph {
    pub objects: BTreeSet<String>,
    /// (object, attribute)
    pub attributes: BTreeSet<(String, String)>,
    /// (subject, relation, object)
    pub relations: BTreeSet<(String, String, String)>,
}

impl SceneGraph {
    /// Number of tuples.
    pub fn len(&self) -> usize {
        self.objects.len() + self.attributes.len() + self.relations.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn attribute(&mut self, object: &str, attribute: String) {
        self.objects.insert(object.to_owned());
        self.attributes.insert((object.to_owned(), attribute));
    }

    fn relation(&mut self, subject: &str, relation: String, object: &str) {
        self.objects.insert(subject.to_owned());
        self.objects.insert(object.to_owned());
        self.relations.insert((subject.to_owned(), relation, object.to_owned()));
    }

    /// Adds another graph's tuples.
    pub fn extend(&mut self, other: &SceneGraph) {
        self.objects.extend(other.objects.iter().cloned());
        self.attributes.extend(other.attributes.iter().cloned());
        self.relations.extend(other.relations.iter().cloned());
    }
}

/// The scene graph of a caption.
pub fn parse(caption: &str) -> SceneGraph {
    let mut graph = SceneGraph::default();
    for sentence in analyse(caption).sentences {
        read(&collapse(&sentence), &mut graph);
    }
    graph
}

/// Adds what a clause says.
pub fn read(clause: &Clause, graph: &mut SceneGraph) {
    let words = &clause.words;
    let is_object = |at: usize| matches!(words[at].upos, "NOUN" | "PROPN" | "PRON") && !words[at].absorbed;
    let of = |head: usize| clause.dependencies.iter().filter(move |edge| edge.head == head);
    // An attribute that is denied is another one: `not red`.
    let quality = |at: usize| match words[at].negated {
        true => format!("not {}", words[at].lemma),
        false => words[at].lemma.clone(),
    };
    // Words that only describe others are no objects of their own.
    let mut described = vec![false; words.len()];
    for edge in &clause.dependencies {
        if matches!(edge.label, Label::Compound | Label::Number | Label::Adjective) {
            described[edge.dependent] = true;
        }
    }

    for at in 0..words.len() {
        if words[at].absorbed {
            continue;
        }
        let mut subjects = Vec::new();
        let mut passive_subjects = Vec::new();
        let mut objects: Vec<(usize, Option<&str>)> = Vec::new();
        let mut agents = Vec::new();
        for edge in of(at) {
            let dependent = edge.dependent;
            match &edge.label {
                Label::Subject if is_object(dependent) => subjects.push(dependent),
                Label::PassiveSubject if is_object(dependent) => passive_subjects.push(dependent),
                Label::Object if is_object(dependent) => objects.push((dependent, None)),
                Label::Preposition(preposition) if is_object(dependent) => objects.push((dependent, Some(preposition))),
                Label::Agent if is_object(dependent) => agents.push(dependent),
                _ => {}
            }
        }
        // `a man wearing a hat`: the noun is the participle's subject; `a ball thrown by a boy`: what it is done to.
        let own_subjects = subjects.len();
        for edge in clause.dependencies.iter().filter(|edge| edge.dependent == at && edge.label == Label::Participle) {
            if is_object(edge.head) && subjects.is_empty() {
                if agents.is_empty() { subjects.push(edge.head) } else { passive_subjects.push(edge.head) }
            }
        }

        let predicate_noun = words[at].copula && matches!(words[at].upos, "NOUN" | "PROPN");
        for (number, &subject) in subjects.iter().enumerate() {
            let name = &words[subject].lemma;
            if words[at].copula {
                match &words[at].preposition {
                    Some(preposition) if predicate_noun => graph.relation(name, preposition.clone(), &words[at].lemma),
                    _ => {
                        graph.attribute(name, quality(at));
                        described[at] = true;
                    }
                }
                continue;
            }
            let verb = quality(at);
            for &(object, preposition) in &objects {
                let relation = match preposition {
                    // `there is a dog on the chair`
                    Some(preposition) if words[at].lemma == "be" => preposition.to_owned(),
                    Some(preposition) => format!("{verb} {preposition}"),
                    None => verb.clone(),
                };
                graph.relation(name, relation, &words[object].lemma);
            }
            // A participle that does nothing to anything says nothing of its noun.
            let alone = objects.is_empty() && number < own_subjects;
            if alone && matches!(words[at].upos, "VERB" | "ADJ") && words[at].lemma != "be" {
                graph.attribute(name, verb);
            }
        }
        for &subject in &passive_subjects {
            for &agent in &agents {
                graph.relation(&words[agent].lemma, quality(at), &words[subject].lemma);
            }
        }

        if !is_object(at) {
            continue;
        }
        let noun = words[at].lemma.as_str();
        for edge in of(at) {
            let other = &words[edge.dependent];
            match &edge.label {
                Label::Adjective => graph.attribute(noun, quality(edge.dependent)),
                Label::Compound => graph.attribute(noun, other.lemma.clone()),
                Label::Number if words[at].plural => graph.attribute(noun, other.lemma.clone()),
                Label::Preposition(preposition) if is_object(edge.dependent) && !words[at].copula => {
                    graph.relation(noun, preposition.clone(), &other.lemma);
                }
                Label::Possessor if is_object(edge.dependent) => graph.relation(&other.lemma, "have".into(), noun),
                _ => {}
            }
        }
    }
    for at in 0..words.len() {
        if matches!(words[at].upos, "NOUN" | "PROPN") && !words[at].absorbed && !described[at] {
            graph.objects.insert(words[at].lemma.clone());
        }
    }
}
