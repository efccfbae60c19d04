//! `host report --export`: the app's pages as files, for the first items of every dataset. The copy needs no server.

use super::images::{Images, Size};
use super::index::{Changed, Dataset, Follower};
use super::links::{Links, file_name};
use super::pages::{HomePage, ItemPage, ItemsPage, ListInput, RunSummary, Shell, html};
use super::view::View;
use crate::error::{Error, Result};
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use crate::run::replace_file;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What was exported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Exported {
    pub datasets: usize,
    pub items: usize,
    /// Images that could not be made.
    pub missing: usize,
}

/// Writes the pages of a run's first items, each dataset's, into a folder: `index.html` and what it leads to.
///
/// # Errors
/// It is no run directory, the folder lies in it where results are, or cannot be written.
pub fn export(
    run: &Path,
    folder: &Path,
    items: usize,
    registry: Result<(Registry, Lock)>,
    reporter: &Reporter,
) -> Result<Exported> {
    let follower = Follower::read_whole(run)?;
    refuse_results(run, folder)?;
    let snapshot = follower.snapshot();
    let images = Images::new(registry)?;
    let links = Links::Exported { items };
    let name = super::run_name(run);
    let write = |file: &str, bytes: &[u8]| replace_file(&folder.join(file), bytes);
    write("app.css", include_bytes!("assets/app.css"))?;
    write("app.js", include_bytes!("assets/app.js"))?;
    let shell = || Shell::new(&name, &links, None);
    let home = HomePage::new(shell(), vec![RunSummary::new(&name, &snapshot, &links)]);
    write("index.html", html(&home).as_bytes())?;
    let mut exported = Exported::default();
    let mut names = HashSet::new();
    for (dataset, planned) in snapshot.datasets.iter().zip(&snapshot.plan.datasets) {
        if !names.insert(file_name(&dataset.name)) {
            return Err(Error::failed(format!("two datasets would share the file {}.html", file_name(&dataset.name))));
        }
        exported.datasets += 1;
        let rows: Vec<u32> = (0..dataset.items.len().min(items) as u32).collect();
        let view = View::whole(dataset);
        let input = ListInput {
            run: &name,
            snapshot: &snapshot,
            dataset,
            view: &view,
            links: &links,
            order: &rows,
            noted: &HashSet::new(),
        };
        let changed = |_: Changed| Error::failed("the run's files have changed meanwhile").help("export it again");
        let (list, _) = ItemsPage::new(shell(), &input);
        write(&links.items(&dataset.name, ""), html(&list).as_bytes())?;
        let bar = reporter.bar(&format!("exporting {}", dataset.name), 0, rows.len());
        for row in rows.iter().map(|row| *row as usize) {
            let mut page = ItemPage::new(shell(), &input, row, String::new()).map_err(changed)?;
            page.shell.title = format!("{} · {}", page.card.item.id, dataset.name);
            let id = &page.card.item.id;
            // `row` is below the number of items, so that the copy has the page.
            let file = links.item(dataset, row, id, &view).unwrap_or_default();
            for size in [Size::Thumbnail, Size::Large] {
                let path = links.image(&dataset.name, row, id, size);
                exported.missing +=
                    usize::from(!write_image(&images, planned, dataset, row, size, &folder.join(path))?);
            }
            write(&file, html(&page).as_bytes())?;
            exported.items += 1;
            bar.advance(1);
        }
    }
    Ok(exported)
}

/// False, and a drawing in its place, if the image cannot be made.
fn write_image(
    images: &Images,
    planned: &crate::run::PlannedDataset,
    dataset: &Dataset,
    row: usize,
    size: Size,
    path: &Path,
) -> Result<bool> {
    match images.get(planned, dataset, row, size) {
        Ok(bytes) => replace_file(path, &bytes).map(|()| true),
        Err(_) => replace_file(path, include_bytes!("assets/no-image.jpg")).map(|()| false),
    }
}

/// A copy among the results could be taken for them, or overwrite them.
fn refuse_results(run: &Path, folder: &Path) -> Result<()> {
    let whole = |path: &Path| -> PathBuf {
        // The folder need not be there yet: its nearest parent that is decides.
        let there = path.ancestors().find(|parent| parent.exists());
        let base = there.and_then(|parent| parent.canonicalize().ok()).unwrap_or_else(|| path.to_owned());
        there.and_then(|parent| path.strip_prefix(parent).ok()).map_or(base.clone(), |rest| base.join(rest))
    };
    let (run, folder) = (whole(run), whole(folder));
    let taken = ["predictions", "scores", "items", "models"].iter().any(|name| folder.starts_with(run.join(name)));
    if folder == run || taken {
        return Err(Error::usage(format!("{} holds the run's results", folder.display()))
            .help("choose a folder of its own for the copy"));
    }
    Ok(())
}
