//! Where a garment is photographed: background, light, and how it lies in the frame.

use crate::catalogue::Shop;
use crate::garment::{Design, Group};
use crate::random::Random;

/// Everything about a picture that is not the garment.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Colours of the background at the top and at the bottom, 0–255.
    pub background: [[f32; 3]; 2],
    /// Seeds the small differences of dye from picture to picture of one article.
    pub dye: u64,
    /// How far sleeves stand off the body, degrees.
    pub swing: f32,
    /// Turns the garment, degrees.
    pub tilt: f32,
    /// Shows it from the other side.
    pub mirrored: bool,
    /// 1 fills the frame; smaller leaves a margin; larger cuts.
    pub zoom: f32,
    /// Narrows the garment, as if it were turned about its height; 1 is the full front.
    pub turn: f32,
    /// Moves the garment by shares of the frame's width and height.
    pub shift: (f32, f32),
}

impl Scene {
    /// A scene in the shop's studio. Poses after the first turn, mirror or come closer.
    pub fn draw(shop: Shop, pose: u64, random: &mut Random) -> Self {
        let background = match shop {
            Shop::Hm => {
                const WALLS: [[f32; 3]; 4] =
                    [[236.0, 235.0, 233.0], [229.0, 232.0, 236.0], [238.0, 232.0, 225.0], [228.0, 234.0, 229.0]];
                let wall = random.pick(&WALLS).map(|c| c + random.between(-3.0, 3.0));
                [wall, wall.map(|c| c - random.between(10.0, 18.0))]
            }
            Shop::FashionGen => [[254.0, 254.0, 254.0], [247.0, 247.0, 248.0]],
        };
        let zoom = random.between(0.86, 0.97);
        let mut scene = Scene {
            background,
            dye: 0,
            swing: random.between(14.0, 22.0),
            tilt: random.between(-3.0, 3.0),
            mirrored: false,
            zoom,
            turn: random.between(0.94, 1.0),
            shift: (random.between(-0.02, 0.02), random.between(-0.02, 0.02)),
        };
        match pose {
            0 => {}
            1 => (scene.mirrored, scene.turn) = (true, random.between(0.84, 0.92)),
            2 => (scene.tilt, scene.zoom) = (random.between(4.0, 8.0), zoom * 0.88),
            _ => (scene.tilt, scene.zoom, scene.mirrored) = (random.between(-8.0, -4.0), zoom * 1.06, true),
        }
        scene
    }
}

/// The part of the body that the frame shows, in centimetres: left, top, width, height.
pub fn frame(design: &Design) -> (f32, f32, f32, f32) {
    match design.category.group() {
        Group::Upper => (-48.0, -21.0, 96.0, 108.0),
        Group::Lower => (-42.0, 34.0, 84.0, 108.0),
        Group::Full => (-47.0, -10.0, 94.0, 152.0),
    }
}
