//! A garment's cut: every attribute that the picture shows and the description names, and how a
//! plausible combination is drawn at random for a category.

use super::{Category, Colour, Group};
use crate::random::Random;

/// What is printed or woven into the cloth; the second colour of a pattern follows from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    Solid,
    Stripe,
    Dot,
    Check,
    Floral,
    Block,
}

impl Pattern {
    /// Every pattern, in a fixed order.
    pub const ALL: [Pattern; 6] =
        [Pattern::Solid, Pattern::Stripe, Pattern::Dot, Pattern::Check, Pattern::Floral, Pattern::Block];

    /// H&M's graphical_appearance_no and graphical_appearance_name.
    pub fn appearance(self) -> (u32, &'static str) {
        match self {
            Pattern::Solid => (1_010_016, "Solid"),
            Pattern::Stripe => (1_010_017, "Stripe"),
            Pattern::Dot => (1_010_006, "Dot"),
            Pattern::Check => (1_010_004, "Check"),
            Pattern::Floral => (1_010_001, "All over pattern"),
            Pattern::Block => (1_010_005, "Colour blocking"),
        }
    }

    /// The adjective in a description; none for a plain cloth.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Pattern::Solid => None,
            Pattern::Stripe => Some("striped"),
            Pattern::Dot => Some("dotted"),
            Pattern::Check => Some("checked"),
            Pattern::Floral => Some("floral"),
            Pattern::Block => Some("colour-block"),
        }
    }
}

/// The length of the sleeves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sleeve {
    /// The category has none to speak of (trousers, skirts).
    Absent,
    Sleeveless,
    Short,
    ThreeQuarter,
    Long,
}

/// The shape at the neck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Neckline {
    Absent,
    Round,
    V,
    Square,
    Boat,
    Turtleneck,
    Collar,
    StandUp,
    Lapels,
    Hood,
}

/// How far the garment reaches; what a value means depends on the category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Length {
    Cropped,
    Regular,
    Long,
    Short,
    Knee,
    Calf,
    Ankle,
}

/// How it closes at the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closure {
    Absent,
    Buttons,
    Zip,
}

/// The cut of a skirt or of legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    Straight,
    Flared,
    Wide,
    Tapered,
    Tight,
}

/// One more thing to see, and to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Detail {
    Absent,
    ChestPocket,
    FrontPockets,
    TieBelt,
    Drawstring,
    Ribbing,
}

/// Everything that can be seen of one article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Design {
    pub category: Category,
    pub colour: Colour,
    pub pattern: Pattern,
    pub sleeve: Sleeve,
    pub neckline: Neckline,
    pub length: Length,
    pub closure: Closure,
    pub shape: Shape,
    pub detail: Detail,
}

impl Design {
    /// A plausible cut for the category, in a plain black that `Design::dyed` replaces.
    pub fn cut(category: Category, random: &mut Random) -> Self {
        use Category as C;
        let pick = |random: &mut Random, list: &[Neckline]| random.pick(list);
        let neckline = match category {
            C::TShirt => pick(random, &[Neckline::Round, Neckline::Round, Neckline::V]),
            C::VestTop => pick(random, &[Neckline::Round, Neckline::V, Neckline::Square]),
            C::Sweater => pick(random, &[Neckline::Round, Neckline::V, Neckline::Turtleneck, Neckline::Boat]),
            C::Dress => pick(random, &[Neckline::Round, Neckline::V, Neckline::Square]),
            C::Jumpsuit => pick(random, &[Neckline::Round, Neckline::V]),
            C::PoloShirt | C::Shirt => Neckline::Collar,
            C::Hoodie => Neckline::Hood,
            C::Cardigan => Neckline::V,
            C::Jacket => pick(random, &[Neckline::StandUp, Neckline::Collar]),
            C::Blazer => Neckline::Lapels,
            C::Coat => pick(random, &[Neckline::Lapels, Neckline::StandUp]),
            C::Skirt | C::Trousers | C::Shorts | C::Leggings => Neckline::Absent,
        };
        let sleeve = match category {
            C::TShirt => random.pick(&[Sleeve::Short, Sleeve::Short, Sleeve::Long]),
            C::VestTop => Sleeve::Sleeveless,
            C::PoloShirt | C::Shirt => random.pick(&[Sleeve::Short, Sleeve::Long]),
            C::Sweater => random.pick(&[Sleeve::Long, Sleeve::Long, Sleeve::ThreeQuarter]),
            C::Dress => random.pick(&[Sleeve::Sleeveless, Sleeve::Short, Sleeve::ThreeQuarter, Sleeve::Long]),
            C::Jumpsuit => random.pick(&[Sleeve::Sleeveless, Sleeve::Short, Sleeve::Long]),
            C::Skirt | C::Trousers | C::Shorts | C::Leggings => Sleeve::Absent,
            C::Hoodie | C::Cardigan | C::Jacket | C::Blazer | C::Coat => Sleeve::Long,
        };
        let length = match category {
            C::TShirt | C::VestTop | C::Sweater | C::Cardigan | C::Hoodie => {
                random.pick(&[Length::Regular, Length::Regular, Length::Cropped, Length::Long])
            }
            C::Jacket => random.pick(&[Length::Regular, Length::Cropped]),
            C::PoloShirt | C::Shirt | C::Blazer => Length::Regular,
            C::Coat => random.pick(&[Length::Short, Length::Knee, Length::Calf]),
            C::Dress => random.pick(&[Length::Short, Length::Knee, Length::Calf, Length::Ankle]),
            C::Skirt => random.pick(&[Length::Short, Length::Knee, Length::Calf]),
            C::Jumpsuit => random.pick(&[Length::Knee, Length::Ankle]),
            C::Trousers => random.pick(&[Length::Ankle, Length::Calf]),
            C::Leggings => random.pick(&[Length::Ankle, Length::Knee]),
            C::Shorts => random.pick(&[Length::Short, Length::Knee]),
        };
        let closure = match category {
            C::Shirt | C::Cardigan | C::Blazer => Closure::Buttons,
            C::PoloShirt => Closure::Buttons,
            C::Jacket | C::Coat => random.pick(&[Closure::Zip, Closure::Buttons]),
            C::Hoodie => random.pick(&[Closure::Zip, Closure::Absent]),
            _ => Closure::Absent,
        };
        // Lapels do not close with a zip.
        let closure = if neckline == Neckline::Lapels { Closure::Buttons } else { closure };
        let shape = match category {
            C::Dress | C::Skirt => random.pick(&[Shape::Flared, Shape::Straight]),
            C::Trousers => random.pick(&[Shape::Straight, Shape::Wide, Shape::Tapered]),
            C::Shorts => random.pick(&[Shape::Straight, Shape::Wide]),
            C::Jumpsuit => random.pick(&[Shape::Straight, Shape::Wide]),
            C::Leggings => Shape::Tight,
            _ => Shape::Straight,
        };
        let detail = match category {
            C::TShirt | C::Shirt => random.pick(&[Detail::ChestPocket, Detail::Absent]),
            C::Sweater | C::Cardigan => Detail::Ribbing,
            C::Hoodie | C::Jacket | C::Blazer => Detail::FrontPockets,
            C::Coat => random.pick(&[Detail::TieBelt, Detail::FrontPockets]),
            C::Dress | C::Jumpsuit => random.pick(&[Detail::TieBelt, Detail::Absent]),
            C::Trousers | C::Shorts => random.pick(&[Detail::Drawstring, Detail::FrontPockets]),
            C::Skirt => random.pick(&[Detail::TieBelt, Detail::Absent]),
            C::VestTop | C::PoloShirt | C::Leggings => Detail::Absent,
        };
        Design {
            category,
            colour: Colour::Black,
            pattern: Pattern::Solid,
            sleeve,
            neckline,
            length,
            closure,
            shape,
            detail,
        }
    }

    /// The same cut in another cloth.
    pub fn dyed(mut self, random: &mut Random) -> Self {
        self.colour = Colour::draw(random);
        let weights: [f32; 6] = match self.category {
            // Suiting is plain or checked; what is knitted has no printed flowers.
            Category::Blazer | Category::Coat => [5.0, 0.0, 0.0, 3.0, 0.0, 0.0],
            Category::Sweater | Category::Cardigan | Category::Hoodie | Category::PoloShirt => {
                [4.0, 2.0, 0.0, 0.0, 0.0, 1.5]
            }
            Category::Jacket => [5.0, 0.0, 0.0, 1.0, 0.0, 1.5],
            Category::TShirt | Category::Leggings => [4.0, 2.0, 1.2, 0.0, 1.2, 1.2],
            _ => [4.0, 1.5, 1.5, 1.5, 1.5, 0.0],
        };
        self.pattern = Pattern::ALL[random.weighted(&weights)];
        self
    }

    /// True where legs are drawn.
    pub fn has_legs(&self) -> bool {
        matches!(self.category, Category::Trousers | Category::Shorts | Category::Leggings | Category::Jumpsuit)
    }

    /// True where shoulders are drawn.
    pub fn has_top(&self) -> bool {
        self.category.group() != Group::Lower
    }
}
