//! What `tests/recompute.py` recomputes the metric from. Reads items (`{"id", "candidate", "references"}`, a line each) from standard input, with
//! the vocabulary counted from their references; writes for each the tags and lemmas of its texts and the sets found.

use attributes::Sets;
use language::attributes::Vocabulary;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut items = Vec::new();
    for line in std::io::stdin().lines() {
        let item: Value = serde_json::from_str(&line?)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let references: Vec<String> = item["references"].as_array().into_iter().flatten().map(text).collect();
        items.push((text(&item["id"]), text(&item["candidate"]), references));
    }
    let references = items.iter().flat_map(|item| &item.2).map(String::as_str);
    let vocabulary = Vocabulary::count(references, 10);
    let tags = |text: &str| {
        let sentences = language::analyse(&text.replace('-', " ")).sentences;
        let tokens = sentences.into_iter().flat_map(|sentence| sentence.tokens);
        tokens.map(|token| json!([token.lemma, token.upos])).collect::<Vec<_>>()
    };
    for (id, candidate, references) in &items {
        let sets = Sets::new(candidate, references.iter().map(String::as_str), &vocabulary);
        let line = json!({
            "id": id,
            "candidate": tags(candidate),
            "references": references.iter().map(|text| tags(text)).collect::<Vec<_>>(),
            "sets": sets,
            "precision": sets.precision(),
            "recall": sets.recall(),
        });
        println!("{line}");
    }
    Ok(())
}
