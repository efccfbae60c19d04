//! One trial, in a worker: fit, choose the epoch on validation, rank, and save what was ranked. It is given the training and validation parts and the users to
//! rank for; where the test part is, it is not told.

use super::data::{Rows, read_names, read_npy, write_npy};
use super::evaluation::Evaluation;
use super::features::{FeatureMatrix, FeatureSource, load};
use super::metrics::{Lists, Truth, Value, score};
use crate::error::{Error, Result};
use crate::loader::Recommender;
use crate::run::replace_file;
use crate::worker::ComponentSpec;
use indexmap::IndexMap;
use plugin_api::abi::messages::RecommenderMessage;
use plugin_api::{Features, Interactions};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What a worker needs for a trial.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrialWork {
    pub recommender: ComponentSpec<RecommenderMessage>,
    /// Where `train` and `validation` lie, and `items.txt`.
    pub data: PathBuf,
    /// The users to rank for, ascending.
    pub users: PathBuf,
    pub features: Vec<FeatureSource>,
    pub evaluation: Evaluation,
    /// Where lists and record go; the record comes last and tells that the trial is whole.
    pub lists: PathBuf,
    pub record: PathBuf,
}

/// What a trial came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// The epoch that was best on validation; 0 for models without epochs.
    pub epoch: usize,
    /// None where no user counts.
    pub validation: IndexMap<String, Option<f64>>,
    /// Epoch, mean loss and the selecting value on validation, each time that it was looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<(usize, Option<f64>, f64)>,
    /// Items without features of their own, by modality.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub without_features: IndexMap<String, usize>,
    pub fit_seconds: f64,
    pub rank_seconds: f64,
}

impl TrialWork {
    /// What the trial came to. An absent or damaged record, or one without its lists, is none: the trial is run again.
    pub fn done(&self) -> Option<TrialRecord> {
        let record = serde_json::from_slice(&std::fs::read(&self.record).ok()?).ok();
        record.filter(|_| self.lists.is_file())
    }
}

/// Users ranked between two signs of life.
const BATCH: usize = 4096;

/// Runs a trial and writes its two files. `alive` is told how many users are ranked, of how many.
pub fn run_trial(work: &TrialWork, alive: &dyn Fn(usize, usize)) -> Result<()> {
    let items = read_names(&work.data.join("items.txt"))?;
    let (train, validation) = (Rows::read(&work.data, "train")?, Rows::read(&work.data, "validation")?);
    let interactions = train.interactions(items.len())?;
    let matrices: Vec<FeatureMatrix> =
        work.features.iter().map(|source| load(source, &items)).collect::<Result<_>>()?;
    let features: Vec<Features<'_>> = matrices
        .iter()
        .map(|matrix| Features {
            name: &matrix.name,
            width: matrix.width,
            values: &matrix.values,
            present: &matrix.present,
        })
        .collect();
    let (_, users) = read_npy::<u32>(&work.users)?;
    let judged: Vec<u32> = users.iter().copied().filter(|user| !validation.row(*user as usize).is_empty()).collect();
    let evaluation = &work.evaluation;
    let (values, selection) = (evaluation.values()?, evaluation.selection()?);
    let truth = Truth {
        part: &validation,
        threshold: evaluation.threshold,
        train: &train,
        items: items.len(),
        cold: evaluation.cold.unwrap_or(0),
    };
    let spec = &work.recommender;
    let mut model = spec.library.open()?.recommender(spec.component.as_deref(), &spec.entry, &spec.message)?;
    let described = model.describe()?;

    let mut record = TrialRecord {
        without_features: matrices.iter().map(|matrix| (matrix.name.clone(), matrix.missing())).collect(),
        ..TrialRecord::default()
    };
    let began = Instant::now();
    let mut best: Option<f64> = None;
    let mut since = 0;
    loop {
        let step = model.fit(interactions, &features, evaluation.every.max(1))?;
        if described.epochs == 0 {
            if step.finished {
                break;
            }
            continue;
        }
        let lists = rank(&model, interactions, &judged, selection.cutoff.min(items.len()), alive)?;
        let found = score(&lists, &judged, &truth, &[selection], None).values[0].value;
        let found = found.ok_or_else(|| evaluation.cannot_choose("an epoch"))?;
        record.curve.push((step.epoch, step.loss, found));
        if best.is_none_or(|best| found > best) {
            (best, record.epoch, since) = (Some(found), step.epoch, 0);
            model.keep()?;
        } else {
            since += 1;
        }
        if step.finished || (evaluation.patience > 0 && since >= evaluation.patience) {
            break;
        }
    }
    if described.epochs > 0 {
        model.restore()?;
    }
    record.fit_seconds = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let lists = rank(&model, interactions, &users, evaluation.length(items.len())?, alive)?;
    record.rank_seconds = began.elapsed().as_secs_f64();
    let all: Vec<Value> = values.iter().copied().chain([selection]).collect();
    let scores = score(&lists, &users, &truth, &all, None);
    record.validation = all.iter().zip(&scores.values).map(|(value, score)| (value.to_string(), score.value)).collect();
    write_npy(&work.lists, &[users.len(), lists.length], &lists.items)?;
    let text = serde_json::to_string_pretty(&record)
        .map_err(|error| Error::failed(format!("cannot write a trial's record: {error}")))?;
    replace_file(&work.record, format!("{text}\n").as_bytes())
}

/// The lists of some users, `length` items each.
fn rank(
    model: &Recommender,
    train: Interactions<'_>,
    users: &[u32],
    length: usize,
    alive: &dyn Fn(usize, usize),
) -> Result<Lists> {
    let mut items = Vec::with_capacity(users.len() * length);
    for (number, batch) in users.chunks(BATCH).enumerate() {
        let top = model.top(train, batch, length)?;
        let mut begin = 0;
        for (user, own) in batch.iter().zip(&top.lengths) {
            let list = &top.items[begin..begin + *own as usize];
            let seen = train.row(*user as usize);
            let sound = |item: &u32| (*item as usize) < train.items() && seen.binary_search(item).is_err();
            if list.len() > length || !list.iter().all(sound) {
                return Err(Error::failed(
                    "the recommender ranked an item that does not exist, or one that the user has already",
                ));
            }
            items.extend_from_slice(list);
            items.extend(std::iter::repeat_n(u32::MAX, length - list.len()));
            begin += list.len();
        }
        alive((number + 1) * BATCH, users.len());
    }
    Ok(Lists { length, items })
}

/// Reads a trial's lists.
pub fn read_lists(path: &Path) -> Result<Lists> {
    let (shape, items) = read_npy(path)?;
    match shape[..] {
        [_, length] => Ok(Lists { length, items }),
        _ => Err(Error::failed(format!("{} holds no lists", path.display()))),
    }
}
