//! Preparing that is asked to stop: in a process of its own, since the request is one to all of it.

use host::error::Exit;
use host::prepare::{Catalogue, PrepareOptions, Request, STEPS, prepare};
use host::progress::Reporter;
use plugin_api::{ImageSource, Item, ItemError, PluginError};

/// A catalogue without end, in whose middle the request comes.
struct Endless;

impl Catalogue for Endless {
    fn read(&self, sink: &mut dyn FnMut(Result<Item, ItemError>) -> bool) -> Result<(), PluginError> {
        for number in 0.. {
            if number == 20 {
                host::stop::request();
            }
            let id = format!("{number:06}");
            let references = vec!["a red dress".to_owned()];
            if !sink(Ok(Item { product: id.clone(), id, references, ..Item::default() })) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn image(&self, _: &str) -> Result<ImageSource, PluginError> {
        Err(PluginError::internal("no image is asked for"))
    }
}

#[test]
fn preparing_ends_in_order_when_it_is_asked_to_stop() {
    let place = tempfile::tempdir().unwrap();
    let (source, out) = (place.path().join("source"), place.path().join("out"));
    std::fs::create_dir(&source).unwrap();
    let request = Request {
        dataset: "endless",
        plugin: "endless",
        plugin_sha256: "",
        root: &source,
        settings: Default::default(),
        splits: None,
        out: &out,
        options: PrepareOptions::default(),
        steps: STEPS.iter().map(|(_, step)| *step).collect(),
        pack: false,
        force: false,
        seed: 42,
    };
    let error = prepare(&Endless, &request, &Reporter::new(true)).err().expect("it comes to no end");
    assert_eq!((error.exit, error.exit.code()), (Exit::Stopped, 75), "{error}");
    let left: Vec<_> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".lock"], "the same command goes on from here");
}
