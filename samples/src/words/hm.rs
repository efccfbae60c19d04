//! H&M's manner: "Short, sleeveless, floral dress in red viscose fabric with a V-neck. Tie belt at the waist. Unlined."

use super::{Manner, listed, phrases, sentences};
use crate::garment::{Design, Sleeve};
use crate::random::Random;

/// A description in H&M's manner.
pub fn describe(design: &Design, manner: Manner, random: &mut Random) -> String {
    let noun = design.category.noun();
    let colour = design.colour.word();
    let pattern = design.pattern.word();
    let fabric = phrases::fabric(design.category, random);
    let finish = phrases::finish(design.category, random);
    let sleeveless = (design.sleeve == Sleeve::Sleeveless).then_some("sleeveless");
    let cloth = in_colour(colour, fabric);
    let seen = |parts: &[Option<&str>]| -> Vec<String> { parts.iter().flatten().map(ToString::to_string).collect() };
    let neck = phrases::neckline(design.neckline);
    let sleeves = phrases::sleeves(design.sleeve);
    let closure = phrases::closure(design);
    let detail = phrases::detail(design);
    let shape = phrases::shape(design);

    match manner {
        Manner::Full => {
            let adjectives = seen(&[phrases::length(design), sleeveless, pattern]).join(", ");
            let lead = format!("{adjectives} {noun} in {cloth}");
            let with = if design.has_top() { seen(&[neck, sleeves]) } else { seen(&[shape]) };
            let rest = if design.has_top() { seen(&[closure, detail, shape]) } else { seen(&[detail]) };
            let lead = if with.is_empty() { lead } else { format!("{lead} with {}", listed(&with)) };
            sentences([lead.trim_start().to_string(), without_article(&listed(&rest)), finish.to_string()])
        }
        Manner::Terse => {
            let adjectives = seen(&[sleeveless, pattern]).join(" ");
            let lead =
                format!("{colour} {adjectives} {noun} in {fabric} with {}", listed(&seen(&[neck, sleeves, shape])));
            let lead = lead.replace("  ", " ");
            sentences([lead, without_article(&listed(&seen(&[closure, detail])))])
        }
        Manner::Loose => {
            let adjectives = seen(&[pattern]).join(" ");
            let lead = format!("{adjectives} {noun} in {cloth}");
            let length = phrases::length(design).map(|length| format!("{length} style")).unwrap_or_default();
            let parts = seen(&[sleeveless.map(|_| "no sleeves"), sleeves, neck, shape, closure, detail]);
            sentences([lead.trim_start().to_string(), without_article(&listed(&parts)), length])
        }
    }
}

/// "red woven fabric", "a red wool blend".
fn in_colour(colour: &str, fabric: &str) -> String {
    match fabric.strip_prefix("a ") {
        Some(bare) if colour.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {colour} {bare}"),
        Some(bare) => format!("a {colour} {bare}"),
        None => format!("{colour} {fabric}"),
    }
}

/// A sentence of parts begins without its article, as the vendor's do: "Tie belt at the waist".
fn without_article(text: &str) -> String {
    text.strip_prefix("a ").or_else(|| text.strip_prefix("an ")).unwrap_or(text).to_string()
}
