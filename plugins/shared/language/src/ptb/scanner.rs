//! The scan: the longest rule that fits takes its text, token after token. Plain words, which are nearly all of a caption,
//! are taken by a loop over bytes; what is left goes through the rules' automaton.

use super::rules::{Action, Rules};
use super::{TokenBuffer, spelling};
use regex_automata::hybrid::dfa::Cache;
use regex_automata::{Anchored, Input};

/// Bytes that the rules first see: some look for a later `@` or `-` in vain, and a hostile text without spaces would make
/// each of its tokens look to its end. A match that fills the window is tried again in a larger one; markup is seen to its end.
const WINDOW: usize = 1024;
/// The longest markup, bytes: style sheets in comments and pictures in attributes are long.
const LONGEST_MARKUP: usize = 1 << 16;

/// Working memory of a scan.
#[derive(Default)]
pub struct Scratch {
    /// The text with the line's end that rules look ahead to.
    line: String,
    cache: Option<Cache>,
}

/// Splits a text and appends its tokens.
pub fn scan(text: &str, buffer: &mut TokenBuffer) {
    let mut line = std::mem::take(&mut buffer.scratch.line);
    line.clear();
    // A line break is a space, as in the reference.
    text.split_inclusive('\n').for_each(|part| match part.strip_suffix('\n') {
        Some(part) => line.extend([part, " "]),
        None => line.push_str(part),
    });
    line.push('\n');
    let bytes = line.as_bytes();
    let mut at = 0;
    let mut close = 0;
    while at < text.len() {
        if bytes[at] == b' ' {
            at += 1;
        } else if let Some(end) = plain_word(bytes, at) {
            push_plain(&line[at..end], at, buffer);
            // The comma that `plain_word` may have looked at.
            at = end + usize::from(bytes[end] == b',');
        } else {
            at = match_rule(&line, at, text.len(), &mut close, buffer);
        }
    }
    buffer.scratch.line = line;
}

/// The end of a word of ASCII letters and inner hyphens that a space, the line's end, or a comma and a space follow: no rule
/// can make more of it. `None` where the rules must look. The line end at the end of `bytes` bounds every loop and index.
fn plain_word(bytes: &[u8], start: usize) -> Option<usize> {
    let mut end = start;
    while bytes[end].is_ascii_alphabetic() || (bytes[end] == b'-' && end > start && bytes[end - 1] != b'-') {
        end += 1;
    }
    if end == start || bytes[end - 1] == b'-' {
        return None;
    }
    let closed = matches!(bytes[end], b' ' | b'\n') || (bytes[end] == b',' && bytes[end + 1] == b' ');
    (closed && !spelling::is_two_words(&bytes[start..end])).then_some(end)
}

fn push_plain(word: &str, at: usize, buffer: &mut TokenBuffer) {
    let start = buffer.text.len();
    buffer.text.push_str(word);
    buffer.text[start..].make_ascii_lowercase();
    buffer.ends.push(buffer.text.len());
    buffer.sources.push(at as u32..(at + word.len()) as u32);
}

/// Takes one token by the longest rule at `at`, and returns where the next one starts. A character that no rule knows
/// vanishes. `limit` is the text's end, before the added line end; `close` where the next `>` stands, if it is not behind `at`.
fn match_rule(line: &str, at: usize, limit: usize, close: &mut usize, buffer: &mut TokenBuffer) -> usize {
    let rules = Rules::get();
    let cache = buffer.scratch.cache.get_or_insert_with(|| rules.dfa.create_cache());
    let mut window = WINDOW;
    if line.as_bytes()[at] == b'<' {
        // Looked for once, however many `<` stand before it.
        if *close <= at {
            *close = line[at..].find('>').map_or(usize::MAX, |found| at + found);
        }
        if *close - at <= LONGEST_MARKUP {
            window = window.max(*close - at + 1);
        }
    }
    let found = loop {
        let end = line.floor_char_boundary(at.saturating_add(window));
        let input = Input::new(line).range(at..end).anchored(Anchored::Yes);
        // The automaton gives up only on a quit byte or a full cache policy, and it has neither.
        let found = rules.dfa.try_search_fwd(cache, &input).ok().flatten();
        match found {
            Some(found) if found.offset() == end && end < line.len() => window = window.saturating_mul(8),
            found => break found,
        }
    };
    let Some(found) = found.filter(|found| found.offset() > at) else {
        return at + line[at..].chars().next().map_or(1, char::len_utf8);
    };
    let action = rules.action(found.pattern());
    let end = action.token_end(&line[..found.offset()], at).min(limit);
    if let Action::Skip = action {
        return end.max(at + 1);
    }
    if let Action::Two(first) = action {
        spelling::push(&line[at..at + first], Action::Word, &mut buffer.text);
        buffer.finish(at..at + first);
        spelling::push(&line[at + first..end], Action::Word, &mut buffer.text);
        buffer.finish(at + first..end);
    } else {
        spelling::push(&line[at..end], action, &mut buffer.text);
        buffer.finish(at..end);
    }
    end.max(at + 1)
}
