//! Generation settings: the checkpoint's `generation_config.json`, overridden by the run's.

use super::Limits;
use crate::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::path::Path;

/// How tokens are chosen. Names and meanings are those of transformers.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `None`: `max_length`, or 20.
    pub max_new_tokens: Option<usize>,
    pub min_new_tokens: Option<usize>,
    /// Prompt and new tokens together; start and new tokens behind an encoder.
    pub max_length: Option<usize>,
    pub min_length: Option<usize>,
    pub num_beams: usize,
    pub length_penalty: f64,
    pub early_stopping: EarlyStopping,
    /// Scores of tokens already said are divided by it where positive, else multiplied (Keskar et al. 2019).
    pub repetition_penalty: f64,
    /// No sequence of so many tokens stands twice; 0 is no limit.
    pub no_repeat_ngram_size: usize,
    pub do_sample: bool,
    pub temperature: f64,
    /// Only so many tokens are drawn from; 0 is all.
    pub top_k: usize,
    /// Only the likeliest tokens that make up this share are drawn from (Holtzman et al. 2020).
    pub top_p: f64,
    pub end_tokens: Vec<u32>,
    /// Settings of the file that are not offered here and would change the result.
    pub ignored: Vec<String>,
}

/// When beam search ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlyStopping {
    /// When the running beams are unlikely to beat the finished ones.
    Heuristic,
    /// As soon as there are as many finished beams as beams.
    Full,
    /// When the running beams cannot beat the finished ones.
    Never,
}

/// New tokens where nothing says how many, as in transformers.
const USUAL_NEW_TOKENS: usize = 20;
const USUAL_TOP_K: usize = 50;

/// Positions before the first new token behind an encoder: the start token, which transformers counts among a decoder's.
pub const BEHIND_ENCODER: usize = 1;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Stored {
    max_new_tokens: Option<usize>,
    min_new_tokens: Option<usize>,
    max_length: Option<usize>,
    min_length: Option<usize>,
    num_beams: Option<usize>,
    length_penalty: Option<f64>,
    early_stopping: Option<Value>,
    repetition_penalty: Option<f64>,
    no_repeat_ngram_size: Option<usize>,
    do_sample: Option<bool>,
    temperature: Option<f64>,
    top_k: Option<usize>,
    top_p: Option<f64>,
    eos_token_id: Option<Tokens>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "eos_token_id is neither a token's number nor a list of such")]
enum Tokens {
    One(u32),
    Several(Vec<u32>),
}

impl Tokens {
    fn into_vec(self) -> Vec<u32> {
        match self {
            Tokens::One(token) => vec![token],
            Tokens::Several(tokens) => tokens,
        }
    }
}

impl Settings {
    /// Joins, from strong to weak: `overrides` (a JSON object), `generation_config.json` where there is one, the end token of
    /// the language model's own configuration, the defaults of transformers.
    ///
    /// # Errors
    /// A file or value that cannot be understood.
    pub fn read(directory: &Path, model_end: Option<&Value>, overrides: &Value) -> Result<Settings> {
        let path = directory.join("generation_config.json");
        let stored: Map<String, Value> = if path.is_file() { crate::config::read_json(&path)? } else { Map::new() };
        let mut joined = stored;
        if joined.get("eos_token_id").is_none_or(Value::is_null)
            && let Some(end) = model_end
        {
            joined.insert("eos_token_id".into(), end.clone());
        }
        let overridden = overrides.as_object().cloned().unwrap_or_default();
        joined.extend(overridden.into_iter().filter(|(_, value)| !value.is_null()));
        Self::from_map(joined).map_err(|reason| Error::malformed(path, reason))
    }

    fn from_map(map: Map<String, Value>) -> Result<Settings, String> {
        let ignored = super::foreign::ignored(&map);
        let stored: Stored = serde_json::from_value(Value::Object(map)).map_err(|error| error.to_string())?;
        Ok(Settings {
            max_new_tokens: stored.max_new_tokens,
            min_new_tokens: stored.min_new_tokens,
            max_length: stored.max_length,
            min_length: stored.min_length,
            num_beams: stored.num_beams.unwrap_or(1),
            length_penalty: stored.length_penalty.unwrap_or(1.0),
            early_stopping: match stored.early_stopping {
                None | Some(Value::Null | Value::Bool(false)) => EarlyStopping::Heuristic,
                Some(Value::Bool(true)) => EarlyStopping::Full,
                Some(Value::String(word)) if word == "never" => EarlyStopping::Never,
                Some(other) => return Err(format!("early_stopping is {other}; true, false and \"never\" are known")),
            },
            repetition_penalty: stored.repetition_penalty.unwrap_or(1.0),
            no_repeat_ngram_size: stored.no_repeat_ngram_size.unwrap_or(0),
            do_sample: stored.do_sample.unwrap_or(false),
            temperature: stored.temperature.unwrap_or(1.0),
            top_k: stored.top_k.unwrap_or(USUAL_TOP_K),
            top_p: stored.top_p.unwrap_or(1.0),
            end_tokens: stored.eos_token_id.map(Tokens::into_vec).unwrap_or_default(),
            ignored,
        })
    }

    /// The most new tokens behind a prompt of so many positions ([`BEHIND_ENCODER`] there).
    pub fn most_new_tokens(&self, prompt: usize) -> usize {
        self.limits(prompt).most
    }

    /// Greedy decoding to a fixed number of tokens.
    pub fn greedy(max_new_tokens: usize, end_tokens: Vec<u32>) -> Settings {
        Settings {
            max_new_tokens: Some(max_new_tokens),
            min_new_tokens: None,
            max_length: None,
            min_length: None,
            num_beams: 1,
            length_penalty: 1.0,
            early_stopping: EarlyStopping::Heuristic,
            repetition_penalty: 1.0,
            no_repeat_ngram_size: 0,
            do_sample: false,
            temperature: 1.0,
            top_k: USUAL_TOP_K,
            top_p: 1.0,
            end_tokens,
            ignored: Vec::new(),
        }
    }

    /// The settings in force, as a JSON object with the names of transformers.
    pub fn describe(&self) -> Value {
        let mut map = json!({
            "num_beams": self.num_beams,
            "repetition_penalty": self.repetition_penalty,
            "no_repeat_ngram_size": self.no_repeat_ngram_size,
            "do_sample": self.do_sample,
        });
        let mut add = |name: &str, value: Value| map[name] = value;
        if let Some(most) = self.max_new_tokens.or(self.max_length.is_none().then_some(USUAL_NEW_TOKENS)) {
            add("max_new_tokens", json!(most));
        }
        if let Some(least) = self.min_new_tokens {
            add("min_new_tokens", json!(least));
        }
        if self.num_beams > 1 {
            add("length_penalty", json!(self.length_penalty));
            add("early_stopping", json!(self.early_stopping == EarlyStopping::Full));
        }
        if self.do_sample {
            add("temperature", json!(self.temperature));
            add("top_k", json!(self.top_k));
            add("top_p", json!(self.top_p));
        }
        map
    }

    /// Whether the likeliest token is always the one, so that scores need not leave the device.
    pub(super) fn is_plain_greedy(&self, limits: Limits) -> bool {
        !self.do_sample && limits.least == 0 && self.repetition_penalty == 1.0 && self.no_repeat_ngram_size == 0
    }

    /// The bounds on new tokens after a prompt of a length.
    pub(super) fn limits(&self, prompt: usize) -> Limits {
        let most = self
            .max_new_tokens
            .or(self.max_length.map(|total| total.saturating_sub(prompt).max(1)))
            .unwrap_or(USUAL_NEW_TOKENS);
        let least = self.min_new_tokens.unwrap_or(0).max(self.min_length.unwrap_or(0).saturating_sub(prompt));
        Limits { least, most }
    }

    /// # Errors
    /// A prompt of so many positions leaves no room for new tokens in `max_length`, or with them exceeds the model's positions; `None` of these is a
    /// decoder behind an encoder, which has no limit.
    pub fn check_room(&self, prompt: usize, positions: Option<usize>) -> Result<()> {
        let before = if positions.is_some() { prompt } else { BEHIND_ENCODER };
        if let (None, Some(total)) = (self.max_new_tokens, self.max_length)
            && total <= before
        {
            return Err(Error::Request(format!(
                "max_length is {total}, and {before} positions are filled before the first new token: there would be no caption; \
                 give --max-new-tokens, or correct generation_config.json"
            )));
        }
        let Some(positions) = positions else { return Ok(()) };
        let new = self.limits(prompt).most;
        if prompt + new <= positions {
            return Ok(());
        }
        Err(Error::Request(format!(
            "the prompt with its image fills {prompt} positions and {new} new tokens are asked for, but config.json gives the \
             model {positions} positions; shorten the prompt or lower max_new_tokens"
        )))
    }

    /// # Errors
    /// A text could never end: a token that is to end it is none of the model's.
    pub fn check_end_tokens(&self, vocabulary: usize) -> Result<()> {
        match self.end_tokens.iter().find(|token| **token as usize >= vocabulary) {
            None => Ok(()),
            Some(token) => Err(Error::Request(format!(
                "captions are to end with token {token} (eos_token_id), but the model has {vocabulary} tokens only; correct \
                 config.json or generation_config.json"
            ))),
        }
    }

    /// # Errors
    /// A value that means nothing, or two that cannot be joined.
    pub fn check(&self) -> Result<()> {
        let wrong = |text: String| Err(Error::Request(text));
        if self.max_new_tokens == Some(0) {
            return wrong("max_new_tokens is 0: there would be no caption".into());
        }
        if let (Some(least), Some(most)) = (self.min_new_tokens, self.max_new_tokens)
            && least > most
        {
            return wrong(format!(
                "min_new_tokens is {least} and max_new_tokens {most}: every caption would be cut off; correct one of them"
            ));
        }
        if self.num_beams == 0 {
            return wrong("num_beams is 0; 1 is greedy decoding".into());
        }
        if self.num_beams > 1 && self.do_sample {
            return wrong("beams cannot be sampled here; use num_beams = 1 or do_sample = false".into());
        }
        if self.do_sample && !(self.temperature > 0.0 && self.temperature.is_finite()) {
            return wrong(format!(
                "temperature is {}; it must be above 0 (greedy is do_sample = false)",
                self.temperature
            ));
        }
        if self.do_sample && !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return wrong(format!("top_p is {}; it must be above 0 and at most 1", self.top_p));
        }
        if !(self.repetition_penalty > 0.0 && self.repetition_penalty.is_finite()) {
            return wrong(format!("repetition_penalty is {}; it must be above 0", self.repetition_penalty));
        }
        if !self.length_penalty.is_finite() {
            return wrong(format!("length_penalty is {}", self.length_penalty));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: Value, overrides: Value) -> Result<Settings> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("generation_config.json"), file.to_string()).unwrap();
        Settings::read(directory.path(), Some(&json!(7)), &overrides)
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_the_model() {
        let settings = read(
            json!({"eos_token_id": [50118, 2], "num_beams": 5, "max_length": 30}),
            json!({"num_beams": 2, "max_new_tokens": null}),
        )
        .unwrap();
        assert_eq!((settings.num_beams, settings.end_tokens.as_slice()), (2, &[50118, 2][..]));
        assert_eq!(settings.limits(10), Limits { least: 0, most: 20 });
        let settings = read(json!({"eos_token_id": null}), json!({})).unwrap();
        assert_eq!((settings.end_tokens.as_slice(), settings.limits(10).most), (&[7][..], 20));
    }

    #[test]
    fn a_total_length_without_room_for_a_new_token_is_refused() {
        let of = |length: usize, new: Option<usize>| {
            read(json!({"max_length": length}), json!({"max_new_tokens": new})).unwrap()
        };
        for length in [1, 55] {
            let error = of(length, None).check_room(55, Some(256)).unwrap_err().to_string();
            assert!(error.contains(&format!("max_length is {length}, and 55 positions")), "{error}");
            assert!(of(length, Some(5)).check_room(55, Some(256)).is_ok());
        }
        assert!(of(56, None).check_room(55, Some(256)).is_ok());
        // Behind an encoder the prompt is not counted, and the start token is.
        assert!(of(2, None).check_room(55, None).is_ok());
        assert!(of(1, None).check_room(55, None).is_err());
        assert_eq!(of(50, None).most_new_tokens(BEHIND_ENCODER), 49);
    }

    #[test]
    fn end_tokens_are_tokens_of_the_model() {
        let settings = read(json!({"eos_token_id": [2, 640]}), json!({})).unwrap();
        assert!(settings.check_end_tokens(641).is_ok());
        assert!(settings.check_end_tokens(640).unwrap_err().to_string().contains("token 640"));
        for none in [json!(-1), json!("2"), json!([2.5])] {
            let error = read(json!({ "eos_token_id": none }), json!({})).unwrap_err().to_string();
            assert!(error.contains("eos_token_id is neither a token's number"), "{error}");
        }
    }

    #[test]
    fn settings_without_meaning_are_refused() {
        for bad in [
            json!({"max_new_tokens": 0}),
            json!({"num_beams": 0}),
            json!({"min_new_tokens": 30, "max_new_tokens": 12}),
            json!({"num_beams": 2, "do_sample": true}),
            json!({"do_sample": true, "temperature": 0.0}),
            json!({"do_sample": true, "top_p": 0.0}),
            json!({"repetition_penalty": 0.0}),
        ] {
            assert!(read(json!({}), bad.clone()).unwrap().check().is_err(), "{bad}");
        }
        assert!(read(json!({"early_stopping": "soon"}), json!({})).is_err());
    }
}
