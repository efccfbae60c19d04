//! FashionGen's manner: "Long sleeve cotton jersey T-shirt in navy. Striped pattern throughout. Round neckline. Tonal stitching."

use super::{Manner, phrases, sentences};
use crate::garment::{Category, Design, Length, Sleeve};
use crate::random::Random;

/// A description in FashionGen's manner.
pub fn describe(design: &Design, manner: Manner, random: &mut Random) -> String {
    let noun = design.category.noun();
    let colour = design.colour.shop_word();
    let fabric = phrases::fabric(design.category, random);
    let fabric = fabric.strip_prefix("a ").unwrap_or(fabric);
    let sleeve = match design.sleeve {
        Sleeve::Absent => "",
        Sleeve::Sleeveless => "sleeveless ",
        Sleeve::Short => "short sleeve ",
        Sleeve::ThreeQuarter => "three-quarter sleeve ",
        Sleeve::Long => "long sleeve ",
    };
    let bare = |phrase: Option<&str>| {
        let phrase = phrase.unwrap_or_default();
        phrase.strip_prefix("a ").or_else(|| phrase.strip_prefix("an ")).unwrap_or(phrase).to_string()
    };
    let pattern = design.pattern.word().map(|word| format!("{word} pattern throughout")).unwrap_or_default();
    let neckline = bare(phrases::neckline(design.neckline));
    let sleeves = bare(phrases::sleeves(design.sleeve));
    let closure = bare(phrases::closure(design));
    let detail = bare(phrases::detail(design));
    let shape = bare(phrases::shape(design));
    let hem = match design.length {
        Length::Regular => "",
        Length::Cropped => "cropped at waist",
        Length::Long => "long fit",
        Length::Short if design.category == Category::Shorts => "",
        Length::Short => "short fit",
        Length::Knee => "hem at knee",
        Length::Calf => "hem at calf",
        Length::Ankle => "hem at ankle",
    }
    .to_string();
    let stitching = if random.chance(0.85) { "tonal stitching" } else { "contrast stitching" }.to_string();

    match manner {
        Manner::Full => {
            let lead = format!("{sleeve}{fabric} {noun} in {colour}");
            sentences([lead, pattern, neckline, closure, detail, shape, hem, stitching])
        }
        Manner::Terse => {
            let adjective = design.pattern.word().map(|word| format!("{word} ")).unwrap_or_default();
            let lead = format!("{sleeve}{fabric} {noun} in {adjective}{colour}");
            sentences([lead, neckline, closure, detail, shape])
        }
        Manner::Loose => {
            let adjective = design.pattern.word().map(|word| format!("{word} ")).unwrap_or_default();
            let lead = format!("{adjective}{colour} {noun} in {fabric}");
            sentences([lead, sleeves, neckline, shape, detail, hem, closure])
        }
    }
}
