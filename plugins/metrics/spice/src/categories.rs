//! Kinds of tuples that are scored by themselves: colours, numbers, sizes among the attributes.

use serde::Serialize;

/// A kind of tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    Object,
    Attribute,
    Relation,
    Colour,
    Number,
    Size,
}

impl Category {
    pub const ALL: [Category; 6] =
        [Category::Object, Category::Attribute, Category::Relation, Category::Colour, Category::Number, Category::Size];

    /// As in the metric's value `spice-colour`.
    pub fn name(self) -> &'static str {
        match self {
            Category::Object => "object",
            Category::Attribute => "attribute",
            Category::Relation => "relation",
            Category::Colour => "colour",
            Category::Number => "number",
            Category::Size => "size",
        }
    }

    /// Whether an attribute belongs here; a denied one (`not red`) does as the plain one.
    pub fn holds(self, attribute: &str) -> bool {
        let plain = attribute.strip_prefix("not ").unwrap_or(attribute);
        match self {
            Category::Colour => COLOURS.contains(&plain),
            Category::Number => NUMBERS.contains(&plain) || plain.bytes().all(|byte| byte.is_ascii_digit()),
            Category::Size => SIZES.contains(&plain),
            _ => true,
        }
    }
}

const COLOURS: [&str; 44] = [
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "brown",
    "black",
    "white",
    "grey",
    "gray",
    "beige",
    "tan",
    "gold",
    "golden",
    "silver",
    "cream",
    "navy",
    "maroon",
    "burgundy",
    "teal",
    "turquoise",
    "violet",
    "lavender",
    "lilac",
    "khaki",
    "olive",
    "ivory",
    "mint",
    "coral",
    "peach",
    "rust",
    "magenta",
    "cyan",
    "aqua",
    "crimson",
    "scarlet",
    "blonde",
    "blond",
    "colorful",
    "colourful",
    "camel",
    "charcoal",
];

const NUMBERS: [&str; 20] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "dozen",
    "couple", "pair", "twenty", "thirty", "hundred", "several", "many",
];

const SIZES: [&str; 24] = [
    "big",
    "large",
    "small",
    "little",
    "tiny",
    "huge",
    "giant",
    "enormous",
    "massive",
    "tall",
    "short",
    "long",
    "wide",
    "narrow",
    "thin",
    "thick",
    "mini",
    "maxi",
    "oversized",
    "chunky",
    "medium",
    "great",
    "high",
    "low",
];
