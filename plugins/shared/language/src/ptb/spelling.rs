//! The text that a token is given: lowercase, brackets and quotes spelled in ASCII, fractions written out; and which tokens
//! are dropped as punctuation.

use super::rules::Action;

/// True for the tokens that are no words to the metrics. Brackets are spelled in lower case before this list is asked, so
/// that they stay, as in the reference.
pub fn is_dropped(token: &str) -> bool {
    matches!(token, "''" | "'" | "``" | "`" | "." | "?" | "!" | "," | ":" | "-" | "--" | "..." | ";")
}

/// Words that are written as one and counted as two; the rules know where they part.
pub fn is_two_words(word: &[u8]) -> bool {
    const TWO: [&[u8]; 6] = [b"cannot", b"gonna", b"gotta", b"lemme", b"gimme", b"wanna"];
    matches!(word.len(), 5 | 6) && TWO.iter().any(|two| word.eq_ignore_ascii_case(two))
}

/// Appends a token's text.
pub fn push(source: &str, action: Action, out: &mut String) {
    if action == Action::Symbol {
        symbol(source, out);
    } else if source.is_ascii() && !source.contains(['&', ' ', '(', ')']) {
        let start = out.len();
        out.push_str(source);
        out[start..].make_ascii_lowercase();
    } else {
        let mut rest = source;
        while let Some(character) = rest.chars().next() {
            if action == Action::Initials && (rest.starts_with("&amp;") || rest.starts_with("&AMP;")) {
                out.push('&');
                rest = &rest[5..];
                continue;
            }
            let ending = matches!(action, Action::Not | Action::Ending);
            if ending && rest.starts_with("&apos;") {
                out.push('\'');
                rest = &rest[6..];
                continue;
            }
            character_of_word(character, action, source, out);
            rest = &rest[character.len_utf8()..];
        }
    }
}

fn character_of_word(character: char, action: Action, source: &str, out: &mut String) {
    match character {
        '\u{AD}' if action != Action::Verbatim => {}
        ' ' | '\t' | '\n' | '\r' if matches!(action, Action::Joined | Action::Markup) => out.push('\u{A0}'),
        '(' if action != Action::Markup => out.push_str("-lrb-"),
        ')' if action != Action::Markup => out.push_str("-rrb-"),
        '’' | '\u{92}' if matches!(action, Action::Not | Action::Ending) => out.push('\''),
        '‘' | '‛' | '\u{91}' if matches!(action, Action::Not | Action::Ending) => out.push('`'),
        'Σ' if source.ends_with('Σ') && source.chars().count() > 1 => out.push('ς'),
        _ => out.extend(character.to_lowercase()),
    }
}

/// A sign by its ASCII name.
fn symbol(source: &str, out: &mut String) {
    match source.to_ascii_lowercase().as_str() {
        "&amp;" => return out.push('&'),
        "&lt;" => return out.push('<'),
        "&gt;" => return out.push('>'),
        "&quot;" | "&apos;" | "&mdash;" | "&ndash;" => return,
        _ => {}
    }
    for character in source.chars() {
        match character {
            '(' => out.push_str("-lrb-"),
            ')' => out.push_str("-rrb-"),
            '[' => out.push_str("-lsb-"),
            ']' => out.push_str("-rsb-"),
            '{' => out.push_str("-lcb-"),
            '}' => out.push_str("-rcb-"),
            '“' | '«' | '\u{93}' => out.push_str("``"),
            '”' | '»' | '\u{94}' => out.push_str("''"),
            '‘' | '‛' | '‹' | '\u{91}' => out.push('`'),
            '’' | '›' | '\u{92}' => out.push('\''),
            '–' | '—' | '―' | '\u{96}' | '\u{97}' => out.push_str("--"),
            '…' => out.push_str("..."),
            '€' | '¤' | '\u{80}' | '\u{20A0}' | '$' => out.push('$'),
            '£' => out.push('#'),
            '¢' => out.push_str("cents"),
            '¼' => out.push_str("1/4"),
            '½' => out.push_str("1/2"),
            '¾' => out.push_str("3/4"),
            '⅓' => out.push_str("1/3"),
            '⅔' => out.push_str("2/3"),
            _ => out.extend(character.to_lowercase()),
        }
    }
}
