//! Paints a garment's picture. `figure` turns a design into painting steps in centimetres, `upper` and `lower` know the
//! outlines, `cloth` colours and patterns, `paint` puts the steps on pixels, `scene` decides background and pose.

mod cloth;
mod figure;
mod lower;
mod paint;
mod scene;
mod step;
mod upper;

pub use scene::Scene;

use crate::garment::Design;
use image::RgbImage;

/// The picture of a design in a scene, `width` × `height` pixels of RGB8.
pub fn picture(design: &Design, scene: &Scene, width: u32, height: u32) -> RgbImage {
    let steps = figure::steps(design, scene);
    paint::paint(&steps, design, scene, width, height)
}
