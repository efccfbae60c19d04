//! Preparing FashionGen's files: the vendor's split with a validation part, products apart, latin-1 text whole, images packed as PNG.

mod common;

use common::{Asked, Linked, assert_products_are_apart, items, prepared};
use fashiongen::FashionGen;
use host::catalogue::decode;
use host::prepare::{Catalogue, PackIndex};
use plugin_api::{DatasetConfig, Host, ImageSource, Settings};

#[test]
fn the_sample_catalogue_is_split_by_product_and_its_text_and_images_stay_whole() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("source");
    samples::layout::fashiongen::write_catalogue(&root, 42, 80).unwrap();
    let settings = Settings::new(serde_json::json!({ "views": "all" }));
    let open = || {
        let config = DatasetConfig { root: root.clone(), settings: settings.clone(), host: Host::silent() };
        Linked(FashionGen::open(&config).unwrap())
    };
    let asked = Asked { pack: true, ..Asked::default() };
    let outcome = prepared(&open(), &root, &place.path().join("out"), &asked).unwrap();
    let items = items(&outcome);
    assert_products_are_apart(&items);
    let products: std::collections::HashSet<_> = items.iter().map(|item| &item.product).collect();
    assert_eq!(products.len(), 80);
    let counts = outcome.prepared.manifest.counts;
    assert!(counts.splits.validation > 0 && counts.splits.test > 0, "{counts:?}");
    assert!(items.iter().any(|item| item.metadata.values().any(|value| !value.is_ascii())), "latin-1 is not exercised");
    let index = outcome.prepared.pack().unwrap().unwrap();
    let item = &items[items.len() / 2];
    let (offset, bytes) = index.place(&item.id).unwrap();
    let packed = decode(ImageSource::Encoded(PackIndex::image(&index.pack, offset, bytes).unwrap())).unwrap();
    assert_eq!(packed, decode(open().image(&item.image).unwrap()).unwrap());
}
