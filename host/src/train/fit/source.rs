//! Where training and validation examples come from: images and captions of items, decoded and prepared in batches.

use crate::catalogue::Decoded;
use crate::error::{Error, Result};
use crate::eval::item_seed;
use crate::loader::{Dataset, PreparedBatch, Trainer};
use crate::prepare::PackIndex;
use crate::worker::{ImagePlace, pixels};
use plugin_api::{CaptionInput, Item, TrainingInput};

/// Where examples come from.
pub struct Source {
    pub dataset: Option<Dataset>,
    pub pack: Option<PackIndex>,
    pub seed: u64,
}

/// Examples prepared together, and the items that could not be.
#[derive(Default)]
pub struct Loaded {
    pub batches: Vec<PreparedBatch>,
    /// The items of each batch.
    pub items: Vec<Vec<usize>>,
    pub left_out: Vec<(String, String)>,
}

impl Source {
    /// Prepares items in batches of `size`; `epoch` chooses among several references.
    pub fn load(&self, trainer: &Trainer, all: &[Item], places: &[usize], size: usize, epoch: usize) -> Result<Loaded> {
        let mut loaded = Loaded::default();
        for chunk in places.chunks(size) {
            let mut decoded: Vec<(usize, Decoded)> = Vec::new();
            for place in chunk {
                match pixels(&self.place(&all[*place]), self.dataset.as_ref()) {
                    Ok(image) => decoded.push((*place, image)),
                    Err(reason) => loaded.left_out.push((all[*place].id.clone(), reason)),
                }
            }
            if decoded.is_empty() {
                continue;
            }
            let inputs: Vec<TrainingInput<'_>> = decoded
                .iter()
                .map(|(place, image)| {
                    let item = &all[*place];
                    let caption = item.references.get(epoch % item.references.len().max(1)).map_or("", String::as_str);
                    let seed = item_seed(self.seed, &item.id);
                    TrainingInput { input: CaptionInput { image: image.as_image(), seed }, caption }
                })
                .collect();
            let batch = trainer.prepare(&inputs).map_err(|error| {
                let ids: Vec<&str> = decoded.iter().map(|(place, _)| all[*place].id.as_str()).collect();
                Error::from(error).context(format!("items {}", ids.join(", ")))
            })?;
            loaded.batches.push(batch);
            loaded.items.push(decoded.into_iter().map(|(place, _)| place).collect());
        }
        Ok(loaded)
    }

    fn place(&self, item: &Item) -> ImagePlace {
        match self.pack.as_ref().and_then(|pack| Some((pack, pack.place(&item.id)?))) {
            Some((pack, (offset, bytes))) => ImagePlace::Packed { pack: pack.pack.clone(), offset, bytes },
            None => ImagePlace::Locator(item.image.clone()),
        }
    }
}
