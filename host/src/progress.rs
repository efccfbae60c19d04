//! What people see while they wait: bars on a terminal, plain lines elsewhere; always on standard error.

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use std::collections::HashSet;
use std::fmt::Write;
use std::io::{IsTerminal, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Says a line on standard error. Whether anybody reads it (`2>&1 | head`) or it can be kept (a full disk) is nothing that work depends on:
/// `eprintln!` would end it.
pub fn tell(text: &str) {
    let _ = std::io::stderr().write_all((printable(text) + "\n").as_bytes());
}

/// A text of somebody else's, for people: with its lines, and without what would command the terminal.
pub fn printable(text: &str) -> String {
    let commands = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
    text.chars().map(|letter| if commands(letter) { '\u{fffd}' } else { letter }).collect()
}

/// Says how work goes on.
pub struct Reporter {
    bars: Option<MultiProgress>,
    quiet: bool,
    /// What plugins have told.
    told: Mutex<HashSet<String>>,
}

impl Reporter {
    /// Bars if standard error is a terminal, else lines; nothing but warnings if `quiet`.
    pub fn new(quiet: bool) -> Reporter {
        let bars = (!quiet && std::io::stderr().is_terminal()).then(MultiProgress::new);
        Reporter { bars, quiet, told: Mutex::default() }
    }

    /// A line of information.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.line(text);
        }
    }

    /// A line that must be seen.
    pub fn warn(&self, text: &str) {
        self.line(&format!("warning: {text}"));
    }

    /// A plugin's own log line. Information comes once, however many workers a plugin tells it from.
    pub fn plugin(&self, level: &str, message: &str) {
        match level {
            "warning" | "error" => self.line(&format!("{level}: {message}")),
            "info" if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(message.to_owned()) => {
                self.note(message);
            }
            _ => {}
        }
    }

    fn line(&self, text: &str) {
        match &self.bars {
            // Not `println`, which fills lines up with blanks in place of ending them.
            Some(bars) => bars.suspend(|| tell(text)),
            None => tell(text),
        }
    }

    /// Progress of a download.
    pub fn byte_bar(&self, title: &str, total: u64) -> Bar {
        self.progress(title, 0, usize::try_from(total).unwrap_or(usize::MAX), true)
    }

    /// Progress of a countable piece of work.
    pub fn bar(&self, title: &str, done: usize, total: usize) -> Bar {
        self.progress(title, done, total, false)
    }

    fn progress(&self, title: &str, done: usize, total: usize, bytes: bool) -> Bar {
        let kind = match (&self.bars, self.quiet) {
            (_, true) => Kind::Silent,
            (Some(bars), _) => {
                let bar =
                    bars.add(ProgressBar::new(total as u64).with_position(done as u64).with_message(title.to_owned()));
                let style = ProgressStyle::with_template(match bytes {
                    false => "{msg} {bar:30} {pos}/{len} {rate} {eta} left",
                    true => "{msg} {bar:30} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta} left",
                });
                let rate = |state: &ProgressState, out: &mut dyn Write| {
                    let _ = write!(out, "{:.1}/s", state.per_sec());
                };
                bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("rate", rate));
                bar.reset_eta();
                Kind::Drawn(bar)
            }
            (None, _) => {
                let now = Instant::now();
                Kind::Lines(Mutex::new(Lines { begun: done, done, started: now, said: now }))
            }
        };
        Bar { title: title.to_owned(), total, bytes, kind }
    }
}

/// One piece of work's progress.
pub struct Bar {
    title: String,
    total: usize,
    /// Whether it counts bytes.
    bytes: bool,
    kind: Kind,
}

enum Kind {
    Silent,
    Drawn(ProgressBar),
    Lines(Mutex<Lines>),
}

struct Lines {
    /// What was done before, in another session.
    begun: usize,
    done: usize,
    started: Instant,
    said: Instant,
}

impl Lines {
    /// ` (16.2/s, 4 min left)`, once there is something to tell.
    fn pace(&self, total: usize) -> String {
        let rate = (self.done - self.begun) as f64 / self.started.elapsed().as_secs_f64();
        if self.done >= total || !rate.is_normal() {
            return String::new();
        }
        let left = (total - self.done) as f64 / rate;
        let left = match left {
            ..100.0 => format!("{left:.0} s"),
            100.0..6000.0 => format!("{:.0} min", left / 60.0),
            _ => format!("{:.1} h", left / 3600.0),
        };
        format!(" ({rate:.1}/s, {left} left)")
    }
}

/// Lines come at most so often, besides the last.
const PACE: Duration = Duration::from_secs(10);

impl Bar {
    pub fn advance(&self, by: usize) {
        match &self.kind {
            Kind::Silent => {}
            Kind::Drawn(bar) => bar.inc(by as u64),
            Kind::Lines(lines) => {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                lines.done += by;
                if lines.done == self.total || lines.said.elapsed() > PACE {
                    let (done, total) = (lines.done, self.total);
                    tell(&match self.bytes {
                        false => format!("{}: {done} of {total}{}", self.title, lines.pace(total)),
                        true => format!("{}: {:.1} of {:.1} MB", self.title, done as f64 / 1e6, total as f64 / 1e6),
                    });
                    lines.said = Instant::now();
                }
            }
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Kind::Drawn(bar) = &self.kind {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn no_text_commands_the_terminal() {
        assert_eq!(
            printable("a\u{1b}]0;title\u{7}b\tc\nd\re\u{9b}31m"),
            "a\u{fffd}]0;title\u{fffd}b\tc\nd\u{fffd}e\u{fffd}31m"
        );
    }
}
