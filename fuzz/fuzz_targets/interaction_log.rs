//! A log of interactions, without a header and with columns by name.
#![no_main]

use host::recommend::{Columns, Log};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let file = lookbook_fuzz::file("log.csv", data);
    let named = Columns {
        user: "customer_id".into(),
        item: "article_id".into(),
        rating: Some("price".into()),
        time: Some("t_dat".into()),
    };
    for columns in [None, Some(&named)] {
        let mut log = Log::default();
        if let Ok(count) = log.read(&file, columns) {
            assert_eq!(count, log.interactions.len());
            let known = |row: &host::recommend::Interaction| {
                (row.user as usize) < log.users.len() && (row.item as usize) < log.items.len()
            };
            assert!(log.interactions.iter().all(known));
        }
    }
});
