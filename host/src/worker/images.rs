//! An item's pixels in the worker, wherever they are: a file, a prepared dataset's pack, the vendor's own files.

use super::protocol::{ComponentSpec, ImagePlace};
use crate::catalogue::{Decoded, decode};
use crate::error::Result;
use crate::loader::Dataset;
use crate::prepare::PackIndex;
use plugin_api::ImageSource;
use plugin_api::abi::messages::DatasetMessage;

/// Where images come from. Reading works on several threads.
pub struct Images {
    dataset: Option<Dataset>,
}

/// Opens a dataset in this process.
pub fn open_dataset(spec: &ComponentSpec<DatasetMessage>) -> Result<Dataset> {
    spec.library.open()?.dataset(spec.component.as_deref(), &spec.entry, &spec.message)
}

impl Images {
    /// `dataset` is needed for images that only the dataset's plugin finds.
    pub fn open(dataset: Option<&ComponentSpec<DatasetMessage>>) -> Result<Images> {
        Ok(Images { dataset: dataset.map(open_dataset).transpose()? })
    }

    /// An item's pixels, or a sentence about why there are none. A decoder that panics on a damaged file costs that item: here, where
    /// nothing is half changed.
    pub fn read(&self, place: &ImagePlace) -> Result<Decoded, String> {
        let decoded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.decode(place)));
        decoded.unwrap_or_else(|_| Err(format!("the decoder gave up on {place:?}")))
    }

    fn decode(&self, place: &ImagePlace) -> Result<Decoded, String> {
        match (place, &self.dataset) {
            (ImagePlace::File(path), _) => decode(ImageSource::File(path.clone())),
            (ImagePlace::Packed { pack, offset, bytes }, _) => {
                let image = PackIndex::image(pack, *offset, *bytes);
                decode(ImageSource::Encoded(image.map_err(|error| format!("{}: {error}", pack.display()))?))
            }
            (ImagePlace::Locator(locator), Some(dataset)) => {
                decode(dataset.image(locator).map_err(|error| error.message)?)
            }
            (ImagePlace::Locator(_), None) => Err("the item's dataset is not open".to_owned()),
        }
    }
}
