//! Comparing scene graphs: tuples match when each of their words is equal or shares a WordNet synset; objects that are synonyms are
//! one object, and so are an object's attributes and two objects' relations. The score is the F1 of the counts.

use crate::categories::Category;
use crate::scene::SceneGraph;
use language::wordnet::{Pos, wordnet};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A tuple of one, two or three words, and whether the other side has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tuple {
    pub words: Vec<String>,
    pub matched: bool,
}

/// Counts of a comparison.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// The candidate's tuples that match.
    pub matched: usize,
    pub candidate: usize,
    pub reference: usize,
}

impl Counts {
    /// F1; 0 where nothing matches. `None` where neither side has a tuple.
    pub fn f1(&self) -> Option<f64> {
        if self.candidate + self.reference == 0 {
            return None;
        }
        if self.matched == 0 {
            return Some(0.0);
        }
        let precision = self.matched as f64 / self.candidate as f64;
        // Several of the candidate's tuples may match one of the references'.
        let recall = (self.matched as f64 / self.reference as f64).min(1.0);
        Some(2.0 * precision * recall / (precision + recall))
    }
}

/// A caption's graph against its references' merged one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub candidate: Vec<Tuple>,
    pub reference: Vec<Tuple>,
    pub counts: Counts,
}

impl Comparison {
    /// The score: 0 where neither side says anything.
    pub fn score(&self) -> f64 {
        self.counts.f1().unwrap_or(0.0)
    }

    /// The counts of one kind of tuple.
    pub fn category(&self, category: Category) -> Counts {
        let belongs = |tuple: &&Tuple| match (category, tuple.words.as_slice()) {
            (Category::Object, [_]) | (Category::Relation, [_, _, _]) => true,
            (Category::Object | Category::Relation, _) => false,
            (_, [_, attribute]) => category.holds(attribute),
            _ => false,
        };
        let candidate: Vec<&Tuple> = self.candidate.iter().filter(belongs).collect();
        Counts {
            matched: candidate.iter().filter(|tuple| tuple.matched).count(),
            candidate: candidate.len(),
            reference: self.reference.iter().filter(belongs).count(),
        }
    }
}

/// Compares a candidate with its references, in any order.
pub fn compare(candidate: &SceneGraph, references: &[SceneGraph]) -> Comparison {
    let mut merged = SceneGraph::default();
    references.iter().for_each(|graph| merged.extend(graph));
    let mut synonyms = Synonyms::default();
    let (candidate, reference) = (tuples(candidate, &mut synonyms), tuples(&merged, &mut synonyms));
    let matches = |tuple: &Classes, others: &[Classes], synonyms: &mut Synonyms| {
        others
            .iter()
            .any(|other| tuple.len() == other.len() && tuple.iter().zip(other).all(|(a, b)| synonyms.any(a, b)))
    };
    let judge = |own: &[Classes], others: &[Classes], synonyms: &mut Synonyms| -> Vec<Tuple> {
        own.iter()
            .map(|tuple| Tuple {
                words: tuple.iter().map(|class| class.iter().next().cloned().unwrap_or_default()).collect(),
                matched: matches(tuple, others, synonyms),
            })
            .collect()
    };
    let candidate_tuples = judge(&candidate, &reference, &mut synonyms);
    let counts = Counts {
        matched: candidate_tuples.iter().filter(|tuple| tuple.matched).count(),
        candidate: candidate.len(),
        reference: reference.len(),
    };
    let reference_tuples = judge(&reference, &candidate, &mut synonyms);
    Comparison { candidate: candidate_tuples, reference: reference_tuples, counts }
}

/// Words that were merged into one.
type Class = BTreeSet<String>;
/// A tuple's words.
type Classes = Vec<Class>;

/// The tuples of a graph once its synonymous objects are one, and then of one object the synonymous attributes, and of two objects the
/// synonymous relations.
fn tuples(graph: &SceneGraph, synonyms: &mut Synonyms) -> Vec<Classes> {
    let objects = synonyms.merged(graph.objects.iter());
    let class = |object: &String| match objects.iter().position(|names| names.contains(object)) {
        Some(place) => objects[place].clone(),
        None => BTreeSet::from([object.clone()]),
    };
    let mut attributes: BTreeMap<Class, BTreeSet<&String>> = BTreeMap::new();
    for (object, attribute) in &graph.attributes {
        attributes.entry(class(object)).or_default().insert(attribute);
    }
    let mut relations: BTreeMap<(Class, Class), BTreeSet<&String>> = BTreeMap::new();
    for (subject, relation, object) in &graph.relations {
        relations.entry((class(subject), class(object))).or_default().insert(relation);
    }
    let mut all: Vec<Classes> = objects.iter().map(|names| vec![names.clone()]).collect();
    for (object, attributes) in attributes {
        all.extend(synonyms.merged(attributes.into_iter()).into_iter().map(|names| vec![object.clone(), names]));
    }
    for ((subject, object), relations) in relations {
        let merged = synonyms.merged(relations.into_iter()).into_iter();
        all.extend(merged.map(|names| vec![subject.clone(), names, object.clone()]));
    }
    all
}

/// Whether words mean the same, with the synsets found so far.
#[derive(Default)]
struct Synonyms {
    synsets: HashMap<String, Vec<u32>>,
}

impl Synonyms {
    /// Words in classes: each is a synonym of another in its class, and of none outside.
    fn merged<'w>(&mut self, words: impl Iterator<Item = &'w String>) -> Vec<Class> {
        let mut classes: Vec<Class> = Vec::new();
        for word in words {
            let (own, others): (Vec<Class>, Vec<Class>) =
                classes.into_iter().partition(|class| class.iter().any(|other| self.equal(word, other)));
            classes = others;
            classes.push(own.into_iter().flatten().chain([word.clone()]).collect());
        }
        classes.sort();
        classes
    }

    fn any(&mut self, a: &BTreeSet<String>, b: &BTreeSet<String>) -> bool {
        a.iter().any(|a| b.iter().any(|b| self.equal(a, b)))
    }

    /// Equal, or members of one synset. What is denied equals only what is denied.
    fn equal(&mut self, a: &str, b: &str) -> bool {
        if a == b {
            return true;
        }
        let (plain_a, plain_b) = (a.strip_prefix("not "), b.strip_prefix("not "));
        if plain_a.is_some() != plain_b.is_some() {
            return false;
        }
        let (a, b) = (plain_a.unwrap_or(a), plain_b.unwrap_or(b));
        self.look_up(a);
        self.look_up(b);
        let (a, b) = (&self.synsets[a], &self.synsets[b]);
        a.iter().any(|synset| b.contains(synset))
    }

    fn look_up(&mut self, word: &str) {
        if !self.synsets.contains_key(word) {
            let lemma = word.replace(' ', "_");
            let synsets = Pos::ALL.iter().flat_map(|&pos| wordnet().synsets(&lemma, pos)).copied().collect();
            self.synsets.insert(word.to_owned(), synsets);
        }
    }
}
