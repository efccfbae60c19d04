//! Captions made elsewhere: JSON Lines with candidate and references, or a COCO-style pair of files.

use super::CorpusItem;
use crate::encoding;
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
            let bad = |message: String| Error::usage(format!("{name}:{number}: {message}"));
            let text = if number == 1 { plain_text(&line).map_err(|error| error.context(&name))? } else { &line };
            let text = text.trim_ascii();
            if text.is_empty() {
                continue;
            }
            let parsed: Line = object(text).map_err(|reason| {
                bad(format!("not an item: {reason}"))
                    .help(r#"a line is {"id": …, "candidate": "…", "references": ["…"]}"#)
            })?;
            let id = id_text(&parsed.id).ok_or_else(|| bad(NO_ID.to_owned()))?;
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
        let bytes = read(results)?;
        let text = plain_text(&bytes).map_err(|error| error.context(results.display()))?;
        let candidates: Vec<CocoCaption> = json(text, results, r#"[{"image_id": …, "caption": "…"}]"#)?;
        drop(bytes);
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
    let bytes = read(path)?;
    let text = plain_text(&bytes).map_err(|error| error.context(path.display()))?;
    match text.trim_ascii_start().first() {
        Some(b'[') => json(text, path, expected),
        _ => json::<CocoReferences>(text, path, expected).map(|file| file.annotations),
    }
}

/// Parses a whole file; an error says in which line it is wrong.
fn json<T: serde::de::DeserializeOwned>(text: &[u8], path: &Path, expected: &str) -> Result<T> {
    serde_json::from_slice(text)
        .map_err(|error| Error::usage(format!("{}: {error}", path.display())).help(format!("expected {expected}")))
}

/// Parses a line; what is wrong comes with its column.
fn object<T: serde::de::DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    if line.first() != Some(&b'{') {
        return Err("it does not begin with `{`".to_owned());
    }
    serde_json::from_slice(line).map_err(|error| error.to_string().replace(" at line 1 column ", ", at column "))
}

/// The bytes without a byte order mark.
///
/// # Errors
/// As [`encoding::mark`].
fn plain_text(bytes: &[u8]) -> Result<&[u8]> {
    Ok(&bytes[encoding::mark(bytes)?..])
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(|error| Error::io("read", path, &error))?;
    Ok(bytes)
}

fn coco_id(id: &Value, path: &Path) -> Result<String> {
    id_text(id).ok_or_else(|| Error::usage(format!("{}: image_id {id}: {NO_ID}", path.display())))
}

const NO_ID: &str = "the id is neither text nor a number that is kept exactly; write long numbers in quotes";
/// Larger numbers lose digits as JSON numbers.
const MOST_EXACT: f64 = (1u64 << 53) as f64;

fn id_text(id: &Value) -> Option<String> {
    match id {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_f64() && number.as_f64().is_none_or(|number| number.abs() >= MOST_EXACT) => {
            None
        }
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn open(path: &Path) -> Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    match std::fs::File::open(path) {
        Ok(_) if path.is_dir() => Err(Error::usage(format!("{} is a folder; name a file", path.display()))),
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(Error::usage(Error::io("read", path, &error).message)),
    }
}
