//! The image processor's settings, from either of the two layouts that checkpoints have.

use crate::{Error, Result};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

/// How images become pixel values.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageConfig {
    pub resize: Option<Resize>,
    /// Height and width that are cut from the middle after resizing.
    pub crop: Option<(usize, usize)>,
    /// What the values 0…255 are multiplied by.
    pub rescale: Option<f64>,
    /// Mean and deviation of red, green and blue after rescaling.
    pub normalize: Option<([f64; 3], [f64; 3])>,
    pub filter: Filter,
    pub middle: Middle,
}

/// Where the middle lies if the rest is odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Middle {
    /// The smaller part before it, as transformers cuts.
    Early,
    /// The even pixel, as torchvision cuts (Python's `round`).
    Even,
}

/// To what size an image is brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resize {
    /// Exactly this, whatever the shape.
    To { height: usize, width: usize },
    /// The shorter edge to this, the other in proportion.
    ShortestEdge(usize),
}

/// How pixels are weighted in resizing; all of them antialias, as Pillow's do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    Bilinear,
    /// With a = −½, as Pillow's.
    Bicubic,
    Lanczos,
}

/// CLIP's (Radford et al. 2021), the default of the processors in question.
const MEAN: [f64; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const DEVIATION: [f64; 3] = [0.268_629_54, 0.261_302_58, 0.275_777_11];

/// ImageNet's, torchvision's.
const IMAGENET_MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const IMAGENET_DEVIATION: [f64; 3] = [0.229, 0.224, 0.225];

#[derive(Deserialize, Default)]
#[serde(default)]
struct Stored {
    do_resize: Option<bool>,
    do_center_crop: Option<bool>,
    do_rescale: Option<bool>,
    do_normalize: Option<bool>,
    do_pad: Option<bool>,
    size: Option<Size>,
    crop_size: Option<Size>,
    crop_pct: Option<f64>,
    rescale_factor: Option<f64>,
    image_mean: Option<[f64; 3]>,
    image_std: Option<[f64; 3]>,
    resample: Option<u32>,
}

/// From this size on ConvNeXt's processor squeezes the image into the square instead of cutting.
const WARPED_FROM: usize = 384;

#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum Size {
    Exact { height: usize, width: usize },
    Shortest { shortest_edge: usize },
    One(usize),
}

impl ImageConfig {
    /// Reads `preprocessor_config.json`, or the image processor inside `processor_config.json`, or falls back on `usual`.
    ///
    /// # Errors
    /// A file that is there and cannot be understood.
    pub fn read(directory: &Path, usual: ImageConfig) -> Result<ImageConfig> {
        let own = directory.join("preprocessor_config.json");
        let joint = directory.join("processor_config.json");
        if own.is_file() {
            let stored: Value = crate::config::read_json(&own)?;
            // Newer transformers may have nested it here as well.
            let stored = stored.get("image_processor").unwrap_or(&stored).clone();
            return Self::from_value(stored, usual).map_err(|reason| Error::malformed(own, reason));
        }
        if joint.is_file() {
            let stored: Value = crate::config::read_json(&joint)?;
            if let Some(stored) = stored.get("image_processor") {
                return Self::from_value(stored.clone(), usual).map_err(|reason| Error::malformed(joint, reason));
            }
        }
        Ok(usual)
    }

    /// As [`ImageConfig::read`], for a model that reads images of `side` × `side`.
    ///
    /// # Errors
    /// As [`ImageConfig::read`], or images come out of another size.
    pub fn read_square(directory: &Path, usual: ImageConfig, side: usize) -> Result<ImageConfig> {
        let config = Self::read(directory, usual)?;
        let made = match config.output() {
            Some((height, width)) if (height, width) == (side, side) => return Ok(config),
            Some((height, width)) => format!("images of {height} × {width} pixels"),
            None => "images of different sizes".to_owned(),
        };
        let reason = format!("the image processor makes {made}, but config.json's vision_config reads {side} × {side}");
        Err(Error::malformed(directory, reason))
    }

    /// The processor of BLIP-2 checkpoints: exactly `size` × `size`.
    pub fn exact(size: usize) -> ImageConfig {
        ImageConfig {
            resize: Some(Resize::To { height: size, width: size }),
            crop: None,
            rescale: Some(1.0 / 255.0),
            normalize: Some((MEAN, DEVIATION)),
            filter: Filter::Bicubic,
            middle: Middle::Early,
        }
    }

    /// CLIP's processor: the shortest edge to `size`, then the middle.
    pub fn cropped(size: usize) -> ImageConfig {
        ImageConfig { resize: Some(Resize::ShortestEdge(size)), crop: Some((size, size)), ..Self::exact(size) }
    }

    /// torchvision's for ImageNet: the shortest edge to `resize`, then the middle `size` × `size`.
    pub fn imagenet(resize: usize, size: usize) -> ImageConfig {
        ImageConfig {
            resize: Some(Resize::ShortestEdge(resize)),
            crop: Some((size, size)),
            normalize: Some((IMAGENET_MEAN, IMAGENET_DEVIATION)),
            filter: Filter::Bilinear,
            middle: Middle::Even,
            ..Self::exact(size)
        }
    }

    fn from_value(value: Value, usual: ImageConfig) -> Result<ImageConfig, String> {
        let stored: Stored = serde_json::from_value(value).map_err(|error| error.to_string())?;
        if stored.do_pad == Some(true) {
            return Err("do_pad (padding images to squares) is not supported".into());
        }
        let resize = match stored.size {
            Some(Size::Exact { height, width }) => Some(Resize::To { height, width }),
            Some(Size::Shortest { shortest_edge }) => Some(Resize::ShortestEdge(shortest_edge)),
            // A bare number means the shortest edge for processors that crop, and a square for the others.
            Some(Size::One(size)) if usual.crop.is_some() => Some(Resize::ShortestEdge(size)),
            Some(Size::One(size)) => Some(Resize::To { height: size, width: size }),
            None => usual.resize,
        };
        let crop = match stored.crop_size {
            Some(Size::Exact { height, width }) => Some((height, width)),
            Some(Size::One(size) | Size::Shortest { shortest_edge: size }) => Some((size, size)),
            None => usual.crop,
        };
        // ConvNeXt's processor names the size of what comes out, and how much of the resized edge that is.
        let (resize, crop, crops) = match (stored.crop_pct, resize) {
            (Some(share), Some(Resize::ShortestEdge(size))) if size < WARPED_FROM && share > 0.0 => {
                (Some(Resize::ShortestEdge((size as f64 / share) as usize)), Some((size, size)), true)
            }
            (Some(_), Some(Resize::ShortestEdge(size))) => {
                (Some(Resize::To { height: size, width: size }), None, false)
            }
            _ => (resize, crop, usual.crop.is_some()),
        };
        let (mean, deviation) = usual.normalize.unwrap_or((MEAN, DEVIATION));
        let mean = stored.image_mean.unwrap_or(mean);
        let deviation = stored.image_std.unwrap_or(deviation);
        if deviation.contains(&0.0) {
            return Err("image_std holds a 0".into());
        }
        let zero_size = match resize {
            Some(Resize::To { height, width }) => height == 0 || width == 0,
            Some(Resize::ShortestEdge(size)) => size == 0,
            None => false,
        };
        if zero_size {
            return Err("size is 0".into());
        }
        let rescale = stored.rescale_factor.or(usual.rescale).unwrap_or(1.0 / 255.0);
        Ok(ImageConfig {
            resize: if stored.do_resize.unwrap_or(true) { resize } else { None },
            crop: if stored.do_center_crop.unwrap_or(crops) { crop } else { None },
            middle: Middle::Early,
            rescale: stored.do_rescale.unwrap_or(true).then_some(rescale),
            normalize: stored.do_normalize.unwrap_or(true).then_some((mean, deviation)),
            filter: match stored.resample {
                None => usual.filter,
                Some(1) => Filter::Lanczos,
                Some(2) => Filter::Bilinear,
                Some(3) => Filter::Bicubic,
                Some(other) => return Err(format!("resample {other} is not supported; 1, 2 and 3 are")),
            },
        })
    }

    /// Height and width of what comes out, where that does not depend on the image.
    pub fn output(&self) -> Option<(usize, usize)> {
        match (self.crop, self.resize) {
            (Some(crop), _) => Some(crop),
            (None, Some(Resize::To { height, width })) => Some((height, width)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_layouts_give_the_same_settings() {
        let hub = json!({"size": {"height": 224, "width": 224}, "resample": 3, "do_rescale": true,
            "rescale_factor": 0.00392156862745098, "image_mean": MEAN, "image_std": DEVIATION, "do_normalize": true});
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("preprocessor_config.json"), hub.to_string()).unwrap();
        let first = ImageConfig::read(directory.path(), ImageConfig::exact(384)).unwrap();
        std::fs::remove_file(directory.path().join("preprocessor_config.json")).unwrap();
        let joint = json!({"image_processor": hub, "num_query_tokens": 32});
        std::fs::write(directory.path().join("processor_config.json"), joint.to_string()).unwrap();
        let second = ImageConfig::read(directory.path(), ImageConfig::exact(384)).unwrap();
        assert_eq!(first, second);
        assert_eq!(first.output(), Some((224, 224)));
    }

    #[test]
    fn a_bare_size_is_the_shortest_edge_only_for_processors_that_crop() {
        let stored = || json!({"size": 336, "crop_size": 336});
        let clip = ImageConfig::from_value(stored(), ImageConfig::cropped(224)).unwrap();
        assert_eq!((clip.resize, clip.crop), (Some(Resize::ShortestEdge(336)), Some((336, 336))));
        let blip = ImageConfig::from_value(stored(), ImageConfig::exact(224)).unwrap();
        assert_eq!(blip.resize, Some(Resize::To { height: 336, width: 336 }));
        assert_eq!(blip.crop, None, "a processor that does not crop by itself needs do_center_crop");
    }
}
