//! What a page shows, as its URL says it: the chosen models, the order, the filters, the page. Every view has one canonical query.

use super::index::{Dataset, Mark};
use form_urlencoded::Serializer;

/// Items on a page.
pub const PAGE: usize = 24;

/// Models shown where the URL names none.
const SHOWN: usize = 4;

/// A longer search is cut off.
const LONGEST_SEARCH: usize = 200;

/// The order of a sorted view.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    #[default]
    Highest,
    Lowest,
    /// The largest difference, either way.
    Largest,
}

impl Direction {
    pub const ALL: [Direction; 3] = [Direction::Highest, Direction::Lowest, Direction::Largest];

    pub fn key(self) -> &'static str {
        ["highest", "lowest", "largest"][self as usize]
    }
}

/// Items with something amiss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// No caption, with an error.
    Failed,
    /// The caption's category is another than the item's.
    WrongCategory,
    /// The caption ended at the limit of tokens.
    CutOff,
    /// The chosen models' captions are not all the same.
    Different,
    /// Items with a note.
    Noted,
}

impl Only {
    pub const ALL: [Only; 5] = [Only::Failed, Only::WrongCategory, Only::CutOff, Only::Different, Only::Noted];

    pub fn key(self) -> &'static str {
        ["failed", "wrong-category", "cut-off", "different", "noted"][self as usize]
    }

    pub fn label(self) -> &'static str {
        [
            "No caption (error)",
            "Wrong category predicted",
            "Caption cut off at the limit",
            "Models' captions differ",
            "With a note",
        ][self as usize]
    }
}

/// A view of a dataset. Names that the dataset does not have are left out, and told in `unknown`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// Places of cells, in the dataset's order.
    pub models: Vec<usize>,
    /// The URL names them.
    models_chosen: bool,
    /// Which model's captions the order and the filters look at; among `models`.
    pub focus: usize,
    focus_chosen: bool,
    /// A metric to sort by; none is the catalogue's order.
    pub sort: Option<String>,
    /// Sort by the difference to this model.
    pub minus: Option<usize>,
    pub direction: Direction,
    pub category: Option<String>,
    pub attribute: Option<String>,
    pub mark: Option<Mark>,
    pub only: Option<Only>,
    /// A metric with its least and greatest value, as tables print them (scaled).
    pub range: Option<(String, Option<f64>, Option<f64>)>,
    pub search: String,
    /// From 1.
    pub page: usize,
    pub unknown: Vec<String>,
}

impl View {
    /// All models, in the catalogue's order.
    pub fn whole(dataset: &Dataset) -> View {
        View { models: (0..dataset.cells.len()).collect(), page: 1, ..View::default() }
    }

    /// Reads a query string.
    pub fn parse(query: &str, dataset: &Dataset) -> View {
        let mut view = View { page: 1, ..View::default() };
        let mut range = (None, None, None);
        let mut focus = None;
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            match &*key {
                "model" => match view.known_model(dataset, value) {
                    Some(place) if !view.models.contains(&place) => view.models.push(place),
                    _ => {}
                },
                "of" => focus = view.known_model(dataset, value),
                "minus" => view.minus = view.known_model(dataset, value),
                "sort" => view.sort = view.known_metric(dataset, value),
                "order" => {
                    let found = Direction::ALL.into_iter().find(|direction| direction.key() == value);
                    view.direction = found.unwrap_or_default();
                }
                "category" => view.category = Some(value.to_owned()),
                "attribute" => view.attribute = Some(value.to_lowercase()),
                "mark" => view.mark = Mark::ALL.into_iter().find(|mark| mark.name() == value),
                "only" => view.only = Only::ALL.into_iter().find(|only| only.key() == value),
                "metric" => range.0 = view.known_metric(dataset, value),
                "min" => range.1 = value.parse().ok().filter(|number: &f64| number.is_finite()),
                "max" => range.2 = value.parse().ok().filter(|number: &f64| number.is_finite()),
                "q" => view.search = value.chars().take(LONGEST_SEARCH).collect(),
                "page" => view.page = value.parse().unwrap_or(1).max(1),
                _ => {}
            }
        }
        view.models_chosen = !view.models.is_empty();
        view.models.sort_unstable();
        if view.models.is_empty() {
            view.models = (0..dataset.cells.len().min(SHOWN)).collect();
        }
        if let Some(focus) = focus.filter(|focus| view.models.contains(focus)) {
            view.focus = focus;
            view.focus_chosen = true;
        } else {
            view.focus = view.models.first().copied().unwrap_or(0);
        }
        view.minus = view.minus.filter(|minus| *minus != view.focus && view.sort.is_some());
        if let (Some(metric), low, high) = range
            && (low.is_some() || high.is_some())
        {
            view.range = Some((metric, low, high));
        }
        view
    }

    fn known_model(&mut self, dataset: &Dataset, name: &str) -> Option<usize> {
        let place = dataset.cell(name);
        if place.is_none() {
            self.unknown.push(format!("this run has no model “{name}”"));
        }
        place
    }

    fn known_metric(&mut self, dataset: &Dataset, name: &str) -> Option<String> {
        let metric = dataset.metric(name);
        if metric.is_none() {
            self.unknown.push(format!("this dataset has no metric “{name}” (yet)"));
        }
        metric.map(|metric| metric.name.clone())
    }

    /// The canonical query, without `?`; the page only beyond the first.
    pub fn query(&self, dataset: &Dataset) -> String {
        let mut query = self.selection(dataset);
        if self.page > 1 {
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(&format!("page={}", self.page));
        }
        query
    }

    /// The same view on another page.
    pub fn at_page(&self, page: usize) -> View {
        View { page, ..self.clone() }
    }

    /// What decides the order: the canonical query without the page, in the order of the form's fields.
    pub fn selection(&self, dataset: &Dataset) -> String {
        let mut out = Serializer::new(String::new());
        let name = |place: usize| dataset.cells.get(place).map_or("", |cell| cell.model.as_str());
        if !self.search.is_empty() {
            out.append_pair("q", &self.search);
        }
        if let Some(sort) = &self.sort {
            out.append_pair("sort", sort);
        }
        if self.focus_chosen {
            out.append_pair("of", name(self.focus));
        }
        if self.sort.is_some() {
            if let Some(minus) = self.minus {
                out.append_pair("minus", name(minus));
            }
            if self.direction != Direction::default() {
                out.append_pair("order", self.direction.key());
            }
        }
        if let Some(category) = &self.category {
            out.append_pair("category", category);
        }
        if let Some(attribute) = &self.attribute {
            out.append_pair("attribute", attribute);
            if let Some(mark) = self.mark {
                out.append_pair("mark", mark.name());
            }
        }
        if let Some(only) = self.only {
            out.append_pair("only", only.key());
        }
        if let Some((metric, low, high)) = &self.range {
            out.append_pair("metric", metric);
            for (key, end) in [("min", low), ("max", high)] {
                if let Some(end) = end {
                    out.append_pair(key, &end.to_string());
                }
            }
        }
        if self.models_chosen {
            for model in &self.models {
                out.append_pair("model", name(*model));
            }
        }
        out.finish()
    }

    /// Is anything chosen that only some of the items, or of the models, have?
    pub fn is_narrowed(&self, dataset: &Dataset) -> bool {
        let searched = View { search: String::new(), ..self.clone() };
        searched.is_filtered() || (self.models_chosen && self.models.len() < dataset.cells.len())
    }

    /// Does anything but the catalogue decide which items are shown?
    pub fn is_filtered(&self) -> bool {
        self.category.is_some()
            || self.attribute.is_some()
            || self.only.is_some()
            || self.range.is_some()
            || !self.search.is_empty()
    }
}
