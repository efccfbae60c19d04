//! Which synsets count for a word: its own, and those of its base forms.

use meteor_data::{Lexicon, LexiconWord};

/// WordNet's rules of detachment: an ending and what takes its place, over all parts of speech. The first that leads to a word
/// with synsets ends the search.
const DETACHMENTS: [(&str, &str); 17] = [
    ("s", ""),
    ("ses", "s"),
    ("xes", "x"),
    ("zes", "z"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("men", "man"),
    ("ies", "y"),
    ("es", ""),
    ("ed", "e"),
    ("ed", ""),
    ("ing", "e"),
    ("ing", ""),
    ("er", ""),
    ("er", "e"),
    ("est", ""),
    ("est", "e"),
];

/// The word's synsets, ascending and each once: its own; those of its bases where it is an irregular form, else those of the
/// first base that detachment finds.
pub fn synsets(lexicon: &Lexicon, word: &str) -> Vec<u32> {
    let mut synsets: Vec<u32> = lexicon.word(word).into_iter().flat_map(|word| lexicon.synsets(word)).collect();
    match lexicon.bases(word) {
        Some(bases) => bases.for_each(|base| synsets.extend(lexicon.synsets(base))),
        None => synsets.extend(detached(lexicon, word).into_iter().flat_map(|base| lexicon.synsets(base))),
    }
    synsets.sort_unstable();
    synsets.dedup();
    synsets
}

fn detached(lexicon: &Lexicon, word: &str) -> Option<LexiconWord> {
    // As in WordNet: words of two letters and words in `ss` are no inflections.
    if word.len() <= 2 || word.ends_with("ss") {
        return None;
    }
    DETACHMENTS.iter().find_map(|(ending, instead)| {
        let stem = word.strip_suffix(ending)?;
        lexicon.word(&format!("{stem}{instead}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_share_synsets_as_the_jar_finds() {
        let lexicon = Lexicon::new(include_bytes!("../data/lexicon.bin")).unwrap();
        let share = |a: &str, b: &str| {
            let b = synsets(&lexicon, b);
            synsets(&lexicon, a).iter().any(|synset| b.contains(synset))
        };
        // Irregular forms add to what the form means by itself; detachment stops at the first word that it finds.
        let synonyms = [
            ("axes", "ax"),
            ("axes", "axis"),
            ("bit", "bite"),
            ("mice", "mouse"),
            ("sofa", "couch"),
            ("senses", "sense"),
        ];
        let others = [
            ("senses", "sens"),
            ("fries", "fri"),
            ("being", "be"),
            ("discuss", "discus"),
            ("as", "a"),
            ("fistful", "fist"),
        ];
        for (a, b) in synonyms {
            assert!(share(a, b), "{a}, {b}");
        }
        for (a, b) in others {
            assert!(!share(a, b), "{a}, {b}");
        }
    }
}
