//! A table as a value: columns and rows of cells. Every command that prints a table builds one of these; how it looks is the writers'
//! business (`terminal`, `markdown`, `csv_table`, …).

use super::cell::{Cell, Number};

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
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::cell::Print;
    use super::*;

    fn number(cell: &Cell) -> &Number {
        match cell {
            Cell::Number(number) => number,
            other => panic!("{other:?} is no number"),
        }
    }

    pub fn row(name: &str, base: &str, adapter: Option<&str>, value: f64) -> Row {
        let tuning = Some(Tuning { base: base.into(), adapter: adapter.map(str::to_owned) });
        Row { cells: vec![Cell::text(name), Cell::number(value, Print::score())], published: false, tuning }
    }

    pub fn table(rows: Vec<Row>) -> Table {
        let columns = vec![Column::text("model", "Model"), Column::number("bleu-4", "BLEU-4").best(Best::Highest)];
        Table { title: "hm".into(), columns, rows, keys: 1, notes: Vec::new() }
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
}
