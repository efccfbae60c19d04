//! Standard output: texts, and with `--json` exactly one JSON document (or lines, where said), also where a command fails or is stopped.

use crate::error::{Error, Result};
use crate::report::{Document, terminal};
use std::ffi::OsString;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a document was printed: what fails behind it is told on standard error alone.
static DOCUMENT: AtomicBool = AtomicBool::new(false);

/// Prints to standard output. A reader that has gone (`| head`) is no error.
pub fn print(text: &str) -> Result<()> {
    print_with(|out| out.write_all(text.as_bytes()))
}

/// Prints tables as wide as the terminal is.
pub fn print_tables(document: &Document) -> Result<()> {
    print(&terminal(document, width().unwrap_or(USUAL_WIDTH)))
}

/// Of what is no terminal nobody knows the width.
const USUAL_WIDTH: usize = 118;

/// Columns of the terminal that standard output is.
fn width() -> Option<usize> {
    #[cfg(unix)]
    let columns = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?.ws_col;
    #[cfg(not(unix))]
    let columns = 0u16;
    Some(usize::from(columns)).filter(|columns| *columns > 0)
}

/// Prints piece by piece what is too large for one text.
pub fn print_with(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::failed(format!("cannot print: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a command's one JSON document.
pub fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print_document(|out| write_json(out, value))
}

/// The same, written piece by piece.
pub fn print_document(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    DOCUMENT.store(true, Ordering::Relaxed);
    print_with(write)
}

/// Prints one JSON document of a command that prints several, one a line.
pub fn print_json_line(value: &impl serde::Serialize) -> Result<()> {
    print_with(|out| write_json(out, value))
}

fn write_json(out: &mut dyn Write, value: &impl serde::Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Does this command line ask for JSON? By its words, since one that is not understood may ask for it too.
pub fn asks_for_json(words: impl IntoIterator<Item = OsString>) -> bool {
    let mut before = OsString::new();
    words.into_iter().take_while(|word| word != "--").any(|word| {
        let format = std::mem::replace(&mut before, word.clone());
        word == "--json" || word == "--format=json" || (format == "--format" && word == "json")
    })
}

/// What a command with `--json` prints where it fails or is stopped before its document, and behind its lines.
pub fn print_failure(error: &Error) {
    if DOCUMENT.load(Ordering::Relaxed) {
        return;
    }
    // Standard output that takes nothing may be what failed.
    let _ = print_json_line(&serde_json::json!({
        "error": error.message,
        "help": error.help,
        "exit_code": error.exit.code(),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_asked_for_by_its_words() {
        let asks = |line: &str| asks_for_json(line.split(' ').map(OsString::from));
        for line in [
            "host eval --json",
            "host --json nonsense",
            "host report run --format json",
            "host report run --format=json",
        ] {
            assert!(asks(line), "{line}");
        }
        for line in ["host eval", "host report run --format csv json", "host caption -- --json", "host caption json"] {
            assert!(!asks(line), "{line}");
        }
    }
}
