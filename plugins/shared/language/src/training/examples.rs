//! Sentences as the network is trained on them: names become indices, some texts lose their case or their full stop, batches are of like length.

use super::gradient::Example;
use super::parser::Plan;
use crate::conllu::{Sentence, Word};
use crate::lemma::LemmaRule;
use crate::network::Inventory;
use crate::network::features::{Features, Vocabulary};
use crate::wordnet::WordNet;
use std::collections::HashMap;

/// From names to indices.
pub struct Indices {
    upos: HashMap<String, usize>,
    xpos: HashMap<String, usize>,
    labels: HashMap<String, usize>,
    rules: HashMap<String, usize>,
}

impl Indices {
    pub fn new(inventory: &Inventory) -> Indices {
        let index = |names: &[String]| names.iter().enumerate().map(|(at, name)| (name.clone(), at)).collect();
        Indices {
            upos: index(&inventory.upos),
            xpos: index(&inventory.xpos),
            labels: index(&inventory.labels),
            rules: index(&inventory.lemma_rules),
        }
    }
}

/// A sentence as its truth; now and then without its last punctuation, now and then in lower case (`plan` says how often).
pub fn example(
    sentence: &Sentence,
    plan: &Plan,
    indices: &Indices,
    vocabulary: &Vocabulary,
    wordnet: &WordNet,
    random: &mut fastrand::Rng,
) -> Example {
    let mut words = sentence.words.as_slice();
    if random.f32() < plan.unpunctuated
        && let [rest @ .., last] = words
        && last.upos == "PUNCT"
        && !rest.is_empty()
        && last.head != Some(0)
        && rest.iter().all(|word| word.head != Some(words.len()))
    {
        words = rest;
    }
    let lowered = random.f32() < plan.lowered;
    let forms: Vec<String> =
        words.iter().map(|word| if lowered { word.form.to_lowercase() } else { word.form.clone() }).collect();
    let mut features = Features::default();
    vocabulary.extract(&forms.iter().map(String::as_str).collect::<Vec<_>>(), wordnet, &mut features);
    let lemma = |(word, form): (&Word, &String)| match word.lemma.as_str() {
        "_" => None,
        lemma => indices.rules.get(&LemmaRule::derive(form, lemma).to_string()).copied(),
    };
    Example {
        features,
        upos: words.iter().map(|word| indices.upos.get(&word.upos).copied()).collect(),
        xpos: words.iter().map(|word| indices.xpos.get(&word.xpos).copied()).collect(),
        lemmas: words.iter().zip(&forms).map(lemma).collect(),
        heads: words.iter().map(|word| word.head.unwrap_or(0)).collect(),
        labels: words.iter().map(|word| indices.labels.get(&word.deprel).copied()).collect(),
    }
}

/// Batches of sentences of like length, each longest first, in random order.
pub fn batches<'a>(examples: &'a [Example], size: usize, random: &mut fastrand::Rng) -> Vec<Vec<&'a Example>> {
    let mut batches = Vec::new();
    for pool in examples.chunks(3000) {
        let mut pool: Vec<&Example> = pool.iter().filter(|example| !example.features.is_empty()).collect();
        pool.sort_by_key(|example| std::cmp::Reverse(example.features.len()));
        let mut batch: Vec<&Example> = Vec::new();
        let mut words = 0;
        for example in pool {
            if words + example.features.len() > size && !batch.is_empty() {
                batches.push(std::mem::take(&mut batch));
                words = 0;
            }
            words += example.features.len();
            batch.push(example);
        }
        batches.extend((!batch.is_empty()).then_some(batch));
    }
    random.shuffle(&mut batches);
    batches
}
