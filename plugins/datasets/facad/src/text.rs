//! JSON values as the text of an item: FACAD's files hold the same thing as number, text or list.

use serde_json::Value;

/// The text of a value: numbers as they are written, lists joined by commas, nothing for null.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim().to_owned(),
        Value::Array(values) => {
            let texts: Vec<String> = values.iter().map(plain).filter(|text| !text.is_empty()).collect();
            texts.join(", ")
        }
        other => other.to_string(),
    }
}

/// The captions of an entry of `*_CAPTIONS_RAW.json`: a text, a list of texts, or an object with one of them as `caption`.
pub fn captions(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| value.as_str().map(|text| text.trim().to_owned());
    let captions = match value {
        Value::String(_) => vec![text(value)?],
        Value::Array(values) => values.iter().map(text).collect::<Option<Vec<_>>>()?,
        Value::Object(fields) => match fields.get("caption")? {
            Value::Object(_) => return None,
            value => return captions(value),
        },
        _ => return None,
    };
    Some(captions.into_iter().filter(|caption| !caption.is_empty()).collect())
}
