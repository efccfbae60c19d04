//! What a garment is: its category and the attributes that can be seen and are named.
//! No pixels (see `draw`) and no sentences (see `words`) here.

mod category;
mod colour;
mod design;

pub use category::{Category, Group};
pub use colour::Colour;
pub use design::{Closure, Design, Detail, Length, Neckline, Pattern, Shape, Sleeve};
