//! LightGCN, and FREEDOM on top of it: a frozen graph of items whose features are alike, interactions pruned anew each epoch, and a
//! second ranking loss on projected features. Features stay as they are (FREEDOM's own code trains them on).

#[cfg(test)]
mod tests;

use crate::adjacency::{Adjacency, pairs};
use crate::batch::{Batch, pairwise};
use crate::dense::{AdamStep, Dense};
use crate::options::GraphOptions;
use crate::product::{add_scaled, dot, product, transposed_product};
use crate::random::Random;
use crate::scorer::Scorer;
use crate::trained::{Model, Trained};
use crate::training::{Learner, Schedule};
use plugin_api::{Features, Interactions, RecommenderConfig, Result};

/// A modality's linear layer: W `[width, k]` and b `[k]`.
#[derive(Debug, Clone)]
struct Projection {
    weights: Dense,
    bias: Dense,
}

/// What is learnt.
#[derive(Debug, Clone)]
pub struct Parameters {
    /// `[users + items, k]`
    nodes: Dense,
    projections: Vec<Projection>,
    /// Batches so far: Adam's t.
    steps: u64,
}

/// The graphs, made once a fit.
struct Graphs {
    whole: Adjacency,
    /// One a modality, with its transpose.
    items: Vec<(Adjacency, Adjacency)>,
}

/// LightGCN, or with features FREEDOM.
pub struct Graph {
    options: GraphOptions,
    seed: u64,
    graphs: Option<Graphs>,
}

impl Graph {
    /// # Errors
    /// The settings make no model, or threads cannot be started.
    pub fn recommender(content: bool, config: &RecommenderConfig) -> Result<Trained<Graph>> {
        let options = GraphOptions::read(config)?;
        let schedule = Schedule {
            epochs: options.epochs,
            batch_size: options.batch_size,
            sampling: options.sampling,
            seed: config.seed,
            host: config.host,
        };
        let model = Graph { options, seed: config.seed, graphs: None };
        Trained::new(model, content.then_some("freedom"), schedule, config)
    }
}

impl Graphs {
    fn build(train: Interactions<'_>, features: &[Features<'_>], options: &GraphOptions) -> Graphs {
        let whole = Adjacency::bipartite(train.users(), train.items(), pairs(train));
        let items = features.iter().map(|modality| {
            let graph = Adjacency::nearest_items(modality, options.neighbours);
            let turned = graph.transposed();
            (graph, turned)
        });
        Graphs { whole, items: items.collect() }
    }
}

impl Parameters {
    /// Where training begins, by a seed.
    fn fresh(seed: u64, options: &GraphOptions, train: Interactions<'_>, features: &[Features<'_>]) -> Parameters {
        let (k, users, items) = (options.factors, train.users(), train.items());
        let mut nodes = Random::keyed(seed, 1, 0).xavier(users, k, users * k);
        nodes.extend(Random::keyed(seed, 2, 0).xavier(items, k, items * k));
        let projections = features.iter().zip(3..).map(|(modality, purpose)| {
            let weights = Random::keyed(seed, purpose, 0).xavier(modality.width, k, modality.width * k);
            Projection { weights: Dense::new(weights), bias: Dense::new(vec![0.0; k]) }
        });
        Parameters { nodes: Dense::new(nodes), projections: projections.collect(), steps: 0 }
    }
}

/// The interactions that an epoch keeps: drawn without replacement with weights 1/√(dᵤ·dᵢ), FREEDOM's degree-sensitive pruning.
fn pruned(train: Interactions<'_>, dropout: f64, seed: u64, epoch: usize) -> Adjacency {
    let mut degrees = vec![0f64; train.items()];
    train.indices().iter().for_each(|item| degrees[*item as usize] += 1.0);
    let mut random = Random::keyed(seed, 50, epoch as u64);
    // Weighted sampling by exponential keys (Efraimidis and Spirakis 2006): the smallest −ln(u)/w are drawn.
    let mut keyed: Vec<(f64, (u32, u32))> = pairs(train)
        .map(|(user, item)| {
            let weight = 1.0 / (train.row(user as usize).len() as f64 * degrees[item as usize]).sqrt();
            (-(1.0 - random.unit()).ln() / weight, (user, item))
        })
        .collect();
    let kept = ((1.0 - dropout) * keyed.len() as f64).round() as usize;
    if kept > 0 && kept < keyed.len() {
        keyed.select_nth_unstable_by(kept - 1, |a, b| a.0.total_cmp(&b.0));
        keyed.truncate(kept);
    }
    Adjacency::bipartite(train.users(), train.items(), keyed.into_iter().map(|(_, pair)| pair))
}

/// Final factors `[users + items, k]`: smoothed over interactions, and the items' own over their graph added.
fn forward(
    nodes: &[f32],
    graph: &Adjacency,
    items: &[(Adjacency, Adjacency)],
    users: usize,
    options: &GraphOptions,
) -> Vec<f32> {
    let k = options.factors;
    let mut all = graph.propagated(nodes, k, options.layers);
    let share = 1.0 / items.len().max(1) as f32;
    for (nearest, _) in items {
        let smoothed = smoothed(nearest, &nodes[users * k..], k, options.item_layers);
        add_scaled(&mut all[users * k..], share, &smoothed);
    }
    all
}

fn smoothed(graph: &Adjacency, values: &[f32], k: usize, layers: usize) -> Vec<f32> {
    let (mut last, mut next) = (values.to_vec(), vec![0.0; values.len()]);
    for _ in 0..layers {
        graph.smooth(&last, k, &mut next);
        std::mem::swap(&mut last, &mut next);
    }
    last
}

/// A batch's loss and gradients: of the nodes, and of each projection's W and b.
struct Gradients {
    loss: f64,
    nodes: Vec<f32>,
    projections: Vec<(Vec<f32>, Vec<f32>)>,
}

fn gradients(
    parameters: &Parameters,
    batch: &Batch,
    graph: &Adjacency,
    items: &[(Adjacency, Adjacency)],
    features: &[Features<'_>],
    users: usize,
    options: &GraphOptions,
) -> Gradients {
    let k = options.factors;
    let size = batch.triples.len() as f32;
    let nodes = &parameters.nodes.values;
    let all = forward(nodes, graph, items, users, options);
    let user_row = |user: u32| user as usize * k..(user as usize + 1) * k;
    let item_row = |item: u32| (users + item as usize) * k..(users + item as usize + 1) * k;
    let mut outer = vec![0.0; all.len()];
    let mut loss = 0.0;
    for triple in &batch.triples {
        let (user, better, worse) =
            (&all[user_row(triple.user)], &all[item_row(triple.positive)], &all[item_row(triple.negative)]);
        let (own, slope) = pairwise(dot(user, better) - dot(user, worse));
        loss += own / f64::from(size);
        let slope = slope / size;
        add_scaled(&mut outer[user_row(triple.user)], slope, better);
        add_scaled(&mut outer[user_row(triple.user)], -slope, worse);
        add_scaled(&mut outer[item_row(triple.positive)], slope, user);
        add_scaled(&mut outer[item_row(triple.negative)], -slope, user);
    }
    let mut projections = Vec::new();
    for (modality, projection) in features.iter().zip(&parameters.projections) {
        let rows = &batch.items.rows;
        let gathered: Vec<f32> = rows.iter().flat_map(|item| modality.row(*item as usize)).copied().collect();
        let mut projected = vec![0.0; rows.len() * k];
        product(&gathered, &projection.weights.values, modality.width, k, &mut projected);
        projected.chunks_exact_mut(k).for_each(|row| add_scaled(row, 1.0, &projection.bias.values));
        let mut inner = vec![0.0; projected.len()];
        let weight = options.feature_weight as f32;
        for (triple, (positive, negative)) in batch.triples.iter().zip(&batch.places) {
            let (positive, negative) = (*positive as usize * k, *negative as usize * k);
            let user = &all[user_row(triple.user)];
            let (better, worse) = (&projected[positive..positive + k], &projected[negative..negative + k]);
            let (own, slope) = pairwise(dot(user, better) - dot(user, worse));
            loss += options.feature_weight * own / f64::from(size);
            let slope = weight * slope / size;
            add_scaled(&mut outer[user_row(triple.user)], slope, better);
            add_scaled(&mut outer[user_row(triple.user)], -slope, worse);
            add_scaled(&mut inner[positive..positive + k], slope, user);
            add_scaled(&mut inner[negative..negative + k], -slope, user);
        }
        let mut weights = vec![0.0; projection.weights.values.len()];
        transposed_product(&gathered, &inner, modality.width, k, &mut weights);
        let mut bias = vec![0.0; k];
        inner.chunks_exact(k).for_each(|row| add_scaled(&mut bias, 1.0, row));
        projections.push((weights, bias));
    }
    // Back through the propagation, which is linear.
    let mut own = graph.propagated(&outer, k, options.layers);
    let share = 1.0 / items.len().max(1) as f32;
    for (_, turned) in items {
        let back = smoothed(turned, &outer[users * k..], k, options.item_layers);
        add_scaled(&mut own[users * k..], share, &back);
    }
    // The L2 term is on the parameters themselves, as in LightGCN.
    let decay = options.l2 as f32 / size;
    for triple in &batch.triples {
        for range in [user_row(triple.user), item_row(triple.positive), item_row(triple.negative)] {
            let row = &nodes[range.clone()];
            loss += options.l2 * 0.5 * f64::from(dot(row, row)) / f64::from(size);
            add_scaled(&mut own[range], decay, row);
        }
    }
    Gradients { loss, nodes: own, projections }
}

impl Model for Graph {
    type Parameters = Parameters;

    fn learner<'a>(
        &'a mut self,
        parameters: &'a mut Option<Parameters>,
        train: Interactions<'a>,
        features: &'a [Features<'a>],
    ) -> impl Learner + 'a {
        let (options, seed) = (&self.options, self.seed);
        let graphs = self.graphs.get_or_insert_with(|| Graphs::build(train, features, options));
        let parameters = parameters.get_or_insert_with(|| Parameters::fresh(seed, options, train, features));
        Learning { options, seed, parameters, graphs, pruned: None, train, features }
    }
}

/// The model while it is trained.
struct Learning<'a> {
    options: &'a GraphOptions,
    seed: u64,
    parameters: &'a mut Parameters,
    graphs: &'a Graphs,
    /// The epoch's interactions, where not all are used.
    pruned: Option<Adjacency>,
    train: Interactions<'a>,
    features: &'a [Features<'a>],
}

impl Learner for Learning<'_> {
    fn begin(&mut self, epoch: usize) {
        let prunes = !self.features.is_empty() && self.options.dropout > 0.0;
        self.pruned = prunes.then(|| pruned(self.train, self.options.dropout, self.seed, epoch));
    }

    fn step(&mut self, batch: &Batch) -> f64 {
        let graph = self.pruned.as_ref().unwrap_or(&self.graphs.whole);
        let (options, users) = (self.options, self.train.users());
        let found = gradients(self.parameters, batch, graph, &self.graphs.items, self.features, users, options);
        self.parameters.steps += 1;
        let step = AdamStep::new(options.learning_rate, self.parameters.steps);
        self.parameters.nodes.update(&found.nodes, step);
        for (projection, (weights, bias)) in self.parameters.projections.iter_mut().zip(&found.projections) {
            projection.weights.update(weights, step);
            projection.bias.update(bias, step);
        }
        found.loss
    }

    fn scorer(&self) -> Scorer {
        let (users, options) = (self.train.users(), self.options);
        let mut all = forward(&self.parameters.nodes.values, &self.graphs.whole, &self.graphs.items, users, options);
        let items = all.split_off(users * options.factors);
        Scorer { width: options.factors, users: all, items }
    }
}
