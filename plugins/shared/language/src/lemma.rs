//! Lemma rules: how a form becomes its lemma, as a class that the network can predict.
//! A rule keeps or lowers the case, cuts an ending and adds another, or names the lemma outright.

use std::fmt;
use std::str::FromStr;

/// How a form becomes its lemma.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LemmaRule {
    /// Lower the case if asked to, drop the last `cut` characters, append `ending`.
    Ending { lower: bool, cut: usize, ending: String },
    /// The lemma has nothing of the form: `were` gives `be`.
    Whole(String),
}

impl LemmaRule {
    /// The rule that turns the form into the lemma.
    pub fn derive(form: &str, lemma: &str) -> LemmaRule {
        let lowered = form.to_lowercase();
        let shared = |form: &str| form.chars().zip(lemma.chars()).take_while(|(a, b)| a == b).count();
        let (in_lower, as_is) = (shared(&lowered), shared(form));
        if in_lower == 0 && as_is == 0 {
            return LemmaRule::Whole(lemma.into());
        }
        let lower = in_lower >= as_is;
        let (base, shared) = if lower { (lowered.as_str(), in_lower) } else { (form, as_is) };
        LemmaRule::Ending { lower, cut: base.chars().count() - shared, ending: lemma.chars().skip(shared).collect() }
    }

    /// The lemma, or `None` where the form is too short for the rule.
    pub fn apply(&self, form: &str) -> Option<String> {
        match self {
            LemmaRule::Whole(lemma) => Some(lemma.clone()),
            LemmaRule::Ending { lower, cut, ending } => {
                let base = if *lower { form.to_lowercase() } else { form.to_owned() };
                let count = base.chars().count();
                let kept: String = base.chars().take(count.checked_sub(*cut).filter(|kept| *kept > 0)?).collect();
                Some(kept + ending)
            }
        }
    }
}

impl fmt::Display for LemmaRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LemmaRule::Whole(lemma) => write!(f, "={lemma}"),
            LemmaRule::Ending { lower: true, cut, ending } => write!(f, "l{cut}+{ending}"),
            LemmaRule::Ending { lower: false, cut, ending } => write!(f, "k{cut}+{ending}"),
        }
    }
}

impl FromStr for LemmaRule {
    type Err = String;

    fn from_str(text: &str) -> Result<LemmaRule, String> {
        let error = || format!("`{text}` is no lemma rule");
        if let Some(lemma) = text.strip_prefix('=') {
            return Ok(LemmaRule::Whole(lemma.into()));
        }
        let (rest, lower) = match (text.strip_prefix('l'), text.strip_prefix('k')) {
            (Some(rest), _) => (rest, true),
            (_, Some(rest)) => (rest, false),
            _ => return Err(error()),
        };
        let (cut, ending) = rest.split_once('+').ok_or_else(error)?;
        Ok(LemmaRule::Ending { lower, cut: cut.parse().map_err(|_| error())?, ending: ending.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_gives_back_the_lemma_it_was_derived_from() {
        for (form, lemma, text) in [
            ("Trousers", "trousers", "l0+"),
            ("jumpers", "jumper", "l1+"),
            ("Bush", "Bush", "k0+"),
            ("were", "be", "=be"),
            ("flies", "fly", "l3+y"),
            ("running", "run", "l4+"),
            ("I", "I", "k0+"),
            ("n't", "not", "l2+ot"),
            ("ÉCRU", "écru", "l0+"),
        ] {
            let rule = LemmaRule::derive(form, lemma);
            assert_eq!(rule.to_string(), text);
            assert_eq!(text.parse(), Ok(rule.clone()));
            assert_eq!(rule.apply(form).as_deref(), Some(lemma));
        }
        assert_eq!("l3+y".parse::<LemmaRule>().unwrap().apply("as"), None);
        assert!("x".parse::<LemmaRule>().is_err());
    }
}
