//! From text to token ids and back, by the checkpoint's `tokenizer.json`.

use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// A checkpoint's tokenizer.
pub struct Tokenizer {
    path: PathBuf,
    inner: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// Reads `tokenizer.json`.
    ///
    /// # Errors
    /// It is missing or cannot be understood.
    pub fn read(directory: &Path) -> Result<Tokenizer> {
        let path = directory.join("tokenizer.json");
        if !path.is_file() {
            return Err(Error::malformed(path, "the tokenizer is missing; download it with the checkpoint"));
        }
        let mut inner =
            tokenizers::Tokenizer::from_file(&path).map_err(|error| Error::malformed(&path, error.to_string()))?;
        // Files may carry the settings of some training run; a prompt is neither cut nor padded.
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|error| Error::malformed(&path, error.to_string()))?;
        Ok(Tokenizer { path, inner })
    }

    /// Cuts texts to so many tokens from now on, special tokens among them, as transformers' `truncation=True` does.
    ///
    /// # Errors
    /// The special tokens alone are more.
    pub fn limit(&mut self, tokens: usize) -> Result<()> {
        let truncation = tokenizers::TruncationParams { max_length: tokens, ..Default::default() };
        match self.inner.with_truncation(Some(truncation)) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::malformed(&self.path, format!("texts cannot be cut to {tokens} tokens: {error}"))),
        }
    }

    /// # Errors
    /// The tokenizer knows a token that the model has no vector for.
    pub fn check_vocabulary(&self, vectors: usize) -> Result<()> {
        let Some((token, id)) =
            self.inner.get_vocab(true).into_iter().filter(|(_, id)| *id as usize >= vectors).min_by_key(|(_, id)| *id)
        else {
            return Ok(());
        };
        Err(Error::malformed(
            &self.path,
            format!(
                "the token `{token}` has number {id}, but the model has vectors for {vectors} tokens only; this tokenizer \
                 belongs to another checkpoint"
            ),
        ))
    }

    /// The ids of a text, with the special tokens that the tokenizer adds (`</s>` before an OPT prompt, after a T5 one).
    ///
    /// # Errors
    /// The tokenizer fails on the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.inner.encode(text, true).map_err(|error| Error::Request(format!("the prompt: {error}")))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The ids of a text within the limit, and whether it had to be cut.
    ///
    /// # Errors
    /// The tokenizer fails on the text.
    pub fn encode_limited(&self, text: &str) -> Result<(Vec<u32>, bool)> {
        let encoding = self.inner.encode(text, true).map_err(|error| Error::Request(format!("the text: {error}")))?;
        Ok((encoding.get_ids().to_vec(), !encoding.get_overflowing().is_empty()))
    }

    /// The tokens of a caption behind a prompt whose tokens are `given`: what the model is to say, without special tokens before it, and
    /// without an end token. Between prompt and caption stands a space; runs of white space in the caption become one, as an end
    /// token may be a line break.
    ///
    /// # Errors
    /// The tokenizer fails on the text.
    pub fn continuation(&self, prompt: Option<&str>, given: &[u32], caption: &str) -> Result<Vec<u32>> {
        let caption = caption.split_whitespace().collect::<Vec<_>>().join(" ");
        let whole = match prompt {
            Some(prompt) if prompt.ends_with(char::is_whitespace) => self.encode(&format!("{prompt}{caption}"))?,
            Some(prompt) => self.encode(&format!("{prompt} {caption}"))?,
            None => self.encode(&caption)?,
        };
        if let Some(rest) = whole.strip_prefix(given) {
            return Ok(rest.to_vec());
        }
        // The prompt's last token and the caption's first melt into one: in use, the prompt's own tokens are given all the same.
        let apart = if prompt.is_some() { format!(" {caption}") } else { caption };
        self.plain(&apart)
    }

    /// The ids of a text without any special token.
    ///
    /// # Errors
    /// The tokenizer fails on the text.
    pub fn plain(&self, text: &str) -> Result<Vec<u32>> {
        let encoding =
            self.inner.encode(text, false).map_err(|error| Error::Request(format!("the caption: {error}")))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text of ids, without special tokens, trimmed.
    ///
    /// # Errors
    /// The tokenizer fails on the ids.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        let text = self
            .inner
            .decode(ids, true)
            .map_err(|error| Error::Request(format!("the tokens {ids:?} cannot be decoded: {error}")))?;
        Ok(text.trim().to_string())
    }

    /// The id of a token, such as `<image>`.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}
