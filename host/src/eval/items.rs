//! Listing each dataset's items of the split, in a worker, once a run.

use super::supervise::one_answer;
use super::{FailedCell, Items, Request, Resolved};
use crate::catalogue::SplitRequest;
use crate::error::Result;
use crate::progress::Reporter;
use crate::run::{CellFailure, RunDir, read_items};
use crate::worker::{Command, Event};

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
        if !file.is_file() {
            let command = Command::List {
                dataset: dataset.spec.clone(),
                request: SplitRequest {
                    split: request.split.clone(),
                    limit: request.limit,
                    files: dataset.splits.clone(),
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
                Err(reason) => {
                    reporter.warn(&format!("{}: {reason}", dataset.name));
                    for (model, _) in &resolved.models {
                        let failure = CellFailure { reason: reason.clone() };
                        run.set_failure(&dataset.name, model, request.shard, &failure)?;
                        failed.push(FailedCell {
                            dataset: dataset.name.clone(),
                            model: model.clone(),
                            metric: None,
                            reason: reason.clone(),
                        });
                    }
                    continue;
                }
            }
        }
        items.insert(dataset.name.clone(), read_items(&file)?);
    }
    Ok(items)
}
