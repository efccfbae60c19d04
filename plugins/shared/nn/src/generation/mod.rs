//! Choosing tokens: greedily, at random or with beams, for any language model of this library. One loop serves decoders alone
//! and decoders behind an encoder; what differs stands behind [`LanguageModel`].

mod beam;
mod foreign;
#[cfg(feature = "cuda")]
mod replay;
#[cfg(not(feature = "cuda"))]
mod replay {
    //! A build without CUDA keeps nothing between batches.

    pub enum Kept {}
}
mod scores;
mod settings;
mod single;

pub use scores::distribution;
pub use settings::{BEHIND_ENCODER, EarlyStopping, Settings};

use crate::device::watched;
use crate::language::{LanguageModel, Prompt};
use crate::{Placement, Result, parallel};
use burn::tensor::Device;
use std::sync::{Arc, Mutex};

/// A batch to continue.
pub struct Request {
    pub prompt: Prompt,
    /// For every row, the tokens that count as already said for the repetition penalty and for n-grams.
    pub said: Vec<Vec<u32>>,
    /// For every row, what its random draws derive from.
    pub seeds: Vec<u64>,
}

/// What was generated for one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// New tokens only, with the end token if it was reached.
    pub ids: Vec<u32>,
    /// Whether an end token was reached (else the limit on new tokens was).
    pub ended: bool,
}

/// A language model that continues batches, with what it keeps from one to the next.
pub struct Generator {
    model: Arc<dyn LanguageModel>,
    kept: Mutex<Option<replay::Kept>>,
}

impl Generator {
    pub fn new(model: Arc<dyn LanguageModel>) -> Generator {
        Generator { model, kept: Mutex::new(None) }
    }

    pub fn model(&self) -> &dyn LanguageModel {
        self.model.as_ref()
    }

    /// Continues every row of a batch.
    ///
    /// Rows are independent: what a row gets depends neither on its neighbours nor on how many there are, except where a device's
    /// kernels round differently by shape. `cancelled` is asked at every token, on a GPU every few.
    ///
    /// # Errors
    /// The prompt with its new tokens exceeds the model's positions, the settings contradict each other, the model's scores are no numbers, a
    /// GPU has no room, or the user asked to stop.
    pub fn generate(
        &self,
        request: Request,
        settings: &Settings,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<Generated>> {
        settings.check()?;
        let [rows, length, _] = request.prompt.embeddings.dims();
        debug_assert!(
            request.said.len() == rows && request.seeds.len() == rows && request.prompt.padding.len() == rows
        );
        settings.check_room(length, self.model.positions())?;
        let limits = settings.limits(if self.model.positions().is_some() { length } else { BEHIND_ENCODER });
        let on_cpu = is_cpu(&request.prompt.embeddings.device());
        let search = || {
            if settings.num_beams > 1 {
                watched(|| beam::search(self.model(), request, settings, limits, cancelled))
            } else {
                // A thread that panicked in here left buffers in an unknown state: they are not used again.
                let mut kept = self.kept.lock().unwrap_or_else(|poisoned| {
                    let mut kept = poisoned.into_inner();
                    *kept = None;
                    kept
                });
                let found = watched(|| single::search(&self.model, &mut kept, request, settings, limits, cancelled));
                // What failed half-way through a step left its buffers in an unknown state too.
                if found.is_err() {
                    *kept = None;
                }
                found
            }
        };
        if on_cpu { parallel::within_pool(search) } else { search() }
    }
}

fn is_cpu(device: &Device) -> bool {
    Placement::cpu().is_ok_and(|cpu| cpu.device == *device)
}

/// How many tokens a row may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    /// No end token before so many.
    least: usize,
    most: usize,
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::Error;
    use crate::language::{Opt, OptConfig, State};
    use crate::training::{Labels, Tape, Var};
    use crate::weights::Loader;
    use crate::{Int, Tensor};

    /// Notes how many rows each step reads, and gives other scores of the first token where it is told.
    struct Observed {
        inner: Opt,
        rows: Mutex<Vec<usize>>,
        first: Option<Vec<f32>>,
    }

    impl Observed {
        fn of(config: &OptConfig, first: Option<Vec<f32>>) -> Observed {
            let loader = Loader::random(3, &Placement::cpu().unwrap());
            Observed { inner: Opt::load(&loader, config).unwrap(), rows: Mutex::default(), first }
        }
    }

    impl LanguageModel for Observed {
        fn start(&self, prompt: Prompt, new_tokens: usize) -> (State, Tensor<2>) {
            let (state, scores) = self.inner.start(prompt, new_tokens);
            let Some(first) = &self.first else { return (state, scores) };
            let first = burn::tensor::TensorData::new(first.clone(), scores.dims());
            (state, Tensor::from_data(first, &scores.device()))
        }

        fn step(&self, state: &mut State, tokens: Tensor<1, Int>) -> Tensor<2> {
            self.rows.lock().unwrap().push(tokens.dims()[0]);
            assert_eq!(state.rows(), tokens.dims()[0]);
            self.inner.step(state, tokens)
        }

        fn learn<'m>(&'m self, tape: &mut Tape<'m>, prompt: &Var, labels: &Labels) -> Var {
            self.inner.learn(tape, prompt, labels)
        }

        fn embed(&self, ids: &[u32]) -> Tensor<2> {
            self.inner.embed(ids)
        }

        fn vocabulary(&self) -> usize {
            self.inner.vocabulary()
        }

        fn positions(&self) -> Option<usize> {
            self.inner.positions()
        }
    }

    #[test]
    fn scores_that_are_no_numbers_are_no_caption() {
        let config = OptConfig {
            vocab_size: 8,
            hidden_size: 16,
            num_hidden_layers: 1,
            ffn_dim: 32,
            max_position_embeddings: 40,
            num_attention_heads: 2,
            ..OptConfig::default()
        };
        let settings = Settings::greedy(3, Vec::new());
        let ways = [
            settings.clone(),
            Settings { repetition_penalty: 1.5, ..settings.clone() },
            Settings { do_sample: true, ..settings.clone() },
            Settings { num_beams: 3, ..settings },
        ];
        for (scores, is_right) in [(0.5, true), (f32::NAN, false), (f32::INFINITY, false)] {
            // Of two images, only the second one's are what they should not be.
            let model = Observed::of(&config, Some([[0.5; 8], [scores; 8]].concat()));
            let generator = Generator::new(Arc::new(model) as Arc<dyn LanguageModel>);
            for settings in &ways {
                let request = Request {
                    prompt: Prompt::new(generator.model().embed(&[2, 3, 2, 5]).reshape([2, 2, 16]), vec![0; 2]),
                    said: vec![vec![3], vec![5]],
                    seeds: vec![1, 2],
                };
                match generator.generate(request, settings, &|| false) {
                    Ok(found) => assert!(is_right && found.len() == 2, "{settings:?}"),
                    Err(error) => {
                        assert!(!is_right && matches!(error, Error::Scores), "{settings:?}: {error}")
                    }
                }
            }
        }
    }

    #[test]
    fn finished_rows_take_no_part_in_later_steps() {
        let config = OptConfig {
            vocab_size: 60,
            hidden_size: 16,
            num_hidden_layers: 2,
            ffn_dim: 32,
            max_position_embeddings: 40,
            num_attention_heads: 2,
            ..OptConfig::default()
        };
        let model = Arc::new(Observed::of(&config, None));
        let generator = Generator::new(Arc::clone(&model) as Arc<dyn LanguageModel>);
        let continued = |end: Vec<u32>, do_sample: bool| {
            let prompts: Vec<u32> = (0..4).flat_map(|row| [2, row + 5, 3 * row + 7]).collect();
            let request = Request {
                prompt: Prompt::new(model.embed(&prompts).reshape([4, 3, 16]), vec![0; 4]),
                said: vec![Vec::new(); 4],
                seeds: (0..4).collect(),
            };
            let settings = Settings { do_sample, temperature: 3.0, ..Settings::greedy(12, end) };
            model.rows.lock().unwrap().clear();
            generator.generate(request, &settings, &|| false).unwrap()
        };
        // Drawn tokens differ from row to row: one of the first row's ends it early, and others where they say it too.
        let all = continued(Vec::new(), true);
        assert_eq!(*model.rows.lock().unwrap(), [4; 11]);
        let end = all[0].ids[2];
        let some = continued(vec![end], true);
        let lengths: Vec<usize> = some.iter().map(|row| row.ids.len()).collect();
        for (row, whole) in some.iter().zip(&all) {
            assert_eq!(row.ids, whole.ids[..row.ids.len()], "a row depends on its neighbours");
        }
        let steps = lengths.iter().max().unwrap() - 1;
        let expected: Vec<usize> =
            (1..=steps).map(|step| lengths.iter().filter(|&&length| length > step).count()).collect();
        assert_eq!(*model.rows.lock().unwrap(), expected);
        assert!(expected.last() < Some(&4), "{lengths:?}");
    }
}
