//! The page of items: filters, and a page of cards with captions side by side.

use super::super::cards::{Extent, ItemCard, card};
use super::super::images::Size;
use super::super::index::{Changed, Dataset, Mark, Snapshot};
use super::super::links::Links;
use super::super::view::{Direction, Only, PAGE, View};
use super::{Crumb, Shell};
use askama::Template;
use std::collections::HashSet;

/// Images that a reader sees at once are not loaded lazily.
const FIRST_NEAR: usize = 4;

/// What a page of items is made from.
pub struct ListInput<'a> {
    pub run: &'a str,
    pub snapshot: &'a Snapshot,
    pub dataset: &'a Dataset,
    pub view: &'a View,
    pub links: &'a Links,
    /// The view's rows in order.
    pub order: &'a [u32],
    pub noted: &'a HashSet<usize>,
}

#[derive(Template)]
#[template(path = "web/items.html")]
pub struct ItemsPage {
    pub shell: Shell,
    pub run: String,
    pub dataset: String,
    pub tabs: Vec<Tab>,
    pub exported: bool,
    /// Where the form of filters goes, and where it is cleared.
    pub action: String,
    pub filtered: bool,
    /// Something in the folded part of the form is set.
    pub narrowed: bool,
    pub models: Vec<ModelChoice>,
    pub focus: Vec<Choice>,
    pub minus: Vec<Choice>,
    pub sort: Vec<Choice>,
    pub direction: Vec<Choice>,
    pub categories: Vec<Choice>,
    pub only: Vec<Choice>,
    pub marks: Vec<Choice>,
    pub range_metric: Vec<Choice>,
    pub min: String,
    pub max: String,
    pub attribute: String,
    pub attributes: Vec<String>,
    pub search: String,
    pub found: usize,
    pub all: usize,
    pub first: usize,
    pub last: usize,
    pub page: usize,
    pub pages: usize,
    pub previous: Option<String>,
    pub next: Option<String>,
    pub vote: Option<String>,
    /// Of the whole run: done and all.
    pub progress: Option<(usize, usize)>,
    pub indexing: bool,
    pub cards: Vec<ListedItem>,
}

pub struct Tab {
    pub label: String,
    pub href: String,
    pub here: bool,
}

pub struct ModelChoice {
    pub name: String,
    pub chosen: bool,
}

/// An option of a select.
pub struct Choice {
    pub value: String,
    pub label: String,
    pub chosen: bool,
}

impl Choice {
    pub fn new(value: &str, label: &str, chosen: bool) -> Choice {
        Choice { value: value.to_owned(), label: label.to_owned(), chosen }
    }
}

pub struct ListedItem {
    pub card: Option<ItemCard>,
    pub href: Option<String>,
    pub image: String,
    pub lazy: bool,
    pub noted: bool,
}

impl ItemsPage {
    /// The page, and whether a file has changed under it.
    pub fn new(mut shell: Shell, input: &ListInput<'_>) -> (ItemsPage, bool) {
        let ListInput { dataset, view, links, order, .. } = input;
        let exported = links.is_export();
        let pages = if exported { 1 } else { order.len().div_ceil(PAGE).max(1) };
        let page = view.page.min(pages);
        let rows = if exported { &order[..] } else { order.chunks(PAGE).nth(page - 1).unwrap_or_default() };
        let mut stale = false;
        let cards: Vec<ListedItem> = rows
            .iter()
            .enumerate()
            .map(|(place, row)| {
                let listed = listed(input, *row as usize, place);
                stale |= listed.is_err();
                listed.unwrap_or(ListedItem { card: None, href: None, image: String::new(), lazy: true, noted: false })
            })
            .collect();
        shell.crumbs =
            vec![Crumb::to("Runs", links.home()), Crumb::to(input.run, links.run()), Crumb::here(&dataset.name)];
        if exported {
            shell.crumbs.remove(0);
        }
        shell.follow(links, input.snapshot);
        shell.notices.extend(view.unknown.iter().cloned());
        if dataset.items.is_empty() && !input.snapshot.indexing {
            shell.notices.push(format!("items/{}.jsonl of the run is not there or holds no items", dataset.name));
        }
        if dataset.items.damaged > 0 {
            shell.notices.push(format!("{} lines of items/{}.jsonl are damaged", dataset.items.damaged, dataset.name));
        }
        for cell in dataset.cells.iter().filter(|cell| cell.captions.damaged > 0) {
            shell.notices.push(format!("{} lines of {}'s predictions are damaged", cell.captions.damaged, cell.model));
        }
        let to_page = |page: usize| links.items(&dataset.name, &view.at_page(page).query(dataset));
        let model_choice = |chosen: Option<usize>| -> Vec<Choice> {
            let choices = dataset.cells.iter().enumerate();
            choices.map(|(place, cell)| Choice::new(&cell.model, &cell.model, chosen == Some(place))).collect()
        };
        let metric_choice = |chosen: Option<&str>| -> Vec<Choice> {
            let choices = dataset.metrics.iter();
            choices.map(|metric| Choice::new(&metric.name, &metric.heading, chosen == Some(&metric.name))).collect()
        };
        let (low, high) = view.range.as_ref().map_or((None, None), |(_, low, high)| (*low, *high));
        let end = |end: Option<f64>| end.map_or_else(String::new, |end| end.to_string());
        let listed_page = ItemsPage {
            run: input.run.to_owned(),
            dataset: dataset.name.clone(),
            tabs: tabs(input),
            exported,
            action: links.items(&dataset.name, ""),
            filtered: view.is_filtered() || view.sort.is_some(),
            narrowed: view.is_narrowed(dataset),
            models: model_choices(dataset, view),
            focus: model_choice(Some(view.focus)),
            minus: model_choice(view.minus),
            sort: metric_choice(view.sort.as_deref()),
            direction: directions(view),
            categories: categories(dataset, view),
            only: Only::ALL.map(|only| Choice::new(only.key(), only.label(), view.only == Some(only))).into(),
            marks: Mark::ALL.map(|mark| Choice::new(mark.name(), mark.name(), view.mark == Some(mark))).into(),
            range_metric: metric_choice(view.range.as_ref().map(|range| range.0.as_str())),
            min: end(low),
            max: end(high),
            attribute: view.attribute.clone().unwrap_or_default(),
            attributes: if exported { Vec::new() } else { dataset.attributes.clone() },
            search: view.search.clone(),
            found: order.len(),
            all: dataset.items.len(),
            first: if rows.is_empty() { 0 } else { (page - 1) * PAGE + 1 },
            last: (page - 1) * PAGE + rows.len(),
            page,
            pages,
            previous: (page > 1).then(|| to_page(page - 1)),
            next: (page < pages).then(|| to_page(page + 1)),
            vote: (dataset.cells.len() > 1 && !exported).then(|| links.action(&dataset.name, "vote", "")),
            progress: (input.snapshot.in_progress() && !exported).then(|| input.snapshot.progress()),
            indexing: input.snapshot.indexing,
            cards,
            shell,
        };
        (listed_page, stale)
    }
}

fn listed(input: &ListInput<'_>, row: usize, place: usize) -> Result<ListedItem, Changed> {
    let card = card(input.dataset, input.view, row, Extent::Short)?;
    Ok(ListedItem {
        href: input.links.item(input.dataset, row, &card.item.id, input.view),
        image: input.links.image(&input.dataset.name, row, &card.item.id, Size::Thumbnail),
        lazy: place >= FIRST_NEAR,
        noted: input.noted.contains(&row),
        card: Some(card),
    })
}

fn tabs(input: &ListInput<'_>) -> Vec<Tab> {
    let tab = |dataset: &std::sync::Arc<Dataset>| Tab {
        label: dataset.name.clone(),
        href: input.links.items(&dataset.name, ""),
        here: dataset.name == input.dataset.name,
    };
    input.snapshot.datasets.iter().map(tab).collect()
}

fn model_choices(dataset: &Dataset, view: &View) -> Vec<ModelChoice> {
    let choice = |(place, cell): (usize, &std::sync::Arc<super::super::index::Cell>)| ModelChoice {
        name: cell.model.clone(),
        chosen: view.models.contains(&place),
    };
    dataset.cells.iter().enumerate().map(choice).collect()
}

fn directions(view: &View) -> Vec<Choice> {
    let label = |direction: Direction| match direction {
        Direction::Highest => "highest first",
        Direction::Lowest => "lowest first",
        Direction::Largest => "largest either way",
    };
    Direction::ALL.map(|own| Choice::new(own.key(), label(own), view.direction == own)).into()
}

fn categories(dataset: &Dataset, view: &View) -> Vec<Choice> {
    let names = &dataset.items.categories;
    let mut counts = vec![0usize; names.len()];
    for category in &dataset.items.category {
        if let Some(count) = counts.get_mut(*category as usize) {
            *count += 1;
        }
    }
    let mut choices: Vec<Choice> = counts
        .iter()
        .enumerate()
        .filter_map(|(place, count)| {
            let name = names.get(place as u32)?;
            Some(Choice::new(name, &format!("{name} ({count})"), view.category.as_deref() == Some(name)))
        })
        .collect();
    choices.sort_by(|a, b| a.value.cmp(&b.value));
    choices
}
