//! The page of one item: large image, references, every chosen model's caption with differences, all metrics, a note.

use super::super::cards::{CaptionCard, Extent, ItemCard, card, printed};
use super::super::images::Size;
use super::super::index::Changed;
use super::{Crumb, ListInput, Shell};
use askama::Template;
use plugin_api::MetricValue;

#[derive(Template)]
#[template(path = "web/item.html")]
pub struct ItemPage {
    pub shell: Shell,
    pub card: ItemCard,
    pub image: String,
    /// Back to the view.
    pub list: String,
    /// Where the item stands in the view: from 1, and of how many. None if the view does not hold it.
    pub position: Option<(usize, usize)>,
    pub previous: Option<String>,
    pub next: Option<String>,
    pub rows: Vec<MetricRow>,
    /// The two models whose difference the table has.
    pub compared: Option<(String, String)>,
    pub note: String,
    pub note_action: String,
    /// The query by which the form finds back here.
    pub query: String,
}

/// A metric with its value for every model.
pub struct MetricRow {
    pub heading: String,
    pub values: Vec<(String, bool)>,
    pub difference: Option<String>,
}

impl ItemPage {
    /// # Errors
    /// A file of the run is not what it was when it was indexed.
    pub fn new(mut shell: Shell, input: &ListInput<'_>, row: usize, note: String) -> Result<ItemPage, Changed> {
        let ListInput { dataset, view, links, order, .. } = input;
        let card = card(dataset, view, row, Extent::Whole)?;
        let id = card.item.id.clone();
        let place = order.iter().position(|other| *other as usize == row);
        let neighbour = |place: Option<usize>| {
            let row = *order.get(place?)? as usize;
            links.item(dataset, row, &dataset.items.read(row)?.id, view)
        };
        let page = place.map_or(1, |place| place / super::super::view::PAGE + 1);
        let list = links.items(&dataset.name, &view.at_page(page).query(dataset));
        shell.crumbs = vec![
            Crumb::to("Runs", links.home()),
            Crumb::to(input.run, links.run()),
            Crumb::to(&dataset.name, list.clone()),
            Crumb::here(&id),
        ];
        if links.is_export() {
            shell.crumbs.remove(0);
        }
        shell.follow(links, input.snapshot);
        shell.notices.extend(view.unknown.iter().cloned());
        let second = view.minus.filter(|minus| view.models.contains(minus));
        let second = second.or_else(|| view.models.iter().copied().find(|model| *model != view.focus));
        let pair = second.map(|second| (view.focus, second));
        let rows = dataset.metrics.iter().enumerate().map(|(place, metric)| MetricRow {
            heading: metric.heading.clone(),
            values: card
                .captions
                .iter()
                .map(|caption: &CaptionCard| (caption.values[place].text.clone(), caption.values[place].best))
                .collect(),
            difference: pair.map(|pair| difference(input, pair, metric, row)),
        });
        let name = |place: usize| dataset.cells[place].model.clone();
        Ok(ItemPage {
            image: links.image(&dataset.name, row, &id, Size::Large),
            list,
            position: place.map(|place| (place + 1, order.len())),
            previous: neighbour(place.and_then(|place| place.checked_sub(1))),
            next: neighbour(place.map(|place| place + 1)),
            rows: rows.collect(),
            compared: pair.map(|(one, other)| (name(one), name(other))),
            note,
            note_action: links.action(&dataset.name, "note", ""),
            query: view.query(dataset),
            card,
            shell,
        })
    }
}

fn difference(input: &ListInput<'_>, pair: (usize, usize), metric: &MetricValue, row: usize) -> String {
    let value = |place: usize| input.dataset.cells[place].value(&metric.name, row).map(f64::from);
    match (value(pair.0), value(pair.1)) {
        (Some(one), Some(other)) => {
            let text = printed(one - other, metric.scale);
            match text.strip_prefix('-') {
                Some(rest) => format!("−{rest}"),
                None if text == "0.0" => text,
                None => format!("+{text}"),
            }
        }
        _ => "–".to_owned(),
    }
}
