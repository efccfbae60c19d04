//! Tables in Markdown: values with their intervals, best in bold, notes below.

use super::table::{Align, Cell, Document, one_line};
use std::fmt::Write;

/// The tables in GitHub's Markdown.
pub fn markdown(document: &Document) -> String {
    let mut text = String::new();
    for table in &document.tables {
        if !table.title.is_empty() {
            let _ = writeln!(text, "### {}\n", escape(&table.title));
        }
        let headings: Vec<String> = table.columns.iter().map(|column| escape(&column.heading)).collect();
        let _ = writeln!(text, "| {} |", headings.join(" | "));
        let rule = |align: Align| if align == Align::Left { "---|" } else { "---:|" };
        let _ = writeln!(text, "|{}", table.columns.iter().map(|column| rule(column.align)).collect::<String>());
        for row in &table.rows {
            let cells: Vec<String> =
                row.cells.iter().zip(row.printed()).map(|(cell, text)| markup(cell, &text)).collect();
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
        text.push('\n');
        for note in &table.notes {
            let _ = writeln!(text, "- {}", one_line(note));
        }
        if !table.notes.is_empty() {
            text.push('\n');
        }
    }
    for note in &document.notes {
        let _ = writeln!(text, "{}", one_line(note));
    }
    text
}

fn markup(cell: &Cell, printed: &str) -> String {
    let printed = escape(printed);
    let value = if cell.is_best() { format!("**{printed}**") } else { printed };
    cell.interval().map_or(value.clone(), |interval| format!("{value} [{interval}]"))
}

/// A text that cannot end its cell, begin markup or break the line.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in one_line(text).chars() {
        match letter {
            '|' | '*' | '`' | '\\' => escaped.extend(['\\', letter]),
            '<' => escaped.push_str("&lt;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::table::{Column, Row, Table};
    use super::*;

    #[test]
    fn a_name_cannot_break_its_row() {
        let columns = vec![Column::text("model", "Model"), Column::number("n", "N")];
        let rows = vec![Row::new(vec![Cell::text("a|b <img> *c*\nd"), Cell::count(3)])];
        let table = Table { title: "t".into(), columns, rows, keys: 1, notes: Vec::new() };
        let text = markdown(&Document { tables: vec![table], notes: Vec::new() });
        assert!(text.contains("| a\\|b &lt;img> \\*c\\* d | 3 |\n"), "{text}");
        assert!(text.contains("|---|---:|\n"), "{text}");
    }
}
