//! Tables in Markdown: values with their intervals, best in bold, notes below.

use super::cell::{Cell, one_line};
use super::table::{Align, Document};
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
            let _ = writeln!(text, "- {}", escape(note));
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

/// A text that cannot end its cell, begin markup, break the line or become a link, as addresses do by themselves.
fn escape(text: &str) -> String {
    let letters: Vec<char> = one_line(text).chars().collect();
    let mut escaped = String::with_capacity(text.len());
    for (place, &letter) in letters.iter().enumerate() {
        let (before, behind) = (&letters[..place], &letters[place + 1..]);
        let within_word = before.last().is_some_and(|letter| letter.is_alphanumeric())
            && behind.first().is_some_and(|letter| letter.is_alphanumeric());
        match letter {
            '|' | '*' | '`' | '\\' | '[' | ']' | '~' | '$' | '@' => escaped.extend(['\\', letter]),
            '_' if !within_word => escaped.push_str("\\_"),
            ':' if behind.starts_with(&['/', '/']) => escaped.push_str("\\:"),
            '.' if before.ends_with(&['w', 'w', 'w']) => escaped.push_str("\\."),
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
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

    #[test]
    fn a_name_is_no_link_and_no_markup() {
        for (name, escaped) in [
            ("[x](http://evil.com)", "\\[x\\](http\\://evil.com)"),
            ("![x][y]", "!\\[x\\]\\[y\\]"),
            ("www.evil.com me@evil.com", "www\\.evil.com me\\@evil.com"),
            ("~~a~~ $b$ &lt;", "\\~\\~a\\~\\~ \\$b\\$ &amp;lt;"),
            ("_a_ b_c", "\\_a\\_ b_c"),
        ] {
            assert_eq!(escape(name), escaped);
        }
    }
}
