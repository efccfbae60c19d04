//! Captions made elsewhere: JSON Lines with candidate and references, or a COCO-style pair of files.

use super::CorpusItem;
use crate::error::{Error, Result};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Items to score, with their ids as the file has them (text or number).
#[derive(Debug, Default)]
pub struct ScoreInput {
    pub ids: Vec<Value>,
    pub items: Vec<CorpusItem>,
}

#[derive(Deserialize)]
struct Line {
    id: Value,
    candidate: String,
    references: Vec<String>,
    #[serde(default)]
    category: Option<String>,
}

#[derive(Deserialize)]
struct CocoCaption {
    image_id: Value,
    caption: String,
}

#[derive(Deserialize)]
struct CocoReferences {
    annotations: Vec<CocoCaption>,
}

impl ScoreInput {
    /// Reads `{"id", "candidate", "references": […]}` a line; `-` is standard input.
    ///
    /// # Errors
    /// The file and line of what is no such object, has no reference, or repeats an id.
    pub fn json_lines(path: &Path) -> Result<ScoreInput> {
        let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
        let mut reader = BufReader::with_capacity(1 << 16, open(path)?);
        let mut input = ScoreInput::default();
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).map_err(|error| Error::io("read", path, &error))?;
            if read == 0 {
                break;
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let bad = |message: String| Error::usage(format!("{name}:{number}: {message}"));
            let parsed: Line = serde_json::from_slice(&line).map_err(|error| {
                bad(format!("not an item: {error}"))
                    .help(r#"a line is {"id": …, "candidate": "…", "references": ["…"]}"#)
            })?;
            let id = id_text(&parsed.id).ok_or_else(|| bad("the id is neither text nor a number".to_owned()))?;
            if parsed.references.is_empty() {
                return Err(bad(format!("item `{id}` has no reference")).help("an item is scored against one or more"));
            }
            if let Some(earlier) = seen.insert(id.clone(), number) {
                return Err(bad(format!("the id `{id}` stands on line {earlier} already")).help("ids must be unique"));
            }
            input.ids.push(parsed.id);
            input.items.push(CorpusItem {
                id,
                candidate: parsed.candidate,
                references: parsed.references,
                category: parsed.category,
            });
        }
        if input.items.is_empty() {
            return Err(Error::usage(format!("{name} holds no items")));
        }
        Ok(input)
    }

    /// Reads COCO's result format `[{"image_id", "caption"}]` and annotation format `{"annotations": [{"image_id", "caption"}]}`
    /// (a bare list is accepted too). Items come in the order of the results.
    ///
    /// # Errors
    /// Which ids are on one side only, or captioned twice.
    pub fn coco(results: &Path, references: &Path) -> Result<ScoreInput> {
        let candidates: Vec<CocoCaption> = json(results, r#"[{"image_id": …, "caption": "…"}]"#)?;
        let annotations = annotations(references)?;
        let mut by_id: HashMap<String, Vec<String>> = HashMap::new();
        let mut order = Vec::new();
        for annotation in annotations {
            let id = coco_id(&annotation.image_id, references)?;
            let captions = by_id.entry(id.clone()).or_insert_with(|| {
                order.push(id);
                Vec::new()
            });
            captions.push(annotation.caption);
        }
        let mut input = ScoreInput::default();
        let mut seen = HashMap::new();
        for (place, result) in candidates.into_iter().enumerate() {
            let id = coco_id(&result.image_id, results)?;
            if let Some(earlier) = seen.insert(id.clone(), place + 1) {
                return Err(Error::usage(format!(
                    "{}: image `{id}` has two captions, entries {earlier} and {}",
                    results.display(),
                    place + 1
                ))
                .help("give one caption an image"));
            }
            let references_of = by_id.remove(&id).ok_or_else(|| {
                Error::usage(format!(
                    "{}: image `{id}` (entry {}) has no reference in {}",
                    results.display(),
                    place + 1,
                    references.display()
                ))
            })?;
            input.ids.push(result.image_id);
            input.items.push(CorpusItem { id, candidate: result.caption, references: references_of, category: None });
        }
        if let Some(first) = order.iter().find(|id| by_id.contains_key(*id)) {
            return Err(Error::usage(format!(
                "{} images of {} have no caption in {}, the first is `{first}`",
                by_id.len(),
                references.display(),
                results.display()
            ))
            .help("caption them, or leave them out of the references"));
        }
        if input.items.is_empty() {
            return Err(Error::usage(format!("{} holds no captions", results.display())));
        }
        Ok(input)
    }
}

fn annotations(path: &Path) -> Result<Vec<CocoCaption>> {
    let expected = r#"{"annotations": [{"image_id": …, "caption": "…"}]}"#;
    let value: Value = json(path, expected)?;
    let list = if value.is_array() {
        serde_json::from_value(value)
    } else {
        serde_json::from_value::<CocoReferences>(value).map(|file| file.annotations)
    };
    list.map_err(|error| {
        Error::usage(format!("{}: not COCO annotations: {error}", path.display())).help(format!("expected {expected}"))
    })
}

fn json<T: serde::de::DeserializeOwned>(path: &Path, expected: &str) -> Result<T> {
    let reader = BufReader::with_capacity(1 << 16, open(path)?);
    serde_json::from_reader(reader)
        .map_err(|error| Error::usage(format!("{}: {error}", path.display())).help(format!("expected {expected}")))
}

fn coco_id(id: &Value, path: &Path) -> Result<String> {
    id_text(id)
        .ok_or_else(|| Error::usage(format!("{}: the image_id {id} is neither text nor a number", path.display())))
}

fn id_text(id: &Value) -> Option<String> {
    match id {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn open(path: &Path) -> Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    match std::fs::File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(Error::usage(Error::io("read", path, &error).message)),
    }
}
