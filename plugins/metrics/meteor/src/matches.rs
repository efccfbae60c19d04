//! The matchers: which words and phrases of a caption can stand for which of a reference. Which of them do is the aligner's
//! business.

use crate::vocabulary::{Vocabulary, WordId};
use meteor_data::{Paraphrases, Partner, Phrase};
use std::ops::Range;

/// How two words or phrases match. The order is the order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Module {
    Exact,
    Stem,
    Synonym,
    Paraphrase,
    /// A paraphrase whose pair the table has with the caption's phrase first.
    ReversedParaphrase,
}

/// A possible match of a caption's words with a reference's; positions and lengths count words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    pub caption: u32,
    pub reference: u32,
    pub caption_words: u8,
    pub reference_words: u8,
    pub module: Module,
}

impl Match {
    fn word(caption: u32, reference: u32, module: Module) -> Match {
        Match { caption, reference, caption_words: 1, reference_words: 1, module }
    }

    fn phrase(caption: &Occurrence, reference: &Occurrence, module: Module) -> Match {
        Match {
            caption: caption.start,
            reference: reference.start,
            caption_words: caption.words,
            reference_words: reference.words,
            module,
        }
    }

    pub fn caption_range(&self) -> Range<u32> {
        self.caption..self.caption + u32::from(self.caption_words)
    }

    pub fn reference_range(&self) -> Range<u32> {
        self.reference..self.reference + u32::from(self.reference_words)
    }
}

/// A phrase of the paraphrase table, where it stands in a sentence.
#[derive(Debug, Clone, Copy)]
struct Occurrence {
    phrase: Phrase,
    start: u32,
    words: u8,
}

/// A sentence, ready for matching.
#[derive(Debug, Default)]
pub struct Sentence {
    pub words: Vec<WordId>,
    /// Ascending by number of the phrase.
    phrases: Vec<Occurrence>,
}

impl Sentence {
    /// Finds the table's phrases in the sentence.
    pub fn find_phrases(&mut self, vocabulary: &Vocabulary, table: &Paraphrases) {
        self.phrases.clear();
        for start in 0..self.words.len() {
            let mut phrase: Option<Phrase> = None;
            for (length, word) in (1u8..).zip(&self.words[start..]).take(Paraphrases::LONGEST) {
                let Some(word) = vocabulary.word(*word).phrase else { break };
                let longer = match phrase {
                    None => Some(word),
                    Some(begun) => table.extend(begun, word),
                };
                let Some(longer) = longer else { break };
                self.phrases.push(Occurrence { phrase: longer, start: start as u32, words: length });
                phrase = Some(longer);
            }
        }
        self.phrases.sort_unstable_by_key(|occurrence| (occurrence.phrase, occurrence.start));
    }
}

/// More matches than this are refused: only texts that repeat a word thousands of times have them.
pub const MOST_MATCHES: usize = 4_000_000;

/// Collects the possible matches into `matches`, as the aligner wants them: by the reference's word, then in order of
/// preference. Answers false where there are more than [`MOST_MATCHES`].
pub fn find(
    caption: &Sentence,
    reference: &Sentence,
    vocabulary: &Vocabulary,
    table: Option<&Paraphrases>,
    matches: &mut Vec<Match>,
) -> bool {
    matches.clear();
    // Between identical sentences only exact matches count.
    let identical = caption.words == reference.words;
    for (position, number) in (0u32..).zip(&reference.words) {
        let word = vocabulary.word(*number);
        for (at, other_number) in (0u32..).zip(&caption.words) {
            if number == other_number {
                matches.push(Match::word(at, position, Module::Exact));
            } else if !identical {
                let other = vocabulary.word(*other_number);
                if word.stem == other.stem {
                    matches.push(Match::word(at, position, Module::Stem));
                }
                if vocabulary.synonyms(word, other) {
                    matches.push(Match::word(at, position, Module::Synonym));
                }
            }
        }
        if matches.len() > MOST_MATCHES {
            return false;
        }
    }
    if let Some(table) = table.filter(|_| !identical) {
        find_paraphrases(caption, reference, table, matches);
    }
    // The reference collects its matches module by module: words by the caption's position; paraphrases that the table has
    // with the reference's phrase first by that phrase's length, then in the table's (alphabetical) order; the others while
    // going through the caption.
    let text = |found: &Match| {
        let range = found.caption_range();
        caption.words[range.start as usize..range.end as usize].iter().map(|word| vocabulary.word(*word).phrase)
    };
    matches.sort_unstable_by(|a, b| {
        let by_module = (a.reference, a.module).cmp(&(b.reference, b.module));
        by_module.then_with(|| match a.module {
            Module::Paraphrase => {
                let by_phrase = a.reference_words.cmp(&b.reference_words).then_with(|| text(a).cmp(text(b)));
                by_phrase.then(a.caption.cmp(&b.caption))
            }
            _ => (a.caption, a.caption_words, a.reference_words).cmp(&(b.caption, b.caption_words, b.reference_words)),
        })
    });
    matches.len() <= MOST_MATCHES
}

fn find_paraphrases(caption: &Sentence, reference: &Sentence, table: &Paraphrases, matches: &mut Vec<Match>) {
    use Module::{Paraphrase, ReversedParaphrase};
    for occurrence in &caption.phrases {
        partners_in(table.partners(occurrence.phrase), &reference.phrases, |found, partner| {
            let directions = [(partner.partner_first(), Paraphrase), (partner.listed_first(), ReversedParaphrase)];
            let tried = directions.into_iter().filter(|(listed, _)| *listed);
            matches.extend(tried.map(|(_, module)| Match::phrase(occurrence, found, module)));
        });
    }
    for occurrence in &reference.phrases {
        partners_in(table.partners(occurrence.phrase), &caption.phrases, |found, partner| {
            let directions = [(partner.listed_first(), Paraphrase), (partner.partner_first(), ReversedParaphrase)];
            let tried = directions.into_iter().filter(|(listed, _)| *listed);
            matches.extend(tried.map(|(_, module)| Match::phrase(found, occurrence, module)));
        });
    }
}

/// Calls `found` for each occurrence whose phrase is in the list. Both ascend.
fn partners_in(list: &[Partner], occurrences: &[Occurrence], mut found: impl FnMut(&Occurrence, Partner)) {
    let mut list = list;
    for occurrence in occurrences {
        let number = occurrence.phrase.number();
        while let [partner, rest @ ..] = list
            && partner.number() < number
        {
            list = rest;
        }
        match list.first() {
            Some(partner) if partner.number() == number => found(occurrence, *partner),
            Some(_) => {}
            None => return,
        }
    }
}
