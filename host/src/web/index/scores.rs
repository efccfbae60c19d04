//! The item scores of a cell as columns, with the attributes and categories that metrics tell in their details.
//!
//! Two forms of a metric's detail are understood, whichever metric gives them: `{"matched": […], "missed": […], "extra": […]}` and
//! `{"predicted": …, "category": …}`.

use super::Items;
use super::captions::Changed;
use super::items::NONE;
use super::lines::{Signature, Span, read, scan};
use super::names::Names;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

/// Whether an attribute is in caption and references, in the references alone, or in the caption alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Found,
    Missed,
    Extra,
}

impl Mark {
    pub const ALL: [Mark; 3] = [Mark::Found, Mark::Missed, Mark::Extra];

    /// As it is called in a metric's detail.
    pub fn key(self) -> &'static str {
        ["matched", "missed", "extra"][self as usize]
    }

    /// As people read it, and as URLs have it.
    pub fn name(self) -> &'static str {
        ["found", "missed", "extra"][self as usize]
    }
}

/// A cell's item scores by row of the dataset's items.
#[derive(Debug)]
pub struct Scores {
    file: File,
    pub(super) signature: Signature,
    spans: Vec<Span>,
    metrics: Vec<String>,
    /// By metric, then row; NaN where an item has no value.
    columns: Vec<Vec<f32>>,
    pub attributes: Names,
    /// Attribute × 4 + mark, of all rows.
    marks: Vec<u32>,
    /// Start and length in `marks`, by row.
    mark_places: Vec<(u32, u32)>,
    pub categories: Names,
    /// The caption's category by row.
    pub predicted: Vec<u32>,
    /// The caption's category is another than the item's, by row.
    pub misjudged: Vec<bool>,
}

/// A line's contents.
struct Parsed {
    row: usize,
    values: Vec<(String, f64)>,
    marks: Vec<(Mark, String)>,
    predicted: Option<String>,
    category: Option<String>,
}

impl Scores {
    /// Reads `scores/DATASET/MODEL/items.jsonl` once; none if it is not there.
    pub fn index(path: &Path, items: &Items) -> Option<Scores> {
        let signature = Signature::of(path)?;
        let rows = items.len();
        let mut scores = Scores {
            file: File::open(path).ok()?,
            signature,
            spans: vec![Span::default(); rows],
            metrics: Vec::new(),
            columns: Vec::new(),
            attributes: Names::default(),
            marks: Vec::new(),
            mark_places: vec![(0, 0); rows],
            categories: Names::default(),
            predicted: vec![NONE; rows],
            misjudged: vec![false; rows],
        };
        let file = scores.file.try_clone().ok()?;
        // What cannot be parsed has no scores; it can be made again from the predictions.
        let _ = scan(
            &file,
            0,
            |line| parse(line, items),
            |span, parsed| {
                if let Some(parsed) = parsed {
                    scores.add(span, parsed);
                }
            },
        );
        scores.marks.shrink_to_fit();
        Some(scores)
    }

    fn add(&mut self, span: Span, parsed: Parsed) {
        let row = parsed.row;
        self.spans[row] = span;
        for (name, value) in parsed.values {
            let metric = self.metrics.iter().position(|metric| *metric == name).unwrap_or_else(|| {
                self.metrics.push(name);
                self.columns.push(vec![f32::NAN; self.spans.len()]);
                self.metrics.len() - 1
            });
            self.columns[metric][row] = value as f32;
        }
        let start = self.marks.len();
        for (mark, name) in parsed.marks {
            self.marks.push(self.attributes.place(&name) * 4 + mark as u32);
        }
        self.mark_places[row] = (start as u32, (self.marks.len() - start) as u32);
        if let Some(predicted) = &parsed.predicted {
            self.predicted[row] = self.categories.place(predicted);
            self.misjudged[row] = parsed.category.as_ref().is_some_and(|category| category != predicted);
        }
    }

    /// The names of the metrics' values, in the file's order.
    pub fn metrics(&self) -> &[String] {
        &self.metrics
    }

    pub fn column(&self, metric: &str) -> Option<&[f32]> {
        let place = self.metrics.iter().position(|name| name == metric)?;
        Some(&self.columns[place])
    }

    /// Is the attribute of this name marked so (or at all) on the row?
    pub fn has(&self, row: usize, attribute: u32, mark: Option<Mark>) -> bool {
        let (start, length) = self.mark_places[row];
        let marks = &self.marks[start as usize..][..length as usize];
        marks.iter().any(|own| own / 4 == attribute && mark.is_none_or(|mark| own % 4 == mark as u32))
    }

    /// How many rows have each attribute, marked in any way.
    pub fn attribute_counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.attributes.len()];
        for mark in &self.marks {
            counts[(mark / 4) as usize] += 1;
        }
        counts
    }

    /// The details of one item's scores, by metric family.
    pub fn read_details(&self, row: usize, id: &str) -> Result<Map<String, Value>, Changed> {
        let span = self.spans.get(row).filter(|span| span.length > 0);
        let Some(span) = span else { return Ok(Map::new()) };
        let line = read(&self.file, *span).map_err(|_| Changed)?;
        let mut line: Map<String, Value> = serde_json::from_slice(&line).map_err(|_| Changed)?;
        if line.get("id").and_then(Value::as_str) != Some(id) {
            return Err(Changed);
        }
        match line.remove("details") {
            Some(Value::Object(details)) => Ok(details),
            _ => Ok(Map::new()),
        }
    }
}

/// The words of one mark in a detail.
pub fn marked(detail: &Value, mark: Mark) -> impl Iterator<Item = &str> {
    detail.get(mark.key()).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn parse(line: &[u8], items: &Items) -> Option<Parsed> {
    let line = match serde_json::from_slice::<Line>(line) {
        Ok(line) => line,
        // A metric whose detail has our words with another meaning: slower, and without its detail.
        Err(_) => Line::loose(line)?,
    };
    let row = items.row(&line.id)?;
    let mut parsed = Parsed { row, values: line.values, marks: Vec::new(), predicted: None, category: None };
    for detail in line.details.into_values() {
        let words = [detail.matched, detail.missed, detail.extra];
        for (mark, words) in Mark::ALL.into_iter().zip(words) {
            parsed.marks.extend(words.into_iter().map(|word| (mark, word)));
        }
        parsed.predicted = parsed.predicted.or(detail.predicted);
        parsed.category = parsed.category.or(detail.category);
    }
    Some(parsed)
}

/// What is read of a line; of the details, which can be large, only what is understood.
#[derive(Default)]
struct Line {
    id: String,
    values: Vec<(String, f64)>,
    details: HashMap<String, Detail>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    matched: Vec<String>,
    missed: Vec<String>,
    extra: Vec<String>,
    predicted: Option<String>,
    category: Option<String>,
}

impl Line {
    fn loose(line: &[u8]) -> Option<Line> {
        let line: Map<String, Value> = serde_json::from_slice(line).ok()?;
        let mut read = Line { id: line.get("id")?.as_str()?.to_owned(), ..Line::default() };
        for (name, value) in line {
            match value {
                Value::Number(number) => read.values.push((name, number.as_f64()?)),
                Value::Object(details) if name == "details" => {
                    let understood = |(family, detail)| Some((family, serde_json::from_value(detail).ok()?));
                    read.details = details.into_iter().filter_map(understood).collect();
                }
                _ => {}
            }
        }
        Some(read)
    }
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Line, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Line;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an item's scores")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line, A::Error> {
                let mut line = Line::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "id" => line.id = map.next_value()?,
                        "details" => line.details = map.next_value()?,
                        _ => {
                            if let Some(value) = map.next_value::<Option<f64>>()? {
                                line.values.push((key, value));
                            }
                        }
                    }
                }
                Ok(line)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}
