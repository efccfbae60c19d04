//! Listing each dataset's items of the split, in a worker, once a run.

use super::supervise::one_answer;
use super::{FailedCell, Items, Request, Resolved};
use crate::catalogue::{SPLITS, SplitRequest};
use crate::error::{Error, Exit, Result};
use crate::prepare::Prepared;
use crate::progress::Reporter;
use crate::run::{CellFailure, PlannedModel, RunDir, read_items, write_items};
use crate::worker::{Command, Event};
use plugin_api::Item;

/// The items of every dataset that can be listed. One that cannot costs its own cells.
pub fn list_items(
    run: &RunDir,
    resolved: &Resolved,
    request: &Request,
    reporter: &Reporter,
    failed: &mut Vec<FailedCell>,
) -> Result<Items> {
    let mut items = Items::new();
    for dataset in &resolved.datasets {
        let file = run.items_file(&dataset.name);
        if let Some(prepared) = dataset.prepared.as_ref().filter(|_| !file.is_file()) {
            match prepared_items(prepared, &request.split, request.limit) {
                Ok(chosen) => {
                    reporter.note(&format!(
                        "{}: {} items in split {}, as prepared in {}",
                        dataset.name,
                        chosen.len(),
                        request.split,
                        prepared.folder.display()
                    ));
                    write_items(&file, &chosen)?;
                }
                Err(error) => {
                    reporter.warn(&format!("{}: {error}", dataset.name));
                    fail_all(run, resolved, request, &dataset.name, &error, failed)?;
                    continue;
                }
            }
        } else if !file.is_file() {
            let command = Command::List {
                dataset: dataset.spec.clone(),
                request: SplitRequest {
                    split: request.split.clone(),
                    limit: request.limit,
                    files: dataset.splits.clone(),
                    undescribed: request.undescribed,
                },
                items_file: file.clone(),
                dropped_file: run.dropped_file(&dataset.name),
            };
            match one_answer(&command, request.limits, request.threads, reporter)? {
                Ok(Event::Listed { items, dropped }) => {
                    let dropped = match dropped {
                        0 => String::new(),
                        count => format!(
                            "; {count} records could not be used, see {}",
                            run.dropped_file(&dataset.name).display()
                        ),
                    };
                    reporter.note(&format!("{}: {items} items in split {}{dropped}", dataset.name, request.split));
                }
                Ok(Event::NotSaved(failure)) => return Err(failure.into()),
                Ok(_) => {}
                Err(error) => {
                    reporter.warn(&format!("{}: {error}", dataset.name));
                    fail_all(run, resolved, request, &dataset.name, &error, failed)?;
                    continue;
                }
            }
        }
        items.insert(dataset.name.clone(), read_items(&file)?);
    }
    Ok(items)
}

/// The items of the split that a prepared dataset holds.
pub fn prepared_items(prepared: &Prepared, split: &str, limit: Option<usize>) -> Result<Vec<Item>> {
    let of_split = |item: &Item| split == "all" || item.split.as_deref() == Some(split);
    let mut items = Vec::new();
    for item in prepared.items()? {
        let item = item?;
        if limit.is_some_and(|limit| items.len() >= limit) {
            break;
        }
        if of_split(&item) {
            items.push(item);
        }
    }
    if items.is_empty() {
        return Err(Error::failed(format!("the split `{split}` of {} has no items", prepared.folder.display()))
            .help(format!("splits are {}", SPLITS.join(", "))));
    }
    Ok(items)
}

/// Every cell of a dataset that cannot be listed.
fn fail_all(
    run: &RunDir,
    resolved: &Resolved,
    request: &Request,
    dataset: &str,
    error: &Error,
    failed: &mut Vec<FailedCell>,
) -> Result<()> {
    for PlannedModel { name: model, .. } in resolved.plan.models_on(dataset) {
        let reason = error.to_string();
        run.set_failure(dataset, model, request.shard, &CellFailure { reason: reason.clone() })?;
        failed.push(FailedCell {
            dataset: dataset.to_owned(),
            model: model.clone(),
            metric: None,
            reason,
            configuration: error.exit == Exit::Usage,
        });
    }
    Ok(())
}
