//! METEOR's paraphrases: the text that they come as, and the compiled table, damaged.
#![no_main]

use meteor_data::{Paraphrases, compile_paraphrases};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (records, damage) = lookbook_fuzz::two_parts(data);
    let mut table = Vec::new();
    if compile_paraphrases(records, [7; 32], &mut table).is_ok() {
        look_up(&table, records);
        for (place, &byte) in damage.iter().enumerate() {
            let length = table.len().max(1);
            if let Some(target) = table.get_mut((place * 37 + usize::from(byte)) % length) {
                *target ^= byte;
            }
        }
        look_up(&table, records);
    }
    look_up(data, data);
});

fn look_up(table: &[u8], words: &[u8]) {
    let Ok(table) = Paraphrases::open(&lookbook_fuzz::file("paraphrases", table)) else { return };
    let text = String::from_utf8_lossy(words);
    for line in text.lines() {
        let mut phrase = None;
        for word in line.split(' ').filter_map(|word| table.word(word)) {
            phrase = match phrase {
                None => Some(word),
                Some(phrase) => table.extend(phrase, word),
            };
            if let Some(phrase) = phrase {
                table.partners(phrase).iter().for_each(|partner| assert_ne!(partner.number(), u32::MAX));
            }
        }
    }
}
