//! An item and its captions as pages show them: read from the run's files by row, cut to a size that a page can hold.

use super::differences::{Kind, Piece, differences};
use super::index::{Cell, Changed, Dataset, Mark, State, marked};
use super::view::View;
use crate::run::Outcome;
use plugin_api::{Item, MetricValue};
use serde_json::{Map, Value};

/// How much of an item a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Among others: words of the caption alone, a few metrics.
    Short,
    /// By itself: all.
    Whole,
}

impl Extent {
    /// Characters of one text.
    fn characters(self) -> usize {
        match self {
            Extent::Short => 600,
            Extent::Whole => 20_000,
        }
    }
}

/// Metrics of a short card.
const FEW: usize = 4;

/// A caption of one model, or why there is none.
pub struct CaptionCard {
    pub model: String,
    /// The order and the filters look at this model.
    pub focus: bool,
    pub pieces: Vec<Piece>,
    /// Instead of a caption.
    pub absent: Option<String>,
    /// The absence is an error, not a caption to come.
    pub failed: bool,
    pub cut_off: bool,
    pub chips: Vec<Chip>,
    /// Attributes that a short card leaves out.
    pub more_chips: usize,
    pub predicted: Option<Predicted>,
    pub values: Vec<ValueCell>,
    /// The metrics' details by family, as JSON, for the curious.
    pub details: Vec<(String, String)>,
}

/// An attribute and how it stands in caption and references.
pub struct Chip {
    pub mark: Mark,
    pub name: String,
}

impl Chip {
    /// Not by colour alone.
    pub fn sign(&self) -> &'static str {
        match self.mark {
            Mark::Found => "✓",
            Mark::Missed => "−",
            Mark::Extra => "+",
        }
    }
}

/// The caption's category.
pub struct Predicted {
    pub name: String,
    /// None where the item has no category.
    pub right: Option<bool>,
}

/// A metric's value on an item.
pub struct ValueCell {
    pub heading: String,
    /// One decimal, scaled; `–` where there is none.
    pub text: String,
    pub best: bool,
}

/// An item as a page shows it.
pub struct ItemCard {
    pub item: Item,
    pub captions: Vec<CaptionCard>,
}

/// Reads an item and the captions of the view's models.
///
/// # Errors
/// A file is not what it was when it was indexed.
pub fn card(dataset: &Dataset, view: &View, row: usize, extent: Extent) -> Result<ItemCard, Changed> {
    let mut item = dataset.items.read(row).ok_or(Changed)?;
    let metrics = shown_metrics(dataset, view, extent);
    let captions: Result<Vec<CaptionCard>, Changed> =
        view.models.iter().map(|model| caption(dataset, view, *model, row, &item, &metrics, extent)).collect();
    let captions = captions?;
    for reference in &mut item.references {
        shorten(reference, extent.characters());
    }
    Ok(ItemCard { item, captions })
}

/// All metrics of a dataset, or the sorted one and the first of each family, a few.
pub fn shown_metrics<'a>(dataset: &'a Dataset, view: &View, extent: Extent) -> Vec<&'a MetricValue> {
    if extent == Extent::Whole {
        return dataset.metrics.iter().collect();
    }
    let sorted = view.sort.iter().chain(view.range.as_ref().map(|range| &range.0));
    let mut shown: Vec<&MetricValue> = Vec::new();
    let sorted = sorted.filter_map(|name| dataset.metric(name));
    let stem = |metric: &MetricValue| metric.name.split('-').next().unwrap_or_default().to_owned();
    shown.extend(sorted);
    shown.dedup_by(|a, b| a.name == b.name);
    for metric in &dataset.metrics {
        if shown.len() < FEW && shown.iter().all(|other| stem(other) != stem(metric)) {
            shown.push(metric);
        }
    }
    shown
}

fn caption(
    dataset: &Dataset,
    view: &View,
    place: usize,
    row: usize,
    item: &Item,
    metrics: &[&MetricValue],
    extent: Extent,
) -> Result<CaptionCard, Changed> {
    let cell = &dataset.cells[place];
    let outcome = cell.captions.read(row, &item.id)?;
    let details = match &cell.scores {
        Some(scores) => scores.read_details(row, &item.id)?,
        None => Map::new(),
    };
    let mut card = CaptionCard {
        model: cell.model.clone(),
        focus: place == view.focus && view.models.len() > 1,
        pieces: Vec::new(),
        absent: None,
        failed: false,
        cut_off: cell.captions.state(row) == State::CutOff,
        more_chips: 0,
        chips: Vec::new(),
        predicted: predicted(&details, item),
        values: metrics.iter().map(|metric| value(dataset, view, cell, metric, row)).collect(),
        details: Vec::new(),
    };
    (card.chips, card.more_chips) = chips(&details, extent);
    match outcome {
        Some(Outcome::Caption { caption, .. }) => {
            let mut caption = caption;
            shorten(&mut caption, extent.characters());
            card.pieces = differences(&caption, &item.references);
            if extent == Extent::Short {
                card.pieces.retain(|piece| piece.kind != Kind::Dropped);
            }
            if caption.trim().is_empty() {
                card.absent = Some("The caption is empty.".to_owned());
            }
        }
        Some(Outcome::Failed { mut error }) => {
            shorten(&mut error, 600);
            (card.absent, card.failed) = (Some(error), true);
        }
        None => {
            let mut reason = cell.failure.clone().unwrap_or_else(|| "No caption yet.".to_owned());
            shorten(&mut reason, 600);
            (card.absent, card.failed) = (Some(reason), cell.failure.is_some());
        }
    }
    if extent == Extent::Whole {
        card.details = details
            .into_iter()
            .map(|(family, detail)| {
                let mut text = serde_json::to_string_pretty(&detail).unwrap_or_default();
                shorten(&mut text, extent.characters());
                (family, text)
            })
            .collect();
    }
    Ok(card)
}

/// The attributes by mark, and how many more there are.
fn chips(details: &Map<String, Value>, extent: Extent) -> (Vec<Chip>, usize) {
    let most = if extent == Extent::Short { 6 } else { 60 };
    let (mut chips, mut more) = (Vec::new(), 0);
    for mark in Mark::ALL {
        let names: Vec<&str> = details.values().flat_map(|detail| marked(detail, mark)).collect();
        more += names.len().saturating_sub(most);
        chips.extend(names.into_iter().take(most).map(|name| Chip { mark, name: name.to_owned() }));
    }
    (chips, more)
}

fn predicted(details: &Map<String, Value>, item: &Item) -> Option<Predicted> {
    let name = details.values().find_map(|detail| detail.get("predicted")?.as_str())?;
    Some(Predicted { name: name.to_owned(), right: item.category.as_ref().map(|category| category == name) })
}

fn value(dataset: &Dataset, view: &View, cell: &Cell, metric: &MetricValue, row: usize) -> ValueCell {
    let own = cell.value(&metric.name, row);
    let others = view.models.iter().filter_map(|model| dataset.cells[*model].value(&metric.name, row));
    let sign = if metric.higher_is_better { 1.0 } else { -1.0 };
    let best = own.is_some_and(|own| others.clone().all(|other| own * sign >= other * sign));
    let differ = others.clone().any(|other| Some(other) != own);
    ValueCell {
        heading: metric.heading.clone(),
        text: own.map_or_else(|| "–".to_owned(), |value| printed(f64::from(value), metric.scale)),
        best: best && differ,
    }
}

/// A value as tables print it.
pub fn printed(value: f64, scale: f64) -> String {
    let text = format!("{:.1}", value * scale);
    if text == "-0.0" { "0.0".to_owned() } else { text }
}

/// Cuts a text to so many characters.
fn shorten(text: &mut String, characters: usize) {
    if let Some((end, _)) = text.char_indices().nth(characters) {
        text.truncate(end);
        text.push('…');
    }
}
