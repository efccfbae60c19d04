//! The elements of a JSON array or object, one at a time: files of gigabytes are never held whole, and several are read in step.
//! An element's own contents are left to serde.

use plugin_api::{PluginError, Result};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// More than any description; an element without an end must not fill the memory.
const ELEMENT_LIMIT: usize = 64 << 20;

/// An open file, before or between two elements.
pub struct Elements {
    path: PathBuf,
    reader: BufReader<File>,
    /// The bracket that ends the list; `None` until the first element is asked for.
    close: Option<u8>,
    done: bool,
    /// The number of elements read.
    index: u64,
    /// An object's name of the element.
    key: Option<String>,
    element: Vec<u8>,
}

impl Elements {
    pub fn open(path: &Path) -> Result<Elements> {
        let file =
            File::open(path).map_err(|error| PluginError::data(format!("cannot read {}: {error}", path.display())))?;
        let reader = BufReader::with_capacity(1 << 16, file);
        Ok(Elements {
            path: path.to_owned(),
            reader,
            close: None,
            done: false,
            index: 0,
            key: None,
            element: Vec::new(),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the element that was read last, where the file holds an object.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The next element, or the next value of an object; why it is none where only that element is malformed; `Err` where what
    /// follows cannot be found either.
    pub fn next(&mut self) -> Result<Option<Result<Value, String>>> {
        self.key = None;
        if self.done {
            return Ok(None);
        }
        let close = match self.close {
            Some(close) => {
                match self.token()? {
                    Some(b',') => {}
                    Some(byte) if byte == close => return self.end(),
                    found => return Err(self.fault(found, "a comma or the end")),
                }
                close
            }
            None => {
                let close = match self.token()? {
                    Some(b'[') => b']',
                    Some(b'{') => b'}',
                    found => return Err(self.fault(found, "a list")),
                };
                self.close = Some(close);
                if self.peek()? == Some(close) {
                    self.reader.consume(1);
                    return self.end();
                }
                close
            }
        };
        if close == b'}' {
            self.value()?;
            self.key = serde_json::from_slice(&self.element).ok();
            match self.token()? {
                Some(b':') => {}
                found => return Err(self.fault(found, "a colon")),
            }
        }
        self.value()?;
        self.index += 1;
        let read = serde_json::from_slice(&self.element).or_else(|error| {
            // Python writes what is missing as NaN, which is no JSON.
            let mended = without_nan(&self.element).ok_or(error)?;
            serde_json::from_slice(&mended)
        });
        Ok(Some(read.map_err(|error: serde_json::Error| error.to_string())))
    }

    fn end(&mut self) -> Result<Option<Result<Value, String>>> {
        self.done = true;
        match self.peek()? {
            None => Ok(None),
            found => Err(self.fault(found, "the end of the file")),
        }
    }

    /// Reads one value into `element`, by its brackets and quotes alone.
    fn value(&mut self) -> Result<()> {
        self.element.clear();
        self.peek()?;
        let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
        loop {
            let buffer = self.reader.fill_buf().map_err(|error| unreadable(&self.path, &error))?;
            if buffer.is_empty() {
                return Err(self.fault(None, "the rest of the element"));
            }
            let mut taken = buffer.len();
            let mut complete = false;
            for (place, byte) in buffer.iter().enumerate() {
                let outside = depth == 0 && !quoted;
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if quoted => escaped = true,
                    b'"' => quoted = !quoted,
                    _ if quoted => {}
                    b'[' | b'{' => depth += 1,
                    b',' | b':' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t' if outside => {
                        // The end of a number or word is only known from what follows it.
                        (taken, complete) = (place, true);
                        break;
                    }
                    b']' | b'}' => depth -= 1,
                    _ => continue,
                }
                if depth == 0 && !quoted && matches!(byte, b'"' | b']' | b'}') {
                    (taken, complete) = (place + 1, true);
                    break;
                }
            }
            self.element.extend_from_slice(&buffer[..taken]);
            self.reader.consume(taken);
            if complete && self.element.is_empty() {
                let found = self.peek()?;
                return Err(self.fault(found, "a value"));
            }
            if complete {
                return Ok(());
            }
            if self.element.len() > ELEMENT_LIMIT {
                return Err(PluginError::data(format!(
                    "{}: element {} has more than {} MiB; a quote or bracket in it is not closed",
                    self.path.display(),
                    self.index,
                    ELEMENT_LIMIT >> 20
                )));
            }
        }
    }

    /// The next byte that is no white space, taken.
    fn token(&mut self) -> Result<Option<u8>> {
        let byte = self.peek()?;
        if byte.is_some() {
            self.reader.consume(1);
        }
        Ok(byte)
    }

    /// The next byte that is no white space, left where it is.
    fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            let buffer = self.reader.fill_buf().map_err(|error| unreadable(&self.path, &error))?;
            let Some(first) = buffer.first() else { return Ok(None) };
            // A byte order mark can only stand before the list.
            let blank = if self.close.is_none() && buffer.starts_with(b"\xef\xbb\xbf") {
                3
            } else {
                usize::from(first.is_ascii_whitespace())
            };
            if blank == 0 {
                return Ok(Some(*first));
            }
            self.reader.consume(blank);
        }
    }

    fn fault(&self, found: Option<u8>, expected: &str) -> PluginError {
        let found = match found {
            None => "the file ends".to_owned(),
            Some(byte) => format!("`{}` stands", byte.escape_ascii()),
        };
        let place = format!("{}, after {} elements", self.path.display(), self.index);
        PluginError::data(format!("{place}: {found} where {expected} is expected"))
            .help("the file is damaged or cut off; copy or download it again")
    }
}

/// The element with `null` for every `NaN` outside of quotes; `None` where there is none.
fn without_nan(element: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut rest, mut found) = (Vec::with_capacity(element.len()), element, false);
    let (mut quoted, mut escaped) = (false, false);
    while let [byte, after @ ..] = rest {
        if !quoted && rest.starts_with(b"NaN") {
            out.extend_from_slice(b"null");
            (rest, found) = (&rest[3..], true);
            continue;
        }
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
        out.push(*byte);
        rest = after;
    }
    found.then_some(out)
}

fn unreadable(path: &Path, error: &std::io::Error) -> PluginError {
    PluginError::data(format!("cannot read {}: {error}", path.display()))
}
