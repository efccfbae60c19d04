//! `--pack`: the items' images in one file, for disks that are slow with many small ones. Image files go in as they are, raw pixels as PNG.

use super::files::{PACK, PACK_INDEX};
use super::manifest::Prepared;
use super::output::OutputFile;
use super::source::Catalogue;
use crate::error::{Error, Result};
use crate::progress::Reporter;
use crate::stop;
use image::ImageEncoder;
use plugin_api::ImageSource;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// More than an image file ever has.
const MOST_BYTES: u64 = 1 << 30;

/// Where each item's image lies in the pack.
#[derive(Debug, Clone)]
pub struct PackIndex {
    pub pack: PathBuf,
    places: HashMap<String, (u64, u64)>,
}

impl PackIndex {
    pub fn read(folder: &Path) -> Result<PackIndex> {
        let path = folder.join(PACK_INDEX);
        let damaged = |reason: String| {
            Error::failed(format!("{} is damaged: {reason}", path.display())).help("run `host prepare DATASET --pack`")
        };
        let mut reader = csv::Reader::from_path(&path).map_err(|error| damaged(error.to_string()))?;
        let mut places = HashMap::new();
        for row in reader.deserialize::<(String, u64, u64)>() {
            let (id, offset, bytes) = row.map_err(|error| damaged(error.to_string()))?;
            if bytes > MOST_BYTES {
                return Err(damaged(format!("item {id} has an image of {bytes} bytes")));
            }
            places.insert(id, (offset, bytes));
        }
        Ok(PackIndex { pack: folder.join(PACK), places })
    }

    /// The offset and length of an item's image.
    pub fn place(&self, id: &str) -> Option<(u64, u64)> {
        self.places.get(id).copied()
    }

    /// The bytes of an image file.
    pub fn image(pack: &Path, offset: u64, bytes: u64) -> std::io::Result<Vec<u8>> {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = std::fs::File::open(pack)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut image = Vec::new();
        file.take(bytes).read_to_end(&mut image)?;
        match image.len() as u64 == bytes {
            true => Ok(image),
            false => Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the pack is cut short")),
        }
    }
}

/// Packs every item's image. An image that cannot be read is left out, with a warning: its item fails when it is captioned.
pub fn write(prepared: &Prepared, catalogue: &dyn Catalogue, reporter: &Reporter) -> Result<BTreeMap<String, String>> {
    let mut pack = OutputFile::create(&prepared.folder, PACK)?;
    let mut index = OutputFile::create(&prepared.folder, PACK_INDEX)?;
    index.csv(&["id", "offset", "bytes"])?;
    let bar = reporter.bar("packing images", 0, prepared.manifest.counts.kept);
    let mut missing = 0;
    for item in prepared.items()? {
        stop::check()?;
        let item = item?;
        bar.advance(1);
        match catalogue.image(&item.image).map_err(|error| error.message).and_then(encoded) {
            Ok(bytes) => {
                index.csv(&[&item.id, &pack.bytes().to_string(), &bytes.len().to_string()])?;
                pack.write(&bytes)?;
            }
            Err(reason) => {
                missing += 1;
                if missing <= 3 {
                    reporter.warn(&format!("item {} is packed without an image: {reason}", item.id));
                }
            }
        }
    }
    if missing > 3 {
        reporter.warn(&format!("{missing} items are packed without an image"));
    }
    Ok(BTreeMap::from([(PACK.to_owned(), pack.finish()?), (PACK_INDEX.to_owned(), index.finish()?)]))
}

fn encoded(source: ImageSource) -> Result<Vec<u8>, String> {
    match source {
        ImageSource::Encoded(bytes) => Ok(bytes),
        ImageSource::File(path) => {
            std::fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
        }
        ImageSource::Rgb8 { width, height, pixels } => {
            if pixels.len() as u64 != u64::from(width) * u64::from(height) * 3 {
                return Err(format!("the dataset gave {} bytes for an image of {width} × {height}", pixels.len()));
            }
            let mut bytes = Vec::new();
            image::codecs::png::PngEncoder::new(&mut bytes)
                .write_image(&pixels, width, height, image::ExtendedColorType::Rgb8)
                .map_err(|error| error.to_string())?;
            Ok(bytes)
        }
    }
}
