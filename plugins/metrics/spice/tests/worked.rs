//! Captions worked by hand (`worked.txt`): graphs and scores; and the properties that any such metric has.

use spice::{SceneGraph, compare, parse};
use std::collections::BTreeSet;

#[derive(Debug, Default)]
struct Case {
    title: String,
    candidate: (String, SceneGraph),
    references: Vec<(String, SceneGraph)>,
    score: f64,
}

fn graph(text: &str) -> SceneGraph {
    let parts: Vec<&str> = text.split('|').collect();
    let [objects, attributes, relations] = parts[..] else { panic!("three parts: {text}") };
    let words = |part: &str, separator: char| -> Vec<Vec<String>> {
        let groups = part.split_whitespace();
        groups.map(|group| group.split(separator).map(|word| word.replace('_', " ")).collect()).collect()
    };
    SceneGraph {
        objects: words(objects, '|').into_iter().flatten().collect(),
        attributes: words(attributes, ':').into_iter().map(|pair| (pair[0].clone(), pair[1].clone())).collect(),
        relations: words(relations, '>')
            .into_iter()
            .map(|all| (all[0].clone(), all[1].clone(), all[2].clone()))
            .collect(),
    }
}

fn cases() -> Vec<Case> {
    let text = include_str!("worked.txt");
    let mut cases = Vec::new();
    for block in text.split("\n\n").filter(|block| !block.starts_with('#')) {
        let mut case = Case::default();
        for line in block.lines() {
            let (text, expected) = line.split_once(" = ").unwrap_or((line, ""));
            if let Some(caption) = text.strip_prefix("C ") {
                case.candidate = (caption.into(), graph(expected));
            } else if let Some(caption) = text.strip_prefix("R ") {
                case.references.push((caption.into(), graph(expected)));
            } else if let Some((matched, all)) = line.strip_prefix("score ").and_then(|score| score.split_once('/')) {
                case.score = matched.parse::<f64>().unwrap() / all.parse::<f64>().unwrap();
            } else if !line.is_empty() {
                case.title = line.into();
            }
        }
        cases.push(case);
    }
    cases
}

#[test]
fn graphs_and_scores_are_those_worked_by_hand() {
    let cases = cases();
    assert!(cases.len() >= 60, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        for (caption, expected) in [&case.candidate].into_iter().chain(&case.references) {
            let found = parse(caption);
            if found != *expected {
                wrong.push(format!("{}: {caption}\n  expected {expected:?}\n  found    {found:?}", case.title));
            }
        }
        let references: Vec<SceneGraph> = case.references.iter().map(|(_, graph)| graph.clone()).collect();
        let score = compare(&case.candidate.1, &references).score();
        if (score - case.score).abs() > 1e-12 {
            wrong.push(format!("{}: expected {}, found {score}", case.title, case.score));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_caption_against_itself_is_1_when_it_says_anything() {
    for case in cases() {
        for (caption, graph) in [case.candidate].into_iter().chain(case.references) {
            let expected = if graph.is_empty() { 0.0 } else { 1.0 };
            let own = parse(&caption);
            assert_eq!(compare(&own, std::slice::from_ref(&own)).score(), expected, "{caption}");
        }
    }
}

#[test]
fn the_order_and_repetition_of_references_is_nothing() {
    let cases = cases();
    for case in &cases {
        // References of several cases together, so that there is something to reorder.
        let others = cases.iter().step_by(7).flat_map(|case| &case.references).map(|(_, graph)| graph.clone());
        let mut references: Vec<SceneGraph> =
            case.references.iter().map(|(_, graph)| graph.clone()).chain(others).collect();
        let score = compare(&case.candidate.1, &references);
        references.reverse();
        assert_eq!(compare(&case.candidate.1, &references), score);
        references.push(references[0].clone());
        assert_eq!(compare(&case.candidate.1, &references), score);
    }
}

#[test]
fn scores_lie_between_0_and_1() {
    let graphs: Vec<SceneGraph> = cases().into_iter().map(|case| case.candidate.1).collect();
    for a in &graphs {
        for b in &graphs {
            let score = compare(a, std::slice::from_ref(b)).score();
            assert!((0.0..=1.0).contains(&score));
        }
    }
}

#[test]
fn any_text_has_a_graph() {
    for text in ["", "   ", "dress", "!?!,.", "👗 👖", "赤い ドレス", &"a red dress with ".repeat(1200)] {
        let own = parse(text);
        let names: BTreeSet<&String> = own.attributes.iter().map(|pair| &pair.0).collect();
        assert!(names.iter().all(|name| own.objects.contains(*name)), "attributes are of objects");
    }
}
