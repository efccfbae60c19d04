//! Tables as a terminal shows them: a line of values and a line of intervals for every row, in as many parts as its width needs; a line a
//! value where not even a row's name and one value fit beside each other.

use super::cell::{Cell, one_line};
use super::table::{Align, Document, Table};
use std::fmt::Write;

/// The tables in aligned columns, in lines of so many characters.
pub fn terminal(document: &Document, width: usize) -> String {
    let mut text = String::new();
    for table in &document.tables {
        if !table.title.is_empty() {
            let _ = writeln!(text, "{}", one_line(&table.title));
        }
        let rows = lines(table);
        let widths: Vec<usize> = (0..table.columns.len())
            .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        let parts = parts(&widths, table.keys, width);
        let fits = |part: &Vec<usize>| part.iter().map(|column| widths[*column] + 2).sum::<usize>() <= width;
        if parts.iter().all(fits) {
            parts.iter().for_each(|part| part_of_table(&mut text, table, &rows, &widths, part));
        } else {
            listed(&mut text, table);
        }
        for note in &table.notes {
            let _ = writeln!(text, "  ! {}", one_line(note));
        }
        text.push('\n');
    }
    for note in &document.notes {
        let _ = writeln!(text, "{}", one_line(note));
    }
    text
}

/// The columns of each part: the keys in all of them, the others as many as fit.
fn parts(widths: &[usize], keys: usize, most: usize) -> Vec<Vec<usize>> {
    let all: Vec<usize> = (0..keys.min(widths.len())).collect();
    let fixed: usize = all.iter().map(|column| widths[*column] + 2).sum();
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut width = usize::MAX;
    for (column, own) in widths.iter().enumerate().skip(keys) {
        if width.saturating_add(own + 2) > most {
            parts.push(all.clone());
            width = fixed;
        }
        width += own + 2;
        if let Some(part) = parts.last_mut() {
            part.push(column);
        }
    }
    if parts.is_empty() { vec![all] } else { parts }
}

fn part_of_table(text: &mut String, table: &Table, rows: &[Vec<String>], widths: &[usize], part: &[usize]) {
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for column in part {
            let cell = &row[*column];
            let pad = " ".repeat(widths[*column] - cell.chars().count());
            let _ = match table.columns[*column].align {
                Align::Left => write!(line, "  {cell}{pad}"),
                Align::Right => write!(line, "  {pad}{cell}"),
            };
        }
        if number > 0 && line.trim().is_empty() {
            continue;
        }
        let _ = writeln!(text, "{}", line.trim_end());
        if number == 0 {
            let rule = part.iter().map(|column| widths[*column]).sum::<usize>() + 2 * part.len().saturating_sub(1);
            let _ = writeln!(text, "  {}", "─".repeat(rule));
        }
    }
}

/// Each row's name, and a line for every value below it.
fn listed(text: &mut String, table: &Table) {
    let keys = table.keys.min(table.columns.len());
    let headings: Vec<String> = table.columns.iter().map(|column| one_line(&column.heading)).collect();
    let width = headings.iter().skip(keys).map(|heading| heading.chars().count()).max().unwrap_or(0);
    for row in &table.rows {
        let printed = row.printed();
        // The first key names the row; what the others are is told with them.
        let name = |column: usize| match column {
            0 => printed[0].clone(),
            _ => format!("{} {}", headings[column], printed[column]),
        };
        let _ = writeln!(text, "  {}", (0..keys).map(name).collect::<Vec<_>>().join(", "));
        for column in keys..printed.len() {
            let interval = row.cells[column].interval().map_or(String::new(), |text| format!(" [{text}]"));
            let _ = writeln!(text, "    {:width$}  {}{interval}", headings[column], printed[column]);
        }
    }
}

fn lines(table: &Table) -> Vec<Vec<String>> {
    let mut rows = vec![table.columns.iter().map(|column| one_line(&column.heading)).collect::<Vec<_>>()];
    for row in &table.rows {
        rows.push(row.printed());
        let interval = |cell: &Cell| cell.interval().map_or(String::new(), |text| format!("[{text}]"));
        let intervals: Vec<String> = row.cells.iter().map(interval).collect();
        if intervals.iter().any(|interval| !interval.is_empty()) {
            rows.push(intervals);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::cell::Print;
    use super::super::table::{Column, Row};
    use super::*;
    use crate::score::Interval;

    fn document(name: &str) -> Document {
        let score = |value: f64| {
            let interval = Interval { low: value - 0.01, high: value + 0.01 };
            Cell::with_interval(value, Some(interval), Print::score())
        };
        let columns = vec![Column::text("model", "Model"), Column::number("a", "BLEU-1"), Column::number("b", "SPICE")];
        let rows = vec![Row::new(vec![Cell::text(name), score(0.5), score(0.25)])];
        let table = Table { title: "hm".into(), columns, rows, keys: 1, notes: Vec::new() };
        Document { tables: vec![table], notes: Vec::new() }
    }

    #[test]
    fn a_table_keeps_within_the_terminals_width() {
        let widest = |name: &str, width: usize| {
            let text = terminal(&document(name), width);
            (text.lines().map(|line| line.chars().count()).max().unwrap(), text.matches(name).count(), text)
        };
        let (width, parts, text) = widest("nano-blip2", 118);
        assert!(width == 40 && parts == 1, "{text}");
        let (width, parts, text) = widest("nano-blip2", 39);
        assert!(width <= 39 && parts == 2, "{text}");
        let (width, parts, text) = widest("nano-blip2-opt+fashiongen", 36);
        assert!(width <= 36 && parts == 1, "{text}");
        assert!(
            text.contains("  nano-blip2-opt+fashiongen\n    BLEU-1  50.0 [49.0, 51.0]\n    SPICE   25.0"),
            "{text}"
        );
    }
}
