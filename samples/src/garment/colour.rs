//! The colours of the sample catalogue: how they look, what they are called, H&M's numbers for them.

use crate::random::Random;

/// A colour that can be told from the others in a small picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Colour {
    Black,
    White,
    Grey,
    Beige,
    Brown,
    Red,
    Orange,
    Yellow,
    Green,
    Turquoise,
    Blue,
    DarkBlue,
    Purple,
    Pink,
}

impl Colour {
    /// Every colour, in a fixed order.
    pub const ALL: [Colour; 14] = [
        Colour::Black,
        Colour::White,
        Colour::Grey,
        Colour::Beige,
        Colour::Brown,
        Colour::Red,
        Colour::Orange,
        Colour::Yellow,
        Colour::Green,
        Colour::Turquoise,
        Colour::Blue,
        Colour::DarkBlue,
        Colour::Purple,
        Colour::Pink,
    ];

    /// A colour with the frequency of a real wardrobe: black and dark blue often, orange seldom.
    pub fn draw(random: &mut Random) -> Self {
        const WEIGHTS: [f32; 14] = [1.6, 1.2, 1.1, 1.0, 0.8, 1.0, 0.7, 0.8, 0.9, 0.7, 1.0, 1.3, 0.8, 1.0];
        Self::ALL[random.weighted(&WEIGHTS)]
    }

    /// The words for it in a description, lower case.
    pub fn word(self) -> &'static str {
        match self {
            Colour::DarkBlue => "dark blue",
            other => other.group().1,
        }
    }

    /// FashionGen's shops have their own words for some colours.
    pub fn shop_word(self) -> &'static str {
        match self {
            Colour::DarkBlue => "navy",
            Colour::White => "ivory",
            other => other.word(),
        }
    }

    /// Middle of its range in sRGB.
    pub fn rgb(self) -> [u8; 3] {
        match self {
            Colour::Black => [34, 33, 36],
            Colour::White => [240, 238, 233],
            Colour::Grey => [138, 140, 143],
            Colour::Beige => [214, 192, 155],
            Colour::Brown => [112, 74, 48],
            Colour::Red => [196, 36, 40],
            Colour::Orange => [232, 122, 36],
            Colour::Yellow => [240, 203, 64],
            Colour::Green => [54, 116, 66],
            Colour::Turquoise => [52, 176, 172],
            Colour::Blue => [66, 122, 202],
            Colour::DarkBlue => [32, 46, 92],
            Colour::Purple => [122, 72, 150],
            Colour::Pink => [232, 152, 178],
        }
    }

    /// H&M's colour_group_code and the group's name in lower case.
    fn group(self) -> (&'static str, &'static str) {
        match self {
            Colour::Black => ("09", "black"),
            Colour::White => ("10", "white"),
            Colour::Grey => ("07", "grey"),
            Colour::Beige => ("13", "beige"),
            Colour::Brown => ("16", "brown"),
            Colour::Red => ("42", "red"),
            Colour::Orange => ("32", "orange"),
            Colour::Yellow => ("22", "yellow"),
            Colour::Green => ("92", "green"),
            Colour::Turquoise => ("82", "turquoise"),
            Colour::Blue => ("72", "blue"),
            Colour::DarkBlue => ("73", "dark blue"),
            Colour::Purple => ("62", "purple"),
            Colour::Pink => ("52", "pink"),
        }
    }

    /// H&M's six columns of colour: group code and name, perceived value id and name, perceived master id and name.
    pub fn columns(self) -> [&'static str; 6] {
        let (code, _) = self.group();
        let (name, value_id, value, master_id, master) = match self {
            Colour::Black => ("Black", "4", "Dark", "5", "Black"),
            Colour::White => ("White", "3", "Light", "9", "White"),
            Colour::Grey => ("Grey", "2", "Medium Dusty", "12", "Grey"),
            Colour::Beige => ("Beige", "1", "Dusty Light", "11", "Beige"),
            Colour::Brown => ("Brown", "4", "Dark", "15", "Brown"),
            Colour::Red => ("Red", "5", "Bright", "18", "Red"),
            Colour::Orange => ("Orange", "5", "Bright", "3", "Orange"),
            Colour::Yellow => ("Yellow", "5", "Bright", "8", "Yellow"),
            Colour::Green => ("Green", "7", "Medium", "19", "Green"),
            Colour::Turquoise => ("Turquoise", "7", "Medium", "14", "Turquoise"),
            Colour::Blue => ("Blue", "7", "Medium", "2", "Blue"),
            Colour::DarkBlue => ("Dark Blue", "4", "Dark", "2", "Blue"),
            Colour::Purple => ("Purple", "7", "Medium", "7", "Lilac Purple"),
            Colour::Pink => ("Pink", "3", "Light", "4", "Pink"),
        };
        [code, name, value_id, value, master_id, master]
    }
}
