//! What is missing, as tasks: of a run one model's part of a shard each, of a sweep a trial each; those that need the same memory one after
//! another.

use super::record::Task;
use crate::error::Result;
use crate::run::{Plan, RunDir, Shard, read_items, read_predictions};
use std::collections::HashSet;

/// Tasks with numbers from `first` on that need the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub first: usize,
    pub count: usize,
    /// Main memory in GiB.
    pub memory: u64,
}

/// The tasks that a division into so many shards leaves to do, the models with the largest weights first. A dataset whose items are not
/// listed yet is all missing.
pub fn missing_parts(run: &RunDir, plan: &Plan, weights: impl Fn(&str) -> u64, shards: usize) -> Result<Vec<Task>> {
    let mut order: Vec<usize> = (0..plan.models.len()).collect();
    order.sort_by_key(|model| std::cmp::Reverse(weights(&plan.models[*model].name)));
    let mut items: Vec<Option<Vec<String>>> = Vec::new();
    for dataset in &plan.datasets {
        let file = run.items_file(&dataset.name);
        let ids = |items: Vec<plugin_api::Item>| items.into_iter().map(|item| item.id).collect();
        items.push(if file.is_file() { Some(ids(read_items(&file)?)) } else { None });
    }
    let mut tasks = Vec::new();
    for model in order {
        let model = &plan.models[model].name;
        let mut open = vec![false; shards];
        let cells = plan.datasets.iter().zip(&items).filter(|(dataset, _)| plan.has_cell(&dataset.name, model));
        for (dataset, items) in cells {
            let Some(items) = items else {
                open.fill(true);
                continue;
            };
            let done = done_ids(run, &dataset.name, model)?;
            for (place, _) in items.iter().enumerate().filter(|(_, id)| !done.contains(*id)) {
                open[place % shards] = true;
            }
        }
        let shards = Shard::all_of(shards).zip(open).filter(|(_, open)| *open);
        tasks.extend(shards.map(|(shard, _)| Task::Part { model: model.clone(), shard }));
    }
    Ok(tasks)
}

fn done_ids(run: &RunDir, dataset: &str, model: &str) -> Result<HashSet<String>> {
    let mut done = HashSet::new();
    for file in run.prediction_files(dataset, model)? {
        done.extend(read_predictions(&file)?.0.into_iter().map(|prediction| prediction.id));
    }
    Ok(done)
}

/// Neighbouring tasks that need the same memory.
pub fn groups(tasks: &[Task], memory: impl Fn(&str) -> u64) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (number, task) in tasks.iter().enumerate() {
        let memory = memory(task.model());
        match groups.last_mut() {
            Some(group) if group.memory == memory => group.count += 1,
            _ => groups.push(Group { first: number, count: 1, memory }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_of_one_size_share_an_array() {
        let task = |model: &str| Task::Part { model: model.to_owned(), shard: Shard::WHOLE };
        let tasks = [task("large"), task("large"), task("small"), task("tiny")];
        let memory = |model: &str| if model == "large" { 30 } else { 3 };
        let expected = [Group { first: 0, count: 2, memory: 30 }, Group { first: 2, count: 2, memory: 3 }];
        assert_eq!(groups(&tasks, memory), expected);
    }
}
