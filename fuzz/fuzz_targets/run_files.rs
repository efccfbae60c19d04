//! A run directory's files: predictions (with torn lines), items, plan.
#![no_main]

use host::run::{Plan, Prediction, PredictionWriter, read_items, read_predictions};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let path = lookbook_fuzz::file("shard-0000.jsonl", data);
    let read: Option<Vec<Prediction>> = read_predictions(&path).ok().map(|(predictions, _)| predictions);
    // What resuming keeps is what reading found, and what is appended then stays readable.
    if let (Some(read), Ok((mut writer, kept))) = (read, PredictionWriter::open(&path)) {
        assert_eq!(kept.len(), read.len());
        if let Some(one) = read.first() {
            writer.append(std::slice::from_ref(one)).expect("the file can be written");
            let (again, _) = read_predictions(&path).expect("an appended file is readable");
            assert_eq!(again.len(), read.len() + 1);
        }
    }
    let _ = read_items(&lookbook_fuzz::file("items.jsonl", data));
    let _ = Plan::read(&lookbook_fuzz::file("run.toml", data));
});
