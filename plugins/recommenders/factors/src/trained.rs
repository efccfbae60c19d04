//! The recommender that all these models are: parameters that are learnt epoch by epoch and the scorer made of them, which can be kept and restored.
//! What is learnt, and how, is a [`Model`]'s.

use crate::scorer::Scorer;
use crate::training::{Learner, Schedule, threads};
use plugin_api::{
    Features, FitStep, Interactions, PluginError, Ranked, Recommender, RecommenderConfig, RecommenderDescription,
    Result,
};

/// A kind of model.
pub trait Model: Send + Sync + 'static {
    /// What is learnt.
    type Parameters: Clone + Send + Sync + 'static;

    /// What takes the steps of some epochs; makes the parameters where there are none yet. There are features only for a model that learns
    /// from them.
    fn learner<'a>(
        &'a mut self,
        parameters: &'a mut Option<Self::Parameters>,
        train: Interactions<'a>,
        features: &'a [Features<'a>],
    ) -> impl Learner + 'a;
}

/// A model with what it has learnt.
pub struct Trained<M: Model> {
    model: M,
    /// The component's name, if it learns from item features.
    featured: Option<&'static str>,
    schedule: Schedule,
    pool: rayon::ThreadPool,
    state: State<M::Parameters>,
    kept: Option<State<M::Parameters>>,
}

#[derive(Clone)]
struct State<P> {
    parameters: Option<P>,
    epoch: usize,
    scorer: Scorer,
}

impl<P> Default for State<P> {
    fn default() -> State<P> {
        State { parameters: None, epoch: 0, scorer: Scorer::default() }
    }
}

impl<M: Model> Trained<M> {
    /// A model that has learnt nothing yet; `featured` is the component's name, if it learns from item features.
    ///
    /// # Errors
    /// Threads cannot be started.
    pub fn new(
        model: M,
        featured: Option<&'static str>,
        schedule: Schedule,
        config: &RecommenderConfig,
    ) -> Result<Trained<M>> {
        Ok(Trained { model, featured, schedule, pool: threads(config)?, state: State::default(), kept: None })
    }
}

impl<M: Model> Recommender for Trained<M> {
    fn describe(&self) -> RecommenderDescription {
        RecommenderDescription { needs_features: self.featured.is_some(), epochs: self.schedule.epochs }
    }

    fn fit(&mut self, train: Interactions<'_>, features: &[Features<'_>], epochs: usize) -> Result<FitStep> {
        let features = match self.featured {
            Some(name) if features.is_empty() => {
                return Err(PluginError::configuration(format!("{name} learns from item features"))
                    .help("name some: features = [\"…\"]"));
            }
            Some(_) => features,
            None => &[],
        };
        let (model, schedule) = (&mut self.model, self.schedule);
        let State { mut parameters, epoch, .. } = std::mem::take(&mut self.state);
        let (step, scorer) = self.pool.install(|| {
            let mut learner = model.learner(&mut parameters, train, features);
            let step = schedule.train(&mut learner, train, epoch, epochs)?;
            Ok::<_, PluginError>((step, learner.scorer()))
        })?;
        self.state = State { parameters, epoch: step.epoch, scorer };
        Ok(step)
    }

    fn keep(&mut self) -> Result<()> {
        self.kept = Some(self.state.clone());
        Ok(())
    }

    fn restore(&mut self) -> Result<()> {
        if let Some(kept) = self.kept.take() {
            self.state = kept;
        }
        Ok(())
    }

    fn score(&self, _train: Interactions<'_>, users: &[u32], scores: &mut [f64]) -> Result<()> {
        self.pool.install(|| self.state.scorer.score(users, scores));
        Ok(())
    }

    fn top(&self, train: Interactions<'_>, users: &[u32], count: usize) -> Result<Vec<Vec<Ranked>>> {
        self.pool.install(|| self.state.scorer.top(train, users, count, self.schedule.host))
    }
}
