//! What stands where a row and a column of a table meet: a number with its interval, a text, or the reason that there is none; and how numbers
//! are printed.

use crate::score::Interval;

/// What stands where a row and a column meet.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Cell {
    /// Nothing belongs here.
    #[default]
    Empty,
    /// A value belongs here and is not known.
    Missing,
    /// Computing it failed; the table's notes say why.
    Failed,
    Text(String),
    Number(Number),
    /// Pre-trained and fine-tuned, as [`Table::paired`] puts them together.
    Pair(Box<Cell>, Box<Cell>),
}

/// A number, how it is printed, and its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// As computed: unscaled.
    pub value: f64,
    pub interval: Option<Interval>,
    pub print: Print,
    /// The best of its column; see [`Table::mark_best`].
    pub best: bool,
}

/// How a number is printed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Print {
    /// Printed is value × scale.
    pub scale: f64,
    pub decimals: usize,
    /// With a plus sign where it is positive.
    pub signed: bool,
}

impl Print {
    /// As it is, with so many decimals.
    pub fn plain(decimals: usize) -> Print {
        Print { scale: 1.0, decimals, signed: false }
    }

    /// A score in 0…1 as it is usual: times 100, one decimal.
    pub fn score() -> Print {
        Print { scale: 100.0, decimals: 1, signed: false }
    }

    fn text(self, value: f64) -> String {
        let scaled = value * self.scale;
        let text = format!("{scaled:.*}", self.decimals);
        // A value that rounds to zero has no sign.
        let zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
        match (self.signed, zero) {
            (true, false) if scaled > 0.0 => format!("+{text}"),
            (_, true) => text.trim_start_matches('-').to_owned(),
            _ => text,
        }
    }
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Cell {
        Cell::Text(text.into())
    }

    pub fn count(count: usize) -> Cell {
        Cell::number(count as f64, Print::plain(0))
    }

    pub fn number(value: f64, print: Print) -> Cell {
        Cell::with_interval(value, None, print)
    }

    pub fn with_interval(value: f64, interval: Option<Interval>, print: Print) -> Cell {
        Cell::Number(Number { value, interval, print, best: false })
    }

    /// What people read: `52.3`, `failed`, `–`, `0.3 / 40.8`. The interval is apart.
    pub fn printed(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            Cell::Missing => "–".to_owned(),
            Cell::Failed => "failed".to_owned(),
            // One line, whatever a name or a reason holds.
            Cell::Text(text) => one_line(text),
            Cell::Number(number) => number.printed(),
            Cell::Pair(before, after) => format!("{} / {}", before.printed(), after.printed()),
        }
    }

    /// `48.1, 56.6`.
    pub fn interval(&self) -> Option<String> {
        match self {
            Cell::Number(number) => number.printed_interval(),
            _ => None,
        }
    }

    pub fn is_best(&self) -> bool {
        matches!(self, Cell::Number(number) if number.best)
    }
}

impl Number {
    pub fn printed(&self) -> String {
        self.print.text(self.value)
    }

    pub fn printed_interval(&self) -> Option<String> {
        let interval = self.interval?;
        Some(format!("{}, {}", self.print.text(interval.low), self.print.text(interval.high)))
    }
}

/// A text without line breaks and control characters.
pub fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_with_scale_sign_and_interval() {
        let signed = Print { signed: true, ..Print::score() };
        assert_eq!(Cell::number(0.123_4, signed).printed(), "+12.3");
        assert_eq!(Cell::number(-0.123_4, signed).printed(), "-12.3");
        assert_eq!(Cell::number(-0.000_04, signed).printed(), "0.0");
        let interval = Some(Interval { low: 0.1, high: 0.2 });
        assert_eq!(Cell::with_interval(0.15, interval, Print::score()).interval().as_deref(), Some("10.0, 20.0"));
        assert_eq!(Cell::text("a\nb\u{1b}").printed(), "a b ");
    }
}
