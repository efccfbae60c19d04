//! Word differences between a caption and the nearest reference, as people read them: case and punctuation at a word's ends do not count.

use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::collections::HashSet;

/// Longer texts are shown as they are.
const MOST_WORDS: usize = 600;

/// How a run of words stands to the other text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Same,
    /// In the caption alone.
    Added,
    /// In the reference alone.
    Dropped,
}

impl Kind {
    pub fn is_added(self) -> bool {
        self == Kind::Added
    }

    pub fn is_dropped(self) -> bool {
        self == Kind::Dropped
    }
}

/// Consecutive words of one kind, joined by single spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub kind: Kind,
    pub text: String,
}

/// A caption's words, with the words of the nearest of the references that it lacks where they would stand.
pub fn differences(caption: &str, references: &[String]) -> Vec<Piece> {
    let own: Vec<&str> = caption.split_whitespace().collect();
    let whole = || vec![Piece { kind: Kind::Same, text: caption.to_owned() }];
    if own.len() > MOST_WORDS {
        return whole();
    }
    let own_keys: Vec<String> = own.iter().map(|word| key(word)).collect();
    let compared = references.iter().filter_map(|reference| {
        let other: Vec<&str> = reference.split_whitespace().collect();
        if other.len() > MOST_WORDS {
            return None;
        }
        let other_keys: Vec<String> = other.iter().map(|word| key(word)).collect();
        let operations = capture_diff_slices(Algorithm::Myers, &other_keys, &own_keys);
        let same: usize =
            operations.iter().map(|step| if let DiffOp::Equal { len, .. } = step { *len } else { 0 }).sum();
        Some((same, other, operations))
    });
    // The nearest; of equals the first.
    let nearest = compared.reduce(|best, next| if next.0 > best.0 { next } else { best });
    let Some((_, other, operations)) = nearest else { return whole() };
    let other_keys: HashSet<String> = other.iter().map(|word| key(word)).collect();
    let own_set: HashSet<&str> = own_keys.iter().map(String::as_str).collect();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut add = |kind: Kind, words: &[&str]| {
        if words.is_empty() {
            return;
        }
        match pieces.last_mut() {
            Some(last) if last.kind == kind => {
                last.text.push(' ');
                last.text.push_str(&words.join(" "));
            }
            _ => pieces.push(Piece { kind, text: words.join(" ") }),
        }
    };
    for step in operations {
        let (dropped, added) = (step.old_range(), step.new_range());
        match step {
            DiffOp::Equal { .. } => add(Kind::Same, &own[added]),
            // A word that is only elsewhere in the other text is no difference.
            _ => {
                for word in &other[dropped] {
                    if !own_set.contains(key(word).as_str()) {
                        add(Kind::Dropped, &[*word]);
                    }
                }
                for place in added {
                    let kind = if other_keys.contains(&own_keys[place]) { Kind::Same } else { Kind::Added };
                    add(kind, &own[place..=place]);
                }
            }
        }
    }
    pieces
}

fn key(word: &str) -> String {
    let core = word.trim_matches(|letter: char| !letter.is_alphanumeric());
    if core.is_empty() { word.to_owned() } else { core.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(caption: &str, references: &[&str]) -> String {
        let references: Vec<String> = references.iter().map(|text| (*text).to_owned()).collect();
        let pieces = differences(caption, &references);
        let shown = pieces.iter().map(|piece| match piece.kind {
            Kind::Same => piece.text.clone(),
            Kind::Added => format!("+{}+", piece.text),
            Kind::Dropped => format!("-{}-", piece.text),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn case_and_punctuation_at_the_ends_make_no_difference() {
        assert_eq!(written("A red dress.", &["a red, dress"]), "A red dress.");
        assert_eq!(written("A blue dress with belt.", &["A red dress."]), "A -red- +blue+ dress +with belt.+");
    }

    #[test]
    fn a_word_that_stands_elsewhere_is_no_difference() {
        assert_eq!(written("red striped dress", &["a striped dress in red"]), "-a- red striped dress -in-");
    }

    #[test]
    fn the_nearest_reference_is_compared() {
        assert_eq!(written("blue jeans", &["a red dress", "slim blue jeans"]), "-slim- blue jeans");
        assert_eq!(written("blue jeans", &[]), "blue jeans");
    }
}
