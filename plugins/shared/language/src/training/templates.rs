//! Annotated sentences in the manner of product text and captions, composed at random from a lexicon of words by kind: they teach the
//! network the field's words in the field's constructions. The conventions are those of the hand-annotated sentences.

use crate::conllu::{Line, Sentence, Word};
use std::collections::HashMap;

/// Words by kind: form and lemma.
pub struct Lexicon {
    kinds: HashMap<String, Vec<(String, String)>>,
}

impl Lexicon {
    /// Reads lines of `kind: word word/lemma …`.
    pub fn parse(text: &str) -> Lexicon {
        let mut kinds = HashMap::new();
        for (kind, words) in text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(':'))
        {
            let words = words.split_whitespace().map(|word| {
                let (form, lemma) = word.split_once('/').unwrap_or((word, word));
                (form.to_owned(), lemma.to_owned())
            });
            kinds.insert(kind.to_owned(), words.collect());
        }
        Lexicon { kinds }
    }

    /// All forms.
    pub fn forms(&self) -> impl Iterator<Item = &str> {
        self.kinds.values().flatten().map(|(form, _)| form.as_str())
    }

    /// A sentence. `None` where a kind of word is missing.
    pub fn compose(&self, random: &mut fastrand::Rng) -> Option<Sentence> {
        let mut composer = Composer { lexicon: self, random, words: Vec::new() };
        composer.sentence()?;
        let mut words = composer.words;
        if let Some(first) = words.first_mut().filter(|_| random.f32() < 0.75) {
            let mut characters = first.form.chars();
            first.form = characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect();
        }
        let lines = (1..=words.len()).map(Line::Word).collect();
        Some(Sentence { words, lines })
    }
}

struct Composer<'a> {
    lexicon: &'a Lexicon,
    random: &'a mut fastrand::Rng,
    words: Vec<Word>,
}

/// A word's place in the sentence, from 0.
type At = usize;

impl Composer<'_> {
    fn chance(&mut self, share: f32) -> bool {
        self.random.f32() < share
    }

    fn push(&mut self, form: &str, lemma: &str, (upos, xpos): (&str, &str), deprel: &str) -> At {
        self.words.push(Word {
            form: form.into(),
            lemma: lemma.into(),
            upos: upos.into(),
            xpos: xpos.into(),
            feats: "_".into(),
            head: Some(0),
            deprel: deprel.into(),
            deps: "_".into(),
            misc: "_".into(),
        });
        self.words.len() - 1
    }

    /// A random word of a kind. Words with a hyphen come in three tokens; the last is returned, the first hangs from it.
    fn pick(&mut self, kind: &str, tags: (&str, &str), deprel: &str) -> Option<At> {
        let (form, lemma) = self.random.choice(self.lexicon.kinds.get(kind)?)?.clone();
        let parts: Vec<&str> = form.split('-').collect();
        if let [first, second] = parts[..]
            && first.len() > 1
        {
            let first = self.push(first, first, ("NOUN", "NN"), "compound");
            let hyphen = self.push("-", "-", ("PUNCT", "HYPH"), "punct");
            let lemma = lemma.rsplit('-').next().unwrap_or(&lemma).to_owned();
            let last = self.push(second, &lemma, tags, deprel);
            self.hang(first, last);
            self.hang(hyphen, first);
            return Some(last);
        }
        Some(self.push(&form, &lemma, tags, deprel))
    }

    fn hang(&mut self, at: At, head: At) {
        self.words[at].head = Some(head + 1);
    }

    fn relabel(&mut self, at: At, deprel: &str, head: At) {
        self.words[at].deprel = deprel.into();
        self.hang(at, head);
    }

    fn sentence(&mut self) -> Option<()> {
        let root = match self.random.u32(..20) {
            0 => self.measure()?,
            1 => self.state()?,
            2..=4 => self.caption()?,
            5 => self.clause()?,
            6 => self.parts()?,
            _ => self.product()?,
        };
        self.words[root].deprel = "root".into();
        self.words[root].head = Some(0);
        if self.chance(0.85) {
            let stop = self.push(".", ".", ("PUNCT", "."), "punct");
            self.hang(stop, root);
        }
        Some(())
    }

    /// `Heel 6 cm`
    fn measure(&mut self) -> Option<At> {
        let names = ["Heel", "Length", "Width", "Height", "Depth", "Diameter", "Circumference", "Inseam"];
        let name = names[self.random.usize(..names.len())];
        let root = self.push(name, &name.to_lowercase(), ("NOUN", "NN"), "root");
        let number = format!("{}", f64::from(self.random.u32(2..200)) / 2.0);
        let number = self.push(&number, &number, ("NUM", "CD"), "nummod");
        let unit = self.push("cm", "cm", ("NOUN", "NNS"), "nmod:unmarked");
        self.hang(number, unit);
        self.hang(unit, root);
        Some(root)
    }

    /// `Fully lined`
    fn state(&mut self) -> Option<At> {
        let adverb = ["Fully", "Partly", "Lightly", "Softly"][self.random.usize(..4)];
        let adverb = self.push(adverb, &adverb.to_lowercase(), ("ADV", "RB"), "advmod");
        let root = self.pick("makings", ("VERB", "VBN"), "root")?;
        self.hang(adverb, root);
        Some(root)
    }

    /// `Short dress in soft jersey with long sleeves and a collar`
    fn product(&mut self) -> Option<At> {
        let root = self.garment(false)?;
        if self.chance(0.7) {
            self.stuff(root)?;
        }
        if self.chance(0.75) {
            let with = self.push("with", "with", ("ADP", "IN"), "case");
            let parts = self.parts()?;
            self.hang(with, parts);
            self.relabel(parts, "nmod", root);
        }
        Some(root)
    }

    fn caption(&mut self) -> Option<At> {
        let article = self.push("a", "a", ("DET", "DT"), "det");
        if self.chance(0.35) {
            let pair = self.push("pair", "pair", ("NOUN", "NN"), "root");
            let of = self.push("of", "of", ("ADP", "IN"), "case");
            let shoes = self.described("pairs", ("NOUN", "NNS"), "nmod")?;
            self.hang(article, pair);
            self.hang(of, shoes);
            self.hang(shoes, pair);
            return Some(pair);
        }
        let person = self.pick("people", ("NOUN", "NN"), "root")?;
        self.hang(article, person);
        if self.chance(0.5) {
            let action = self.pick("actions", ("VERB", "VBG"), "acl")?;
            self.hang(action, person);
            let garment = self.garment(true)?;
            self.relabel(garment, "obj", action);
            return Some(person);
        }
        let root = if self.chance(0.5) {
            let is = self.push("is", "be", ("AUX", "VBZ"), "aux");
            let pose = self.pick("poses", ("VERB", "VBG"), "root")?;
            self.hang(is, pose);
            self.relabel(person, "nsubj", pose);
            pose
        } else {
            let in_ = self.push("in", "in", ("ADP", "IN"), "case");
            let garment = self.garment(true)?;
            self.hang(in_, garment);
            self.relabel(garment, "nmod", person);
            let pose = self.pick("poses", ("VERB", "VBG"), "acl")?;
            self.hang(pose, person);
            pose
        };
        let on = self.push("on", "on", ("ADP", "IN"), "case");
        let the = self.push("the", "the", ("DET", "DT"), "det");
        let place = self.pick("settings", ("NOUN", "NN"), "obl")?;
        self.hang(on, place);
        self.hang(the, place);
        self.hang(place, root);
        Some(if self.words[root].deprel == "acl" { person } else { root })
    }

    /// `The dress has a collar`
    fn clause(&mut self) -> Option<At> {
        let the = self.push("the", "the", ("DET", "DT"), "det");
        let subject = self.pick("garments", ("NOUN", "NN"), "nsubj")?;
        self.hang(the, subject);
        let verb = self.push("has", "have", ("VERB", "VBZ"), "root");
        self.hang(subject, verb);
        let parts = self.parts()?;
        self.relabel(parts, "obj", verb);
        Some(verb)
    }

    fn garment(&mut self, article: bool) -> Option<At> {
        if self.chance(0.25) && !article {
            return self.described("pairs", ("NOUN", "NNS"), "root");
        }
        let article = article.then(|| self.push("a", "a", ("DET", "DT"), "det"));
        let garment = self.described("garments", ("NOUN", "NN"), "root")?;
        if let Some(article) = article {
            self.hang(article, garment);
        }
        Some(garment)
    }

    /// A noun of a kind with adjectives, a participle, a material or a kind before it.
    fn described(&mut self, kind: &str, tags: (&str, &str), deprel: &str) -> Option<At> {
        let mut before = Vec::new();
        if self.chance(0.5) {
            before.push(self.quality()?);
            if self.chance(0.15) {
                let comma = self.push(",", ",", ("PUNCT", ","), "punct");
                let first = before[0];
                self.hang(comma, first);
                before.push(self.quality()?);
            }
        }
        if self.chance(0.2) {
            before.push(self.pick("colours", ("ADJ", "JJ"), "amod")?);
        }
        if self.chance(0.2) {
            before.push(self.pick("makings", ("VERB", "VBN"), "amod")?);
        }
        if self.chance(0.25) {
            before.push(self.pick("materials", ("NOUN", "NN"), "compound")?);
        }
        if self.chance(0.2) {
            before.push(self.pick("kinds", ("NOUN", "NN"), "compound")?);
        }
        let noun = self.pick(kind, tags, deprel)?;
        for at in before {
            self.hang(at, noun);
        }
        Some(noun)
    }

    fn quality(&mut self) -> Option<At> {
        self.pick("qualities", ("ADJ", "JJ"), "amod")
    }

    /// `in a soft cotton blend`
    fn stuff(&mut self, head: At) -> Option<()> {
        let case = self.push("in", "in", ("ADP", "IN"), "case");
        let stuff = if self.chance(0.4) {
            let article = self.chance(0.6).then(|| self.push("a", "a", ("DET", "DT"), "det"));
            let stuff = self.described("fabrics", ("NOUN", "NN"), "nmod")?;
            if let Some(article) = article {
                self.hang(article, stuff);
            }
            stuff
        } else {
            let mut before = Vec::new();
            if self.chance(0.5) {
                before.push(self.quality()?);
            }
            if self.chance(0.25) {
                before.push(self.pick("makings", ("VERB", "VBN"), "amod")?);
            }
            if self.chance(0.3) {
                before.push(self.pick("materials", ("NOUN", "NN"), "compound")?);
            }
            let stuff = self.pick("materials", ("NOUN", "NN"), "nmod")?;
            for at in before {
                self.hang(at, stuff);
            }
            stuff
        };
        self.hang(case, stuff);
        self.hang(stuff, head);
        Some(())
    }

    /// One to four parts; the others are conjuncts of the first, which is returned.
    fn parts(&mut self) -> Option<At> {
        let count = self.random.usize(1..=4);
        let first = self.part()?;
        for number in 1..count {
            let joint = match number + 1 == count {
                true => self.push("and", "and", ("CCONJ", "CC"), "cc"),
                false => self.push(",", ",", ("PUNCT", ","), "punct"),
            };
            let part = self.part()?;
            self.hang(joint, part);
            self.relabel(part, "conj", first);
        }
        Some(first)
    }

    fn part(&mut self) -> Option<At> {
        let part = if self.chance(0.5) {
            let article = self.push("a", "a", ("DET", "DT"), "det");
            let part = self.described("parts", ("NOUN", "NN"), "root")?;
            self.hang(article, part);
            part
        } else {
            self.described("plurals", ("NOUN", "NNS"), "root")?
        };
        if self.chance(0.35) {
            let case = ["at", "down", "in", "around", "on"][self.random.usize(..5)];
            let case = self.push(case, case, ("ADP", "IN"), "case");
            let the = self.push("the", "the", ("DET", "DT"), "det");
            let place = self.pick("places", ("NOUN", "NN"), "nmod")?;
            if self.words[place].form != self.words[place].lemma {
                self.words[place].xpos = "NNS".into();
            }
            self.hang(case, place);
            self.hang(the, place);
            self.hang(place, part);
        }
        Some(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::is_tree;

    #[test]
    fn composed_sentences_are_trees() {
        let lexicon = Lexicon::parse(include_str!("../../data/annotated/lexicon.txt"));
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..500 {
            let sentence = lexicon.compose(&mut random).unwrap();
            let heads: Vec<usize> = sentence.words.iter().map(|word| word.head.unwrap()).collect();
            assert!(is_tree(&heads), "{:?} {heads:?}", sentence.forms());
            assert_eq!(sentence.words.iter().filter(|word| word.deprel == "root").count(), 1, "{:?}", sentence.words);
        }
        assert!(Lexicon::parse("").compose(&mut random).is_none());
    }
}
