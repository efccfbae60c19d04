//! A vendor's text as a reference: one line, plain spaces, and lowercased where asked. Words and punctuation stay as they are.

/// The text without control characters and byte order marks, each run of white space as one space, none at the ends.
pub fn normalised(text: &str, lowercase: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut space = false;
    for letter in text.chars() {
        if letter.is_whitespace() || letter == '\u{85}' {
            space = !out.is_empty();
        } else if !letter.is_control() && letter != '\u{feff}' {
            if space {
                out.push(' ');
                space = false;
            }
            match lowercase {
                true => out.extend(letter.to_lowercase()),
                false => out.push(letter),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_folded_and_the_rest_stays() {
        assert_eq!(normalised("\u{feff} Jersey\r\n top,\tthin\u{a0}straps.\0 ", true), "jersey top, thin straps.");
        assert_eq!(normalised("Élan 5-Pocket  Jeans", false), "Élan 5-Pocket Jeans");
        assert_eq!(normalised(" \n\u{feff}", true), "");
    }
}
