//! The words for each attribute, shared by the shops' manners.

use crate::garment::{Category, Closure, Design, Detail, Length, Neckline, Shape, Sleeve};
use crate::random::Random;

/// "a V-neck"; none where the category has no neckline.
pub fn neckline(neckline: Neckline) -> Option<&'static str> {
    Some(match neckline {
        Neckline::Absent => return None,
        Neckline::Round => "a round neckline",
        Neckline::V => "a V-neck",
        Neckline::Square => "a square neckline",
        Neckline::Boat => "a boat neck",
        Neckline::Turtleneck => "a turtleneck",
        Neckline::Collar => "a collar",
        Neckline::StandUp => "a stand-up collar",
        Neckline::Lapels => "notched lapels",
        Neckline::Hood => "a hood",
    })
}

/// "long sleeves"; none where there are none or the garment is called sleeveless.
pub fn sleeves(sleeve: Sleeve) -> Option<&'static str> {
    match sleeve {
        Sleeve::Absent | Sleeve::Sleeveless => None,
        Sleeve::Short => Some("short sleeves"),
        Sleeve::ThreeQuarter => Some("three-quarter-length sleeves"),
        Sleeve::Long => Some("long sleeves"),
    }
}

/// The adjective of length; none for a length that needs no mention.
pub fn length(design: &Design) -> Option<&'static str> {
    Some(match design.length {
        Length::Regular => return None,
        Length::Cropped => "cropped",
        Length::Long => "long",
        Length::Knee => "knee-length",
        Length::Calf => "calf-length",
        // Shorts are short, and full-length trousers and leggings are the rule.
        Length::Short if design.category == Category::Shorts => return None,
        Length::Ankle if matches!(design.category, Category::Trousers | Category::Leggings) => return None,
        Length::Short => "short",
        Length::Ankle => "ankle-length",
    })
}

/// "buttons down the front".
pub fn closure(design: &Design) -> Option<&'static str> {
    match design.closure {
        Closure::Absent => None,
        Closure::Buttons if design.category == Category::PoloShirt => Some("a button placket"),
        Closure::Buttons => Some("buttons down the front"),
        Closure::Zip => Some("a zip down the front"),
    }
}

/// "a tie belt at the waist".
pub fn detail(design: &Design) -> Option<&'static str> {
    Some(match design.detail {
        Detail::Absent => return None,
        Detail::ChestPocket => "a chest pocket",
        Detail::FrontPockets if design.category == Category::Hoodie => "a kangaroo pocket",
        Detail::FrontPockets => "side pockets",
        Detail::TieBelt => "a tie belt at the waist",
        Detail::Drawstring => "a drawstring at the waist",
        Detail::Ribbing => "ribbing at the cuffs and hem",
    })
}

/// "wide legs", "a flared skirt"; none where the cut needs no mention.
pub fn shape(design: &Design) -> Option<&'static str> {
    match (design.category, design.shape) {
        (Category::Dress, Shape::Flared) => Some("a flared skirt"),
        (Category::Dress, _) => Some("a straight skirt"),
        (Category::Skirt, Shape::Flared) => Some("a flared shape"),
        (Category::Skirt, _) => Some("a straight shape"),
        (Category::Leggings, _) => Some("an elasticated waist"),
        (_, Shape::Wide) => Some("wide legs"),
        (_, Shape::Tapered) => Some("tapered legs"),
        _ if design.has_legs() => Some("straight legs"),
        _ => None,
    }
}

/// The cloth; it cannot be seen, but one is usual for the category.
pub fn fabric(category: Category, random: &mut Random) -> &'static str {
    let [usual, other] = match category {
        Category::TShirt | Category::VestTop => ["cotton jersey", "ribbed jersey"],
        Category::PoloShirt => ["cotton pique", "cotton jersey"],
        Category::Shirt => ["cotton poplin", "a linen blend"],
        Category::Sweater | Category::Cardigan => ["a fine knit", "a wool blend"],
        Category::Hoodie => ["sweatshirt fabric", "a cotton blend"],
        Category::Jacket => ["windproof nylon", "cotton twill"],
        Category::Blazer => ["woven fabric", "a wool blend"],
        Category::Coat => ["a wool blend", "felted fabric"],
        Category::Dress | Category::Jumpsuit => ["viscose fabric", "crinkled cotton"],
        Category::Skirt => ["woven fabric", "cotton twill"],
        Category::Trousers | Category::Shorts => ["cotton twill", "a linen blend"],
        Category::Leggings => ["stretch jersey", "ribbed jersey"],
    };
    if random.chance(0.85) { usual } else { other }
}

/// The last words of a description, on what cannot be seen; one is usual for the category.
pub fn finish(category: Category, random: &mut Random) -> &'static str {
    let [usual, other] = match category {
        Category::TShirt | Category::VestTop => ["straight-cut hem", "slightly rounded hem"],
        Category::PoloShirt => ["short slits in the sides", "straight-cut hem"],
        Category::Shirt => ["rounded hem", "yoke at the back"],
        Category::Sweater | Category::Cardigan => ["relaxed fit", "dropped shoulders"],
        Category::Hoodie => ["soft brushed inside", "relaxed fit"],
        Category::Jacket | Category::Blazer | Category::Coat => ["lined", "unlined"],
        Category::Dress | Category::Jumpsuit => ["concealed zip at the back", "unlined"],
        Category::Skirt => ["concealed zip at the back", "lined"],
        Category::Trousers | Category::Shorts => ["zip fly with a button", "back pockets"],
        Category::Leggings => ["soft brushed inside", "flatlock seams"],
    };
    if random.chance(0.85) { usual } else { other }
}
