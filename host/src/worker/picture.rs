//! Images in the worker: from an item's place to pixels, for captioners; and to a small JPEG file, for people to look at.

use super::captioning::open_dataset;
use super::protocol::{ComponentSpec, Event, ImagePlace};
use crate::catalogue::{Decoded, decode};
use crate::error::{Error, Result};
use crate::loader::Dataset;
use crate::prepare::PackIndex;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use plugin_api::ImageSource;
use plugin_api::abi::messages::DatasetMessage;
use std::path::Path;

/// Of JPEG, in 1…100.
const QUALITY: u8 = 84;

/// An item's pixels. A decoder that panics on a damaged file costs that item: here, where nothing is half changed.
pub fn pixels(place: &ImagePlace, dataset: Option<&Dataset>) -> Result<Decoded, String> {
    let decoded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| decoded(place, dataset)));
    decoded.unwrap_or_else(|_| Err(format!("the decoder gave up on {place:?}")))
}

fn decoded(place: &ImagePlace, dataset: Option<&Dataset>) -> Result<Decoded, String> {
    match (place, dataset) {
        (ImagePlace::File(path), _) => decode(ImageSource::File(path.clone())),
        (ImagePlace::Packed { pack, offset, bytes }, _) => {
            let image = PackIndex::image(pack, *offset, *bytes);
            decode(ImageSource::Encoded(image.map_err(|error| format!("{}: {error}", pack.display()))?))
        }
        (ImagePlace::Locator(locator), Some(dataset)) => decode(dataset.image(locator).map_err(|error| error.message)?),
        (ImagePlace::Locator(_), None) => Err("the item's dataset is not open".to_owned()),
    }
}

/// The worker's dataset, kept open between pictures.
#[derive(Default)]
pub struct Gallery {
    /// With what it was opened, as JSON.
    opened: Option<(String, Dataset)>,
}

impl Gallery {
    /// Decodes an image and writes it as JPEG, no side longer than `size` pixels.
    pub fn write(
        &mut self,
        dataset: Option<&ComponentSpec<DatasetMessage>>,
        image: &ImagePlace,
        size: u32,
        file: &Path,
    ) -> Result<Event> {
        let dataset = dataset.map(|spec| self.dataset(spec)).transpose()?;
        let decoded = pixels(image, dataset).map_err(Error::failed)?;
        let whole = RgbImage::from_raw(decoded.width, decoded.height, decoded.rgb)
            .ok_or_else(|| Error::failed("the image has too few pixels"))?;
        let (width, height) = fitted((whole.width(), whole.height()), size);
        let small = match (width, height) == (whole.width(), whole.height()) {
            true => whole,
            false => resize(&whole, width, height, FilterType::Triangle),
        };
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, QUALITY)
            .encode_image(&small)
            .map_err(|error| Error::failed(format!("the image cannot be encoded: {error}")))?;
        std::fs::write(file, bytes).map_err(|error| Error::io("write", file, &error))?;
        Ok(Event::Pictured { width, height })
    }

    fn dataset(&mut self, spec: &ComponentSpec<DatasetMessage>) -> Result<&Dataset> {
        let name = serde_json::to_string(spec).unwrap_or_default();
        let same = self.opened.as_ref().is_some_and(|(opened, _)| *opened == name);
        if !same {
            self.opened = None;
        }
        match &mut self.opened {
            Some((_, dataset)) => Ok(dataset),
            none => Ok(&none.insert((name, open_dataset(spec)?)).1),
        }
    }
}

/// The largest size of these proportions that fits, never larger than the image itself.
fn fitted((width, height): (u32, u32), size: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= size {
        return (width, height);
    }
    let scaled = |side: u32| (u64::from(side) * u64::from(size) / u64::from(longest)).max(1) as u32;
    (scaled(width), scaled(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_keep_their_proportions_and_never_grow() {
        assert_eq!(fitted((1200, 1800), 300), (200, 300));
        assert_eq!(fitted((40, 30), 300), (40, 30));
        assert_eq!(fitted((10_000, 3), 300), (300, 1));
    }
}
