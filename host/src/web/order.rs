//! Which items a view shows, and in which order: filters and sorting over columns, search over text. No file is read.

use super::index::{Cell, Dataset, State};
use super::view::{Direction, Only, View};
use memchr::memmem::Finder;
use rayon::prelude::*;
use std::collections::HashSet;

/// The rows of a view, in order. `noted` has the ids' rows with a note.
pub fn order(dataset: &Dataset, view: &View, noted: &HashSet<usize>) -> Vec<u32> {
    let filter = Filter::new(dataset, view, noted);
    let rows: Vec<u32> = (0..dataset.items.len() as u32)
        .into_par_iter()
        .with_min_len(1024)
        .filter(|row| filter.keeps(*row as usize))
        .collect();
    sorted(dataset, view, rows)
}

struct Filter<'a> {
    dataset: &'a Dataset,
    view: &'a View,
    noted: &'a HashSet<usize>,
    focus: Option<&'a Cell>,
    /// None: no item has the category.
    category: Option<Option<u32>>,
    attribute: Option<Option<u32>>,
    words: Vec<Finder<'static>>,
}

impl<'a> Filter<'a> {
    fn new(dataset: &'a Dataset, view: &'a View, noted: &'a HashSet<usize>) -> Filter<'a> {
        let focus = dataset.cells.get(view.focus).map(|cell| &**cell);
        let scores = focus.and_then(|cell| cell.scores.as_ref());
        Filter {
            dataset,
            view,
            noted,
            focus,
            category: view.category.as_ref().map(|name| dataset.items.categories.find(name)),
            attribute: view.attribute.as_ref().map(|name| scores.and_then(|scores| scores.attributes.find(name))),
            words: words(&view.search).iter().map(|word| Finder::new(word).into_owned()).collect(),
        }
    }

    fn keeps(&self, row: usize) -> bool {
        let items = &self.dataset.items;
        let scores = self.focus.and_then(|cell| cell.scores.as_ref());
        if let Some(category) = self.category
            && category != Some(items.category[row])
        {
            return false;
        }
        if let Some(attribute) = self.attribute {
            let has = |attribute| scores.is_some_and(|scores| scores.has(row, attribute, self.view.mark));
            if !attribute.is_some_and(has) {
                return false;
            }
        }
        if let Some(only) = self.view.only
            && !self.has_fault(only, row)
        {
            return false;
        }
        if let Some((metric, low, high)) = &self.view.range {
            let scale = self.dataset.metric(metric).map_or(1.0, |metric| metric.scale);
            // Compared as printed, with one decimal.
            let printed = |value: f32| (f64::from(value) * scale * 10.0).round() / 10.0;
            let value = self.focus.and_then(|cell| cell.value(metric, row)).map(printed);
            if !value.is_some_and(|value| low.is_none_or(|low| value >= low) && high.is_none_or(|high| value <= high)) {
                return false;
            }
        }
        self.words.iter().all(|word| {
            let captions = self.view.models.iter().map(|model| self.dataset.cells[*model].captions.texts.of(row));
            std::iter::once(items.texts.of(row)).chain(captions).any(|text| word.find(text).is_some())
        })
    }

    fn has_fault(&self, only: Only, row: usize) -> bool {
        let Some(cell) = self.focus else { return false };
        match only {
            Only::Failed => cell.captions.state(row) == State::Failed || cell.failure.is_some(),
            Only::CutOff => cell.captions.state(row) == State::CutOff,
            Only::WrongCategory => cell.scores.as_ref().is_some_and(|scores| scores.misjudged[row]),
            Only::Noted => self.noted.contains(&row),
            Only::Different => {
                let mut texts = self.view.models.iter().map(|model| self.dataset.cells[*model].captions.texts.of(row));
                let first = texts.next();
                texts.any(|text| Some(text) != first)
            }
        }
    }
}

/// The words of a search, lowercased; what stands in quotes is one.
pub fn words(search: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (place, part) in search.split('"').enumerate() {
        if place % 2 == 1 {
            words.push(part.trim().to_lowercase());
        } else {
            words.extend(part.split_whitespace().map(str::to_lowercase));
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn sorted(dataset: &Dataset, view: &View, mut rows: Vec<u32>) -> Vec<u32> {
    let Some(metric) = &view.sort else { return rows };
    let column = |place: usize| dataset.cells.get(place)?.scores.as_ref()?.column(metric);
    let Some(own) = column(view.focus) else { return rows };
    let other = view.minus.map(column);
    let key = |row: u32| {
        let value = own[row as usize];
        let value = match other {
            None => value,
            Some(None) => f32::NAN,
            Some(Some(other)) => value - other[row as usize],
        };
        match view.direction {
            Direction::Highest => -value,
            Direction::Lowest => value,
            Direction::Largest => -value.abs(),
        }
    };
    let mut keyed: Vec<(f32, u32)> = rows.iter().map(|row| (key(*row), *row)).collect();
    // What has no value comes last, whichever way; equals stay in the catalogue's order.
    keyed.par_sort_unstable_by(|a, b| {
        a.0.is_nan()
            .cmp(&b.0.is_nan())
            .then(a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal))
            .then(a.1.cmp(&b.1))
    });
    rows.clear();
    rows.extend(keyed.into_iter().map(|(_, row)| row));
    rows
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn quoted_words_stay_together() {
        assert_eq!(words(r#"Red "long Sleeves" dress"#), ["red", "long sleeves", "dress"]);
        assert_eq!(words(r#"  " "a "#), ["a"]);
        assert_eq!(words("\"open end"), ["open end"]);
    }
}
