//! Tables as a terminal shows them: a line of values and a line of intervals for every row.

use super::table::{Align, Cell, Document, Table, one_line};
use std::fmt::Write;

/// The tables in aligned columns.
pub fn terminal(document: &Document) -> String {
    let mut text = String::new();
    for table in &document.tables {
        if !table.title.is_empty() {
            let _ = writeln!(text, "{}", one_line(&table.title));
        }
        let rows = lines(table);
        let widths: Vec<usize> = (0..table.columns.len())
            .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        for part in parts(&widths, table.keys) {
            part_of_table(&mut text, table, &rows, &widths, &part);
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

/// What a terminal is taken to hold; tables that are wider come in parts.
const WIDTH: usize = 118;

/// The columns of each part: the keys in all of them, the others as many as fit.
fn parts(widths: &[usize], keys: usize) -> Vec<Vec<usize>> {
    let all: Vec<usize> = (0..keys.min(widths.len())).collect();
    let fixed: usize = all.iter().map(|column| widths[*column] + 2).sum();
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut width = usize::MAX;
    for (column, own) in widths.iter().enumerate().skip(keys) {
        if width.saturating_add(own + 2) > WIDTH {
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
