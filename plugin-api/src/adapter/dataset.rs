//! `Dataset` behind `dataset/1`.

use super::guard::{find, from_json, guarded};
use crate::abi::messages::DatasetMessage;
use crate::abi::{
    DatasetBox, DatasetInterface, DatasetObject, DatasetObject_TO, Failure, HostCallbacks, ImageOut, ItemErrorOut,
    ItemOut, ItemSinkMut,
};
use crate::sdk::{Dataset, DatasetConfig, DatasetEntry, Host, ImageSource, Item, ItemError, Settings};
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{ROption, RResult, RStr, RString, Tuple2};
use std::ops::ControlFlow;
use std::path::PathBuf;

struct Adapter<D>(D);

/// Makes the object that crosses the border.
pub fn dataset<D: Dataset>(dataset: D) -> DatasetBox {
    DatasetObject_TO::from_value(Adapter(dataset), TD_Opaque)
}

impl<D: Dataset> DatasetObject for Adapter<D> {
    fn read(&self, mut sink: ItemSinkMut<'_>) -> RResult<(), Failure> {
        guarded(|| {
            self.0.read(&mut |record| {
                let record = match record {
                    Ok(item) => RResult::ROk(item.into()),
                    Err(error) => RResult::RErr(error.into()),
                };
                if sink.take(record) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
        })
    }

    fn image(&self, locator: RStr<'_>) -> RResult<ImageOut, Failure> {
        guarded(|| self.0.image(locator.as_str()).map(ImageOut::from))
    }
}

fn text(value: Option<String>) -> ROption<RString> {
    value.map(RString::from).into()
}

fn plain(value: ROption<RString>) -> Option<String> {
    value.into_option().map(RString::into_string)
}

impl From<Item> for ItemOut {
    fn from(item: Item) -> ItemOut {
        ItemOut {
            id: item.id.into(),
            product: item.product.into(),
            split: text(item.split),
            references: item.references.into_iter().map(RString::from).collect(),
            category: text(item.category),
            metadata: item.metadata.into_iter().map(|(key, value)| Tuple2(key.into(), value.into())).collect(),
            image: item.image.into(),
        }
    }
}

impl From<ItemOut> for Item {
    fn from(out: ItemOut) -> Item {
        Item {
            id: out.id.into(),
            product: out.product.into(),
            split: plain(out.split),
            references: out.references.into_iter().map(RString::into_string).collect(),
            category: plain(out.category),
            metadata: out.metadata.into_iter().map(|Tuple2(key, value)| (key.into(), value.into())).collect(),
            image: out.image.into(),
        }
    }
}

impl From<ItemError> for ItemErrorOut {
    fn from(error: ItemError) -> ItemErrorOut {
        ItemErrorOut { id: error.id.into(), message: error.message.into() }
    }
}

impl From<ItemErrorOut> for ItemError {
    fn from(out: ItemErrorOut) -> ItemError {
        ItemError { id: out.id.into(), message: out.message.into() }
    }
}

impl From<ImageSource> for ImageOut {
    fn from(source: ImageSource) -> ImageOut {
        match source {
            ImageSource::File(path) => ImageOut::File(path.to_string_lossy().into_owned().into()),
            ImageSource::Encoded(bytes) => ImageOut::Encoded(bytes.into()),
            ImageSource::Rgb8 { width, height, pixels } => ImageOut::Rgb8 { width, height, pixels: pixels.into() },
        }
    }
}

impl From<ImageOut> for ImageSource {
    fn from(out: ImageOut) -> ImageSource {
        match out {
            ImageOut::File(path) => ImageSource::File(PathBuf::from(path.into_string())),
            ImageOut::Encoded(bytes) => ImageSource::Encoded(bytes.into_vec()),
            ImageOut::Rgb8 { width, height, pixels } => ImageSource::Rgb8 { width, height, pixels: pixels.into_vec() },
        }
    }
}

extern "C" fn create(name: RStr<'_>, config: RStr<'_>, host: HostCallbacks) -> RResult<DatasetBox, Failure> {
    guarded(|| {
        let entry = find("dataset", name.as_str(), inventory::iter::<DatasetEntry>(), |entry| entry.name)?;
        let message: DatasetMessage = from_json(config.as_str())?;
        (entry.create)(&DatasetConfig {
            root: message.root,
            settings: Settings::new(message.settings),
            host: Host(host),
        })
    })
}

pub static INTERFACE: DatasetInterface = DatasetInterface { create };
