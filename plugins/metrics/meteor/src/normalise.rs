//! METEOR's text normaliser for English (its `-norm`): quotes and dashes to ASCII, punctuation apart from words, compounds and
//! acronyms opened, lowercase. It follows the Moses tokenizer's rules; what differs was found by probing the reference, against which `tests/parity.rs` holds 6,000 texts.

use std::mem;

/// Calls `token` with each normalised token of `text`, in order.
pub fn normalise(text: &str, mut token: impl FnMut(&str)) {
    // Most captions are lowercase words and numbers only, which no rule changes.
    if text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b' ')) {
        text.split(' ').filter(|word| !word.is_empty()).for_each(token);
        return;
    }
    let mut passes =
        Passes { text: Vec::with_capacity(2 * text.len() + 2), next: Vec::with_capacity(2 * text.len() + 2) };
    passes.quotes_and_dashes(text);
    passes.special_characters();
    passes.commas();
    passes.apostrophes();
    passes.hyphens();
    let separated: String = passes.text.iter().collect();
    let words: Vec<&str> = separated.split([' ', '\t', '\n', '\r', '\x0c']).filter(|word| !word.is_empty()).collect();
    let mut lower = String::new();
    for (position, word) in words.iter().enumerate() {
        let mut emit = |word: &str| {
            if word.chars().all(is_wide_space) {
                return;
            }
            if word.is_ascii() {
                lower.clear();
                lower.push_str(word);
                lower.make_ascii_lowercase();
            } else {
                lower = word.to_lowercase();
            }
            token(&lower);
        };
        match final_period(word, words.get(position + 1).copied()) {
            FinalPeriod::Stays => emit(word),
            FinalPeriod::Acronym => emit(&word.replace('.', "")),
            FinalPeriod::EndsSentence(word) => {
                emit(word);
                emit(".");
            }
        }
    }
}

/// The text between two rewriting rules, as characters, with a space before and after it.
struct Passes {
    text: Vec<char>,
    next: Vec<char>,
}

impl Passes {
    fn quotes_and_dashes(&mut self, text: &str) {
        self.text.push(' ');
        for character in text.chars() {
            match character {
                '“' | '”' => self.text.push('"'),
                '‘' | '’' | '`' => self.text.push('\''),
                '–' => self.text.extend([' ', '-', ' ']),
                other => self.text.push(other),
            }
        }
        self.text.push(' ');
        // Doubled marks, from the left: two apostrophes are a quote, two hyphens are one.
        let mut from = mem::take(&mut self.text).into_iter().peekable();
        while let Some(character) = from.next() {
            let single = match character {
                '\'' => from.next_if_eq(&'\'').map_or('\'', |_| '"'),
                '-' => from.next_if_eq(&'-').unwrap_or('-'),
                other => other,
            };
            self.text.push(single);
        }
    }

    /// Everything but letters, digits, white space and `. ' , -` stands alone; so does a run of several periods.
    fn special_characters(&mut self) {
        self.next.clear();
        let mut position = 0;
        while let Some(&character) = self.text.get(position) {
            let run = self.text[position..].iter().take_while(|next| **next == '.').count();
            if run > 1 {
                self.next.push(' ');
                self.next.extend(std::iter::repeat_n('.', run));
                self.next.push(' ');
                position += run;
                continue;
            }
            if is_alphanumeric(character) || is_space(character) || matches!(character, '.' | '\'' | ',' | '-') {
                self.next.push(character);
            } else {
                self.next.extend([' ', character, ' ']);
            }
            position += 1;
        }
        mem::swap(&mut self.text, &mut self.next);
    }

    /// A comma stands alone unless it is between digits.
    fn commas(&mut self) {
        let digit = |character: char| character.is_ascii_digit();
        self.around(',', |left, right| !digit(left) && !digit(right), " , ");
        self.around(',', |left, right| digit(left) && !digit(right), " , ");
        self.around(',', |left, right| !digit(left) && digit(right), " , ");
    }

    /// An apostrophe between letters (or after a digit and before `s`) opens the second word; else it stands alone.
    fn apostrophes(&mut self) {
        self.around('\'', |left, right| !is_letter(left) && !is_letter(right), " ' ");
        self.around('\'', |left, right| !is_alphanumeric(left) && is_letter(right), " ' ");
        self.around('\'', |left, right| is_letter(left) && !is_letter(right), " ' ");
        self.around('\'', |left, right| is_letter(left) && is_letter(right), " '");
        self.around('\'', |left, right| left.is_ascii_digit() && right == 's', " '");
    }

    fn hyphens(&mut self) {
        self.around('-', |left, right| (left == '.' || is_alphanumeric(left)) && is_alphanumeric(right), " ");
    }

    /// Puts `instead` for each `mark` whose neighbours fit. As with a regular expression's matches, a character that ended one
    /// match does not begin the next: `rock-n-roll` keeps its second hyphen.
    fn around(&mut self, mark: char, fits: impl Fn(char, char) -> bool, instead: &str) {
        if !self.text.contains(&mark) {
            return;
        }
        self.next.clear();
        let mut position = 0;
        while let Some(&left) = self.text.get(position) {
            self.next.push(left);
            position += 1;
            if let [middle, right, ..] = self.text[position..]
                && middle == mark
                && fits(left, right)
            {
                self.next.extend(instead.chars());
                self.next.push(right);
                position += 2;
            }
        }
        mem::swap(&mut self.text, &mut self.next);
    }
}

enum FinalPeriod<'a> {
    Stays,
    /// `u.s.`: all periods go.
    Acronym,
    /// The word without its period, which becomes a token.
    EndsSentence(&'a str),
}

fn final_period<'a>(word: &'a str, next: Option<&str>) -> FinalPeriod<'a> {
    let Some(stem) = word.strip_suffix('.').filter(|stem| !stem.is_empty() && !stem.ends_with('.')) else {
        return FinalPeriod::Stays;
    };
    let next_starts = next.and_then(|next| next.chars().next());
    if stem.contains('.') && stem.chars().any(is_letter) {
        FinalPeriod::Acronym
    } else if is_abbreviation(stem)
        || next_starts.is_some_and(|first| first.is_ascii_lowercase())
        || (matches!(stem, "No" | "Art" | "pp") && next_starts.is_some_and(|first| first.is_ascii_digit()))
    {
        FinalPeriod::Stays
    } else {
        FinalPeriod::EndsSentence(stem)
    }
}

/// Words after which a period ends no sentence; so does a single capital letter.
const ABBREVIATIONS: &str = "Adj Adm Adv Asst Bart Bldg Brig Bros Capt Cmdr Col Comdr Con Corp Cpl DR Dr Drs Ens Gen Gov Hon Hr Hosp \
    Insp Lt MM MR MRS MS Maj Messrs Mlle Mme Mr Mrs Ms Msgr Op Ord Pfc Ph Prof Pvt Rep Reps Res Rev Rt Sen \
    Sens Sfc Sgt Sr St Supt Surg v vs i.e rev e.g Nos Nr";

fn is_abbreviation(word: &str) -> bool {
    matches!(word.as_bytes(), [b'A'..=b'Z']) || ABBREVIATIONS.split(' ').any(|abbreviation| abbreviation == word)
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}

/// Spaces that are no space to the rules (a period before one ends its sentence) and no token either.
fn is_wide_space(character: char) -> bool {
    matches!(character, '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// The reference's idea of a letter: Latin, Cyrillic and the phonetic extensions. Every other script's characters stand alone.
fn is_letter(character: char) -> bool {
    matches!(
        character,
        'a'..='z' | 'A'..='Z' | 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ž' | '\u{400}'..='\u{527}' | '\u{1d00}'..='\u{1d7f}'
            | '\u{a640}'..='\u{a66e}' | '\u{a67e}'..='\u{a697}'
    )
}

fn is_alphanumeric(character: char) -> bool {
    is_letter(character) || character.is_ascii_digit()
}
