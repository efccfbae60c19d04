//! Qualities that are written with hyphens: `long-sleeved` is one word to the reference, and three to the parser, which would leave
//! `sleeved` of it, the same as of `short-sleeved`. A hyphenated noun (`press-studs`) stays a noun with its attribute, and a participle
//! (`lace-trimmed`) the verb that it is where the words stand apart.

use language::Token;
use std::ops::RangeInclusive;

/// The tokens with each such quality as one of them.
pub fn join(tokens: &[Token]) -> Vec<Token> {
    let mut joined = tokens.to_vec();
    let mut gone = vec![false; tokens.len()];
    let mut at = 0;
    while at < tokens.len() {
        let chain = chain(tokens, at);
        at = chain.end() + 1;
        if let Some(kept) = merge(&mut joined, chain.clone()) {
            chain.filter(|&member| member != kept).for_each(|member| gone[member] = true);
        }
    }
    // Places after the merged ones move up.
    let places: Vec<usize> = gone
        .iter()
        .scan(0, |place, gone| {
            let here = *place;
            *place += usize::from(!gone);
            Some(here)
        })
        .collect();
    let kept = joined.into_iter().zip(gone).filter(|(_, gone)| !gone);
    kept.map(|(token, _)| Token { head: token.head.map(|head| places[head]), ..token }).collect()
}

/// The tokens from `first` on that hyphens join without a space; fractions keep their stroke (`3/4-length`).
fn chain(tokens: &[Token], first: usize) -> RangeInclusive<usize> {
    let adjoin = |at: usize| tokens[at].range.end == tokens[at + 1].range.start;
    let mut last = first;
    while last + 2 < tokens.len() && adjoin(last) && adjoin(last + 1) {
        let joins = match &*tokens[last + 1].form {
            "-" | "\u{2010}" | "\u{2011}" => true,
            "/" => tokens[last].upos == "NUM" && tokens[last + 2].upos == "NUM",
            _ => false,
        };
        if !joins {
            break;
        }
        last += 2;
    }
    first..=last
}

/// Makes one token of a chain that describes another word, and returns its place.
fn merge(tokens: &mut [Token], chain: RangeInclusive<usize>) -> Option<usize> {
    let (first, last) = (*chain.start(), *chain.end());
    if first == last {
        return None;
    }
    let inside = |at: Option<usize>| at.is_some_and(|at| (first..=last).contains(&at));
    let outward: Vec<usize> = (first..=last).step_by(2).filter(|&member| !inside(tokens[member].head)).collect();
    let describes = |member: usize| matches!(tokens[member].deprel, "amod" | "compound" | "nummod");
    let kept = *outward.iter().rev().find(|&&member| describes(member)).or(outward.last())?;
    let head = tokens[kept].head;
    // `black-and-white` lists qualities.
    let mut parts = (first..=last).step_by(2).filter(|&member| tokens[member].upos != "CCONJ").collect::<Vec<_>>();
    if parts.len() <= (last - first) / 2 && parts.iter().all(|&part| tokens[part].upos == "ADJ") && describes(kept) {
        parts.retain(|&part| part != kept);
        parts.into_iter().for_each(|part| (tokens[part].head, tokens[part].deprel) = (head, "amod"));
        return None;
    }
    let alike = outward.iter().all(|&member| tokens[member].head == head);
    if alike && tokens[last].upos != "VERB" && (describes(kept) || tokens[kept].upos == "ADJ") {
        // `a turn-down collar`, `the shirt is long-sleeved`.
    } else if let [governor, others @ ..] = &*outward
        && let Some(noun) = others.first().and_then(|&other| tokens[other].head)
        && others.iter().all(|&other| tokens[other].head == Some(noun))
        && noun > last
        && inside(tokens[noun].head)
    {
        // `slip-on trainers`, where the trainers hang from the slip: they take its place.
        let governor = *governor;
        (tokens[noun].head, tokens[noun].deprel) = (tokens[governor].head, tokens[governor].deprel);
        (tokens[governor].head, tokens[governor].deprel) = (Some(noun), "amod");
        return Some(unite(tokens, chain, governor, Some(noun)));
    } else {
        return None;
    }
    Some(unite(tokens, chain, kept, None))
}

/// Gives the chain's text to the member that is kept, and its dependents to `heir`, else to that member.
fn unite(tokens: &mut [Token], chain: RangeInclusive<usize>, kept: usize, heir: Option<usize>) -> usize {
    let form: String = tokens[chain.clone()].iter().map(|token| token.form.as_str()).collect();
    for at in (0..tokens.len()).filter(|at| !chain.contains(at)) {
        if tokens[at].head.is_some_and(|head| chain.contains(&head)) {
            tokens[at].head = Some(heir.filter(|&heir| heir != at).unwrap_or(kept));
        }
    }
    let range = tokens[*chain.start()].range.start..tokens[*chain.end()].range.end;
    let token = &mut tokens[kept];
    // A quality, not a deed: it has no objects.
    if token.upos != "NUM" {
        (token.upos, token.xpos) = ("ADJ", "JJ");
    }
    (token.lemma, token.form, token.range) = (form.to_lowercase(), form, range);
    kept
}

#[cfg(test)]
mod tests {
    use crate::parse;

    #[track_caller]
    fn attributes(caption: &str) -> Vec<String> {
        parse(caption).attributes.into_iter().map(|(object, attribute)| format!("{object}:{attribute}")).collect()
    }

    #[test]
    fn a_hyphenated_quality_is_one_attribute() {
        assert_eq!(attributes("A long-sleeved shirt."), ["shirt:long-sleeved"]);
        assert_eq!(attributes("The shirt is short-sleeved."), ["shirt:short-sleeved"]);
        assert_eq!(attributes("Blouse with a turn-down collar."), ["collar:turn-down"]);
        assert_eq!(attributes("Calf-length skirt."), ["skirt:calf-length"]);
        assert_eq!(attributes("A 3/4-length sleeve."), ["sleeve:3/4-length"]);
        assert_eq!(attributes("Slip-on suede trainers."), ["trainer:slip-on", "trainer:suede"]);
        assert_eq!(attributes("Skirt with a sewn-in belt."), ["belt:sewn-in"]);
    }

    #[test]
    fn hyphenated_nouns_and_participles_stay_what_they_are() {
        assert_eq!(attributes("Shirt with press-studs."), ["stud:press"]);
        let flared = "Long sleeves with flared, lace-trimmed cuffs.";
        assert_eq!(attributes(flared), ["cuff:flare", "cuff:trim", "sleeve:long"]);
        assert_eq!(attributes("A dress - and a red belt."), ["belt:red"]);
        assert_eq!(attributes("A black-and-white dog runs."), ["dog:black", "dog:run", "dog:white"]);
    }

    #[test]
    fn what_a_merged_word_governed_has_another_place() {
        let graph = parse("Slip-on trainers with laces.");
        assert_eq!(graph.relations.into_iter().collect::<Vec<_>>(), [("trainer".into(), "with".into(), "lace".into())]);
        let objects: Vec<String> = graph.objects.into_iter().collect();
        assert_eq!(objects, ["lace", "trainer"]);
    }
}
