//! A pre-trained model and the same model fine-tuned, side by side in one row.

use super::cell::Cell;
use super::table::{Row, Table, Tuning};

impl Table {
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

#[cfg(test)]
mod tests {
    use super::super::table::tests::{row, table};
    use super::*;

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
