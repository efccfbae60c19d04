//! The categories of garment, with the numbers and names that the H&M files use for them.

/// Which part of the body a garment covers; it decides the frame that it is drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Shoulders to hips.
    Upper,
    /// Waist to ankles.
    Lower,
    /// Shoulders to ankles.
    Full,
}

/// The kinds of garment in the sample catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    TShirt,
    VestTop,
    PoloShirt,
    Shirt,
    Sweater,
    Hoodie,
    Cardigan,
    Jacket,
    Blazer,
    Coat,
    Dress,
    Jumpsuit,
    Skirt,
    Trousers,
    Shorts,
    Leggings,
}

/// One category's entries in the vendors' files.
struct Entry {
    noun: &'static str,
    type_no: u16,
    type_name: &'static str,
    garment_group: (u16, &'static str),
    department: (u16, &'static str),
    fashiongen: (&'static str, &'static str),
}

impl Category {
    /// Every category, in a fixed order.
    pub const ALL: [Category; 16] = [
        Category::TShirt,
        Category::VestTop,
        Category::PoloShirt,
        Category::Shirt,
        Category::Sweater,
        Category::Hoodie,
        Category::Cardigan,
        Category::Jacket,
        Category::Blazer,
        Category::Coat,
        Category::Dress,
        Category::Jumpsuit,
        Category::Skirt,
        Category::Trousers,
        Category::Shorts,
        Category::Leggings,
    ];

    /// The word that names the garment in a description, lower case as inside a sentence.
    pub fn noun(self) -> &'static str {
        self.entry().noun
    }

    /// True for words without a singular: "trousers", "shorts", "leggings".
    pub fn is_plural(self) -> bool {
        matches!(self, Category::Trousers | Category::Shorts | Category::Leggings)
    }

    /// H&M's product_type_no and product_type_name.
    pub fn product_type(self) -> (u16, &'static str) {
        (self.entry().type_no, self.entry().type_name)
    }

    /// H&M's product_group_name.
    pub fn product_group(self) -> &'static str {
        match self.group() {
            Group::Upper => "Garment Upper body",
            Group::Lower => "Garment Lower body",
            // The vendor files coats among the upper-body garments.
            Group::Full if self == Category::Coat => "Garment Upper body",
            Group::Full => "Garment Full body",
        }
    }

    /// H&M's garment_group_no and garment_group_name.
    pub fn garment_group(self) -> (u16, &'static str) {
        self.entry().garment_group
    }

    /// H&M's department_no and department_name.
    pub fn department(self) -> (u16, &'static str) {
        self.entry().department
    }

    /// FashionGen's input_category and input_subcategory.
    pub fn fashiongen(self) -> (&'static str, &'static str) {
        self.entry().fashiongen
    }

    /// The part of the body it covers.
    pub fn group(self) -> Group {
        match self {
            Category::Skirt | Category::Trousers | Category::Shorts | Category::Leggings => Group::Lower,
            Category::Dress | Category::Jumpsuit | Category::Coat => Group::Full,
            _ => Group::Upper,
        }
    }

    fn entry(self) -> Entry {
        let (noun, type_no, type_name, garment_group, department, fashiongen) = match self {
            Category::TShirt => {
                ("T-shirt", 255, "T-shirt", (1002, "Jersey Basic"), (1676, "Jersey Basic"), ("TOPS", "T-SHIRTS"))
            }
            Category::VestTop => {
                ("vest top", 253, "Vest top", (1002, "Jersey Basic"), (1676, "Jersey Basic"), ("TOPS", "TANK TOPS"))
            }
            Category::PoloShirt => {
                ("polo shirt", 257, "Polo shirt", (1005, "Jersey Fancy"), (1640, "Jersey fancy"), ("TOPS", "POLOS"))
            }
            Category::Shirt => ("shirt", 259, "Shirt", (1011, "Shirts"), (1522, "Shirt"), ("SHIRTS", "SHIRTS")),
            Category::Sweater => {
                ("sweater", 252, "Sweater", (1003, "Knitwear"), (1626, "Knitwear"), ("SWEATERS", "CREWNECKS"))
            }
            Category::Hoodie => {
                ("hoodie", 308, "Hoodie", (1005, "Jersey Fancy"), (1640, "Jersey fancy"), ("SWEATERS", "HOODIES"))
            }
            Category::Cardigan => {
                ("cardigan", 245, "Cardigan", (1003, "Knitwear"), (1626, "Knitwear"), ("SWEATERS", "CARDIGANS"))
            }
            Category::Jacket => {
                ("jacket", 262, "Jacket", (1007, "Outdoor"), (1201, "Outwear"), ("JACKETS & COATS", "JACKETS"))
            }
            Category::Blazer => {
                ("blazer", 264, "Blazer", (1008, "Dressed"), (1723, "Blazer"), ("JACKETS & COATS", "BLAZERS"))
            }
            Category::Coat => ("coat", 263, "Coat", (1007, "Outdoor"), (1201, "Outwear"), ("JACKETS & COATS", "COATS")),
            Category::Dress => {
                ("dress", 265, "Dress", (1013, "Dresses Ladies"), (1322, "Dress"), ("DRESSES", "DRESSES"))
            }
            Category::Jumpsuit => (
                "jumpsuit",
                267,
                "Jumpsuit/Playsuit",
                (1013, "Dresses Ladies"),
                (1322, "Dress"),
                ("JUMPSUITS", "JUMPSUITS"),
            ),
            Category::Skirt => ("skirt", 275, "Skirt", (1012, "Skirts"), (1488, "Skirt"), ("SKIRTS", "SKIRTS")),
            Category::Trousers => {
                ("trousers", 272, "Trousers", (1009, "Trousers"), (1722, "Trouser"), ("PANTS", "TROUSERS"))
            }
            Category::Shorts => ("shorts", 274, "Shorts", (1025, "Shorts"), (1917, "Shorts"), ("SHORTS", "SHORTS")),
            Category::Leggings => (
                "leggings",
                273,
                "Leggings/Tights",
                (1021, "Socks and Tights"),
                (1747, "Trousers Jersey"),
                ("PANTS", "LEGGINGS"),
            ),
        };
        Entry { noun, type_no, type_name, garment_group, department, fashiongen }
    }
}
