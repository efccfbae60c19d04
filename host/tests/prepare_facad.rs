//! Preparing FACAD in both of its layouts.

mod common;

use common::{Asked, Linked, assert_products_are_apart, items, prepared};
use facad::Facad;
use plugin_api::{DatasetConfig, Host, Settings};
use samples::layout::facad as layout;
use std::path::Path;

fn open(root: &Path) -> Linked<Facad> {
    let config = DatasetConfig { root: root.to_owned(), settings: Settings::default(), host: Host::silent() };
    Linked(Facad::open(&config).unwrap())
}

#[test]
fn both_layouts_of_the_sample_catalogue_hold_the_same_descriptions_and_categories() {
    let place = tempfile::tempdir().unwrap();
    let (list, packed) = (place.path().join("list"), place.path().join("packed"));
    layout::write_list(&list, 42, 60).unwrap();
    layout::write_packed(&packed, 42, 60).unwrap();
    let run = |root: &Path, out: &str| prepared(&open(root), root, &place.path().join(out), &Asked::default()).unwrap();
    let (of_list, of_packed) = (run(&list, "a"), run(&packed, "b"));
    let texts = |outcome| -> Vec<_> {
        let items = items(outcome);
        assert_products_are_apart(&items);
        let mut texts: Vec<_> = items.into_iter().map(|item| (item.references, item.category)).collect();
        texts.sort();
        texts.dedup();
        texts
    };
    assert_eq!(of_list.prepared.manifest.counts.kept, 60);
    assert_eq!(texts(&of_list), texts(&of_packed));
    // The packed files are split by the vendor; the list is shuffled.
    let splits = of_packed.prepared.manifest.counts.splits;
    assert!(splits.train > splits.test && splits.test > 0, "{splits:?}");
}
