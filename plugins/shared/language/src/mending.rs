//! What the network gets wrong in a way that a rule can tell: lemmas that WordNet knows better, and the letters that necks are shaped like.

use crate::analysis::Analyser;
use crate::network::ParsedWord;
use crate::wordnet::Pos;

/// Mends the words of one sentence.
pub(crate) fn mend(analyser: &Analyser, forms: &[&str], words: &mut [ParsedWord]) {
    for (at, word) in words.iter_mut().enumerate() {
        mend_lemma(analyser, forms[at], word);
        if let Some(next) = forms.get(at + 1) {
            mend_letter(analyser, forms[at], next, word);
        }
    }
}

/// Irregular forms that the network has never seen have their lemmas from WordNet; so has a form whose ending was cut wrongly or not at
/// all (`softer`), where WordNet knows just one base form.
fn mend_lemma(analyser: &Analyser, form: &str, word: &mut ParsedWord) {
    let (network, wordnet) = (&analyser.network, analyser.wordnet);
    let pos = match network.inventory.upos[word.upos].as_str() {
        "NOUN" => Pos::Noun,
        "VERB" => Pos::Verb,
        "ADJ" => Pos::Adjective,
        _ => return,
    };
    let unseen = !network.vocabulary.knows(form);
    // `Japanese` keeps its capital.
    let foreign = || match pos {
        Pos::Adjective => !wordnet.contains(&word.lemma.to_lowercase(), pos),
        _ => !wordnet.contains(&word.lemma, pos),
    };
    if !(unseen || pos != Pos::Noun && foreign()) {
        return;
    }
    let lowered = form.to_lowercase();
    if let Some(base) = wordnet.exceptions(&lowered, pos).next() {
        word.lemma = base.to_owned();
    } else if foreign()
        && let [base] = wordnet.base_forms(&lowered, pos).as_slice()
    {
        word.lemma = base.clone();
    }
}

/// The `v` of `v neck` is the name of a letter and no Roman five.
fn mend_letter(analyser: &Analyser, form: &str, next: &str, word: &mut ParsedWord) {
    const SHAPES: [&str; 5] = ["neck", "necks", "neckline", "necklines", "shaped"];
    let inventory = &analyser.network.inventory;
    if inventory.upos[word.upos] != "NUM"
        || !form.eq_ignore_ascii_case("v")
        || !SHAPES.iter().any(|shape| next.eq_ignore_ascii_case(shape))
    {
        return;
    }
    let place = |names: &[String], name: &str| names.iter().position(|known| known == name);
    if let (Some(upos), Some(xpos)) = (place(&inventory.upos, "NOUN"), place(&inventory.xpos, "NN")) {
        (word.upos, word.xpos) = (upos, xpos);
        word.lemma = form.to_ascii_lowercase();
    }
    if inventory.labels[word.label] == "nummod"
        && let Some(compound) = place(&inventory.labels, "compound")
    {
        word.label = compound;
    }
}

#[cfg(test)]
mod tests {
    use crate::analyse;

    fn lemmas(text: &str, upos: &str) -> Vec<String> {
        let tokens = analyse(text).sentences.into_iter().flat_map(|sentence| sentence.tokens);
        tokens.filter(|token| token.upos == upos).map(|token| token.lemma).collect()
    }

    #[test]
    fn degrees_of_an_adjective_are_one_lemma() {
        for (form, lemma) in [
            ("shorter", "short"),
            ("softer", "soft"),
            ("slimmer", "slim"),
            ("thinner", "thin"),
            ("roomiest", "roomy"),
            ("fuller", "full"),
        ] {
            let found = lemmas(&format!("A slightly {form} hem."), "ADJ");
            assert_eq!(found, [lemma], "{form}");
        }
        assert_eq!(lemmas("A Japanese print.", "ADJ"), ["Japanese"]);
        for word in ["outer", "inner", "rubber", "leather"] {
            let text = format!("Trainers with {word} soles.");
            let tokens = &analyse(&text).sentences[0].tokens;
            assert_eq!(tokens[2].lemma, word);
        }
    }

    #[test]
    fn the_letter_of_a_neck_is_a_noun() {
        for text in ["Jumper in a fine knit with a v neck.", "v neck top", "Top with a deep v neckline at the back."] {
            assert!(lemmas(text, "NOUN").contains(&"v".to_owned()), "{text}");
            assert!(lemmas(text, "NUM").is_empty(), "{text}");
        }
    }
}
