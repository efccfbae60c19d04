//! The training loop of the tagger and parser: inventory, schedule, averaging.

use super::examples::{Indices, batches, example};
use super::gradient::{Dropout, accumulate};
use super::optimizer::Adam;
use super::templates::Lexicon;
use super::vectors;
use crate::conllu::Sentence;
use crate::lemma::LemmaRule;
use crate::network::features::{Vocabulary, normalised};
use crate::network::{Inventory, Network, Sizes, Weights};
use crate::wordnet::WordNet;
use std::collections::BTreeMap;

/// What to train, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    pub sizes: Sizes,
    pub dropout: Dropout,
    pub epochs: usize,
    /// Passes over the unlabelled text for the word vectors.
    pub vector_epochs: usize,
    /// Words of a batch, about.
    pub batch: usize,
    /// The greatest learning rate.
    pub rate: f32,
    pub seed: u64,
    /// Words seen less often have no row of their own.
    pub least_count: usize,
    /// Share of sentences put into lower case, as captions often are.
    pub lowered: f32,
    /// Share of sentences whose last punctuation is dropped.
    pub unpunctuated: f32,
    /// Composed sentences an epoch.
    pub composed: usize,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            sizes: Sizes { word: 96, hashed: 96, vector: 64, hidden: 160, layers: 2, arc: 128, label: 96 },
            dropout: Dropout { word: 0.12, input: 0.25, hidden: 0.35, projection: 0.3 },
            epochs: 20,
            vector_epochs: 3,
            batch: 900,
            rate: 2.5e-3,
            seed: 1,
            least_count: 2,
            lowered: 0.06,
            unpunctuated: 0.06,
            composed: 1000,
        }
    }
}

/// What training gives.
pub struct Trained {
    pub sizes: Sizes,
    pub inventory: Inventory,
    pub weights: Weights,
}

/// Called after each epoch with its number, the mean loss and the network so far.
pub type Watch<'a> = dyn FnMut(usize, f64, &dyn Fn() -> Option<Network>) + 'a;

/// Trains on sentences, each with its number of copies an epoch. `unlabelled` is running text for the vectors, `templates` adds composed
/// sentences, new ones each epoch.
pub fn train(
    plan: &Plan,
    sentences: &[(&Sentence, usize)],
    unlabelled: &[Vec<String>],
    wordnet: &WordNet,
    templates: Option<&Lexicon>,
    watch: &mut Watch,
) -> Trained {
    let mut random = fastrand::Rng::with_seed(plan.seed);
    let mut inventory = inventory(plan, sentences, templates);
    let mut vectors_table = None;
    if plan.sizes.vector > 0 {
        let (words, table) = vectors::induce(unlabelled, plan.sizes.vector, plan.vector_epochs, &mut random);
        inventory.vectors = words;
        vectors_table = Some(table);
    }
    let vocabulary = Vocabulary::new(&inventory.words, &inventory.vectors);
    let indices = Indices::new(&inventory);
    let mut weights = Weights::zeros(&plan.sizes, &inventory);
    initialise(&mut weights, &mut random);
    weights.vectors = vectors_table.unwrap_or_default();

    let zeros = Weights::zeros(&plan.sizes, &Inventory { vectors: Vec::new(), ..inventory.clone() });
    let mut gradient = zeros.clone();
    let mut adam = Adam::new(zeros);
    let mut average: Option<(Weights, usize)> = None;
    let mut step = 0usize;
    let mut steps = 0;
    for epoch in 0..plan.epochs {
        let mut examples = Vec::new();
        for (sentence, copies) in sentences {
            for _ in 0..*copies {
                examples.push(example(sentence, plan, &indices, &vocabulary, wordnet, &mut random));
            }
        }
        for _ in 0..templates.map_or(0, |_| plan.composed) {
            if let Some(sentence) = templates.and_then(|lexicon| lexicon.compose(&mut random)) {
                examples.push(example(&sentence, plan, &indices, &vocabulary, wordnet, &mut random));
            }
        }
        random.shuffle(&mut examples);
        let batches = batches(&examples, plan.batch, &mut random);
        if epoch == 0 {
            steps = batches.len() * plan.epochs;
        }
        let mut loss = 0.0;
        for batch in &batches {
            let rate = plan.rate * schedule(step, steps);
            let (batch_loss, touched) =
                accumulate(&weights, &plan.sizes, batch, &plan.dropout, &mut random, &mut gradient);
            adam.step(&mut weights, &mut gradient, &touched, rate);
            loss += batch_loss;
            step += 1;
            // The mean of the weights over the last quarter: a network a little better than each of them. Twice an epoch will do.
            if step * 4 >= steps * 3 && step.is_multiple_of((batches.len() / 2).max(1)) {
                let (sum, count) = average.get_or_insert_with(|| (weights.clone(), 0));
                if *count > 0 {
                    add(sum, &weights);
                }
                *count += 1;
            }
        }
        let current = || Network::new(plan.sizes.clone(), inventory.clone(), mean(&average, &weights));
        watch(epoch + 1, loss / batches.len().max(1) as f64, &current);
    }
    Trained { sizes: plan.sizes.clone(), weights: mean(&average, &weights), inventory }
}

/// Tags and parses gold tokens anew; other columns and lines stay.
pub fn reparse(network: &Network, wordnet: &WordNet, sentences: &[Sentence]) -> Vec<Sentence> {
    sentences
        .iter()
        .map(|sentence| {
            let mut sentence = sentence.clone();
            let parsed = network.parse(&sentence.forms(), wordnet);
            for (word, parsed) in sentence.words.iter_mut().zip(parsed) {
                word.upos = network.inventory.upos[parsed.upos].clone();
                word.xpos = network.inventory.xpos[parsed.xpos].clone();
                word.deprel = network.inventory.labels[parsed.label].clone();
                word.head = Some(parsed.head);
                word.lemma = parsed.lemma;
            }
            sentence
        })
        .collect()
}

/// A rise over the first twentieth, then half a cosine.
fn schedule(step: usize, steps: usize) -> f32 {
    let done = step as f32 / steps.max(1) as f32;
    if done < 0.05 { 0.05 + done * 19.0 } else { 0.02 + 0.49 * (1.0 + (std::f32::consts::PI * done).cos()) }
}

fn mean(average: &Option<(Weights, usize)>, weights: &Weights) -> Weights {
    let Some((sum, count)) = average else { return weights.clone() };
    let mut mean = sum.clone();
    let share = 1.0 / *count as f32;
    mean.dense_mut().into_iter().for_each(|tensor| tensor.values.iter_mut().for_each(|value| *value *= share));
    for tensor in [&mut mean.words, &mut mean.hashed] {
        tensor.values.iter_mut().for_each(|value| *value *= share);
    }
    mean
}

fn add(sum: &mut Weights, weights: &Weights) {
    for (sum, weights) in sum.dense_mut().into_iter().zip(weights.dense()) {
        sum.values.iter_mut().zip(&weights.values).for_each(|(sum, value)| *sum += value);
    }
    for (sum, weights) in [(&mut sum.words, &weights.words), (&mut sum.hashed, &weights.hashed)] {
        sum.values.iter_mut().zip(&weights.values).for_each(|(sum, value)| *sum += value);
    }
}

/// Uniform after Glorot and Bengio (2010); tables and biases at 0, the forget gates open.
fn initialise(weights: &mut Weights, random: &mut fastrand::Rng) {
    for tensor in weights.dense_mut() {
        if tensor.rows > 1 {
            let bound = (6.0 / (tensor.rows + tensor.columns) as f32).sqrt();
            tensor.values.iter_mut().for_each(|value| *value = (random.f32() * 2.0 - 1.0) * bound);
        }
    }
    for lstm in weights.lstms.iter_mut().flatten() {
        let hidden = lstm.recurrent.rows;
        lstm.input.bias.values[hidden..2 * hidden].fill(1.0);
    }
    weights.root.values.iter_mut().for_each(|value| *value = random.f32() * 0.2);
}

/// The classes and words that the sentences hold.
fn inventory(plan: &Plan, sentences: &[(&Sentence, usize)], templates: Option<&Lexicon>) -> Inventory {
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    let mut rules: BTreeMap<LemmaRule, usize> = BTreeMap::new();
    let [mut upos, mut xpos, mut labels] = [const { BTreeMap::<String, usize>::new() }; 3];
    for word in sentences.iter().flat_map(|(sentence, _)| &sentence.words) {
        *words.entry(normalised(&word.form)).or_default() += 1;
        if word.lemma != "_" {
            *rules.entry(LemmaRule::derive(&word.form, &word.lemma)).or_default() += 1;
        }
        for (counts, value) in [(&mut upos, &word.upos), (&mut xpos, &word.xpos), (&mut labels, &word.deprel)] {
            *counts.entry(value.clone()).or_default() += 1;
        }
    }
    for form in templates.iter().flat_map(|lexicon| lexicon.forms()) {
        *words.entry(normalised(form)).or_default() += plan.least_count;
    }
    let keys = |counts: BTreeMap<String, usize>| counts.into_keys().collect();
    Inventory {
        words: words.into_iter().filter(|(_, count)| *count >= plan.least_count).map(|(word, _)| word).collect(),
        vectors: Vec::new(),
        upos: keys(upos),
        xpos: keys(xpos),
        labels: keys(labels),
        lemma_rules: rules.into_iter().filter(|(_, count)| *count >= 3).map(|(rule, _)| rule.to_string()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conllu::parse;
    use crate::network::to_bytes;

    #[test]
    fn training_learns_its_sentences_and_is_the_same_each_time() {
        let sentences = parse(include_str!("../../data/annotated/train.conllu")).unwrap();
        let some: Vec<(&Sentence, usize)> = sentences.iter().take(20).map(|sentence| (sentence, 1)).collect();
        let text: Vec<Vec<String>> =
            some.iter().map(|(sentence, _)| sentence.forms().iter().map(|form| form.to_string()).collect()).collect();
        let plan = Plan {
            sizes: Sizes { word: 8, hashed: 8, vector: 4, hidden: 12, layers: 1, arc: 8, label: 8 },
            epochs: 30,
            batch: 60,
            rate: 1e-2,
            ..Plan::default()
        };
        let wordnet = WordNet::default();
        let lexicon = Lexicon::parse("");
        let mut losses = Vec::new();
        let mut run = || {
            let mut watch = |_: usize, loss: f64, _: &dyn Fn() -> Option<Network>| losses.push(loss);
            let trained = train(&plan, &some, &text, &wordnet, Some(&lexicon), &mut watch);
            to_bytes(&trained.sizes, &trained.inventory, &trained.weights)
        };
        let bytes = run();
        assert_eq!(bytes, run());
        assert!(losses[29] < losses[0] / 2.0, "{losses:?}");
        let network = Network::from_bytes(&bytes).unwrap();
        let gold: Vec<Sentence> = some.iter().map(|(sentence, _)| (*sentence).clone()).collect();
        let scores = crate::evaluate::evaluate(&gold, &reparse(&network, &wordnet, &gold)).unwrap();
        assert!(scores.upos.f1() > 80.0, "{scores:?}");
    }
}
