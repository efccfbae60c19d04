//! A text as hashed features: its words and pairs of neighbouring words, lowercased. Order beyond pairs and counts do not matter.

/// The features' numbers lie below two to the power of this.
pub const BITS: u32 = 16;

/// The distinct features of a text, in ascending order.
pub fn features(text: &str) -> Vec<u32> {
    let mut found = Vec::new();
    let mut earlier: Option<u64> = None;
    for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let own = word.chars().flat_map(char::to_lowercase).fold(START, |hash, letter| mix(hash, u64::from(letter)));
        found.push(folded(own));
        // What stands before the first word is a word too: a title often begins with the category.
        found.push(folded(mix(mix(earlier.unwrap_or(START), u64::from(b' ')), own)));
        earlier = Some(own);
    }
    found.sort_unstable();
    found.dedup();
    found
}

// FNV-1a over 64 bits (Fowler, Noll and Vo), a letter at a time.
const START: u64 = 0xcbf2_9ce4_8422_2325;

fn mix(hash: u64, value: u64) -> u64 {
    (hash ^ value).wrapping_mul(0x0100_0000_01b3)
}

/// Upper bits mixed into the lower: FNV's lowest bits alone are weak.
fn folded(hash: u64) -> u32 {
    let mixed = (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> (64 - BITS)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_punctuation_do_not_matter_and_order_does() {
        assert_eq!(features("Red, DRESS."), features("red dress"));
        assert_ne!(features("red dress"), features("dress red"));
        assert_eq!(features("red"), features("  red  "));
    }

    #[test]
    fn a_text_without_words_has_no_features() {
        for text in ["", " \n", "…!?", "🙂"] {
            assert!(features(text).is_empty(), "{text:?}");
        }
        assert_eq!(features("连衣裙").len(), 2);
    }
}
