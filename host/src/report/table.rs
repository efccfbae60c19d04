//! A table as a value: columns, rows, and cells that hold a number with its interval, a text, or the reason that there is none. Every
//! command that prints a table builds one of these; how it looks is the writers' business (`terminal`, `markdown`, `csv_table`, …).

use crate::score::Interval;

/// Tables, and what is said below all of them.
#[derive(Debug, Clone, Default)]
pub struct Document {
    pub tables: Vec<Table>,
    pub notes: Vec<String>,
}

/// One table. Every row has a cell for every column.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Such as `hm (test split)`.
    pub title: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    /// How many first columns say what a row is; a table too wide for the terminal repeats them in its parts.
    pub keys: usize,
    /// What failed or is missing, a sentence each.
    pub notes: Vec<String>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// For CSV, such as `bleu-4`.
    pub name: String,
    /// For people, such as `BLEU-4`.
    pub heading: String,
    /// Where space is dear (LaTeX), such as `MAP` for `Attr. P (MAP)`.
    pub short: Option<String>,
    pub align: Align,
    /// What makes a number of this column the best; none: no number is.
    pub best: Option<Best>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Best {
    Highest,
    Lowest,
}

/// One row.
#[derive(Debug, Clone, Default)]
pub struct Row {
    pub cells: Vec<Cell>,
    /// Taken from a publication, and not computed here: told apart in every form, and never the best.
    pub published: bool,
    /// The row's part in a pair of a pre-trained model and the same model fine-tuned.
    pub tuning: Option<Tuning>,
}

/// A half of a pre-trained / fine-tuned pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuning {
    /// The pre-trained model.
    pub base: String,
    /// What it was tuned with; none: this is the pre-trained model itself.
    pub adapter: Option<String>,
}

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

impl Column {
    /// A column of text, at the left.
    pub fn text(name: &str, heading: &str) -> Column {
        Column { name: name.into(), heading: heading.into(), short: None, align: Align::Left, best: None }
    }

    /// A column of numbers, at the right.
    pub fn number(name: &str, heading: &str) -> Column {
        Column { align: Align::Right, ..Column::text(name, heading) }
    }

    #[must_use]
    pub fn best(mut self, best: Best) -> Column {
        self.best = Some(best);
        self
    }
}

impl Row {
    pub fn new(cells: Vec<Cell>) -> Row {
        Row { cells, ..Row::default() }
    }

    /// What people read, cell by cell; a published row's first cell ends in a dagger.
    pub fn printed(&self) -> Vec<String> {
        let mut texts: Vec<String> = self.cells.iter().map(Cell::printed).collect();
        if let Some(first) = texts.first_mut().filter(|_| self.published) {
            first.push_str(" †");
        }
        texts
    }
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

impl Table {
    /// Marks the best number of each column that has a best, among those computed here, where there are several. Equal ones
    /// are all the best.
    pub fn mark_best(&mut self) {
        for (place, column) in self.columns.iter().enumerate() {
            let Some(best) = column.best else { continue };
            let sign = if best == Best::Highest { 1.0 } else { -1.0 };
            let mut numbers: Vec<&mut Number> = self
                .rows
                .iter_mut()
                .filter(|row| !row.published)
                .filter_map(|row| match row.cells.get_mut(place) {
                    Some(Cell::Number(number)) if number.value.is_finite() => Some(number),
                    _ => None,
                })
                .collect();
            let top = numbers.iter().map(|number| number.value * sign).fold(f64::NEG_INFINITY, f64::max);
            let several = numbers.len() > 1;
            for number in &mut numbers {
                number.best = several && number.value * sign >= top;
            }
        }
    }

    /// The table with each pre-trained model and its fine-tuned form in one row of `PT / FT` cells. None if there is no such pair.
    pub fn paired(&self) -> Option<Table> {
        let base_of =
            |row: &Row| row.tuning.clone().filter(|tuning| tuning.adapter.is_none()).map(|tuning| tuning.base);
        let adapters = |base: &str, published: bool| -> Vec<&Row> {
            let same = |row: &&Row| {
                row.published == published
                    && row.tuning.as_ref().is_some_and(|tuning| tuning.base == base && tuning.adapter.is_some())
            };
            self.rows.iter().filter(same).collect()
        };
        let pairs = |row: &Row| base_of(row).map_or(0, |base| adapters(&base, row.published).len());
        if self.rows.iter().all(|row| pairs(row) == 0) {
            return None;
        }
        let has_base = |tuning: &Tuning, published: bool| {
            self.rows.iter().any(|row| row.published == published && base_of(row).as_ref() == Some(&tuning.base))
        };
        let mut rows = Vec::new();
        for row in &self.rows {
            match &row.tuning {
                Some(tuning) if tuning.adapter.is_none() => {
                    let tuned = adapters(&tuning.base, row.published);
                    if tuned.is_empty() {
                        rows.push(self.beside(Some(row), None, &tuning.base));
                    }
                    for other in &tuned {
                        let adapter = other.tuning.as_ref().and_then(|tuning| tuning.adapter.clone());
                        let label = match adapter {
                            Some(adapter) if tuned.len() > 1 => format!("{}+{adapter}", tuning.base),
                            _ => tuning.base.clone(),
                        };
                        rows.push(self.beside(Some(row), Some(other), &label));
                    }
                }
                Some(tuning) if has_base(tuning, row.published) => {}
                Some(Tuning { base, adapter: Some(adapter) }) => {
                    rows.push(self.beside(None, Some(row), &format!("{base}+{adapter}")));
                }
                _ => rows.push(row.clone()),
            }
        }
        Some(Table { rows, ..self.clone() })
    }

    /// One row of two halves, labelled in its first column.
    fn beside(&self, before: Option<&Row>, after: Option<&Row>, label: &str) -> Row {
        let cells = (0..self.columns.len()).map(|place| {
            if place == 0 {
                return Cell::text(label);
            }
            let half = |row: Option<&Row>| row.and_then(|row| row.cells.get(place).cloned()).unwrap_or(Cell::Missing);
            let (before, after) = (half(before), half(after));
            // What is the same for both, such as the number of items or that there is nothing, is said once.
            let number = matches!(before, Cell::Number(_)) && self.columns[place].best.is_some();
            if before.printed() == after.printed() && !number {
                return before;
            }
            Cell::Pair(Box::new(before), Box::new(after))
        });
        Row { cells: cells.collect(), published: before.or(after).is_some_and(|row| row.published), tuning: None }
    }
}

/// A text without line breaks and control characters.
pub fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(cell: &Cell) -> &Number {
        match cell {
            Cell::Number(number) => number,
            other => panic!("{other:?} is no number"),
        }
    }

    fn row(name: &str, base: &str, adapter: Option<&str>, value: f64) -> Row {
        let tuning = Some(Tuning { base: base.into(), adapter: adapter.map(str::to_owned) });
        Row { cells: vec![Cell::text(name), Cell::number(value, Print::score())], published: false, tuning }
    }

    fn table(rows: Vec<Row>) -> Table {
        let columns = vec![Column::text("model", "Model"), Column::number("bleu-4", "BLEU-4").best(Best::Highest)];
        Table { title: "hm".into(), columns, rows, keys: 1, notes: Vec::new() }
    }

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

    #[test]
    fn the_best_is_among_what_was_computed_and_needs_company() {
        let mut one = table(vec![row("a", "a", None, 0.5)]);
        one.mark_best();
        assert!(!one.rows[0].cells[1].is_best());
        let mut published = row("c", "c", None, 0.9);
        published.published = true;
        let mut several =
            table(vec![row("a", "a", None, 0.5), row("b", "b", None, 0.5), row("d", "d", None, 0.1), published]);
        several.mark_best();
        let best: Vec<bool> = several.rows.iter().map(|row| number(&row.cells[1]).best).collect();
        assert_eq!(best, [true, true, false, false]);
        several.columns[1].best = Some(Best::Lowest);
        several.mark_best();
        assert!(several.rows[2].cells[1].is_best());
    }

    #[test]
    fn a_model_and_its_adapters_pair_up_and_others_stay() {
        let rows = vec![
            row("a", "a", None, 0.1),
            row("a+x", "a", Some("x"), 0.2),
            row("b", "b", None, 0.3),
            row("a+y", "a", Some("y"), 0.4),
            row("c+z", "c", Some("z"), 0.5),
        ];
        let paired = table(rows).paired().expect("there are pairs");
        let lines: Vec<String> =
            paired.rows.iter().map(|row| row.cells.iter().map(Cell::printed).collect::<Vec<_>>().join(" & ")).collect();
        assert_eq!(lines, ["a+x & 10.0 / 20.0", "a+y & 10.0 / 40.0", "b & 30.0 / –", "c+z & – / 50.0"]);
        assert!(table(vec![row("a", "a", None, 0.1)]).paired().is_none());
    }
}
