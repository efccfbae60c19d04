//! `scores/DATASET/MODEL/items.jsonl` and `statistics.jsonl`, read again: one value of each name asked for, line by line. What is not asked
//! for, such as the details of SPICE, is passed over without being built.

use crate::error::{Error, Result};
use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::marker::PhantomData;
use std::path::Path;

/// The values of some names, item by item.
#[derive(Debug, Clone)]
pub struct ItemLines<T> {
    pub ids: Vec<String>,
    /// One list a name, one entry an item; none where the line does not have it.
    pub values: Vec<Vec<Option<T>>>,
    /// Lines that could not be read.
    pub damaged: usize,
}

impl<T: DeserializeOwned> ItemLines<T> {
    /// Does a file hold a line for each of these items, in this order, with a value of each of these names? One that cannot be read does not.
    pub fn hold(path: &Path, ids: &[&str], names: &[&str]) -> bool {
        ItemLines::<T>::read(path, names).is_ok_and(|lines| {
            lines.damaged == 0 && lines.ids == ids && lines.values.iter().flatten().all(Option::is_some)
        })
    }

    /// Reads a file of JSON objects, one a line, each with an `id`.
    ///
    /// # Errors
    /// The file cannot be read. Damaged lines, and a last one that does not end, are counted, and no error.
    pub fn read(path: &Path, names: &[&str]) -> Result<ItemLines<T>> {
        let fail = |error: std::io::Error| Error::io("read", path, &error);
        let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(fail)?);
        let mut lines = ItemLines { ids: Vec::new(), values: names.iter().map(|_| Vec::new()).collect(), damaged: 0 };
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).map_err(fail)? > 0 {
            let pick = Pick::<T> { names, kind: PhantomData };
            let mut text = serde_json::Deserializer::from_slice(&line);
            match pick.deserialize(&mut text).and_then(|picked| text.end().map(|()| picked)) {
                Ok((Some(id), values)) if line.ends_with(b"\n") => {
                    lines.ids.push(id);
                    for (list, value) in lines.values.iter_mut().zip(values) {
                        list.push(value);
                    }
                }
                _ => lines.damaged += 1,
            }
            line.clear();
        }
        Ok(lines)
    }
}

/// Takes the id and the asked-for values of one object.
struct Pick<'a, T> {
    names: &'a [&'a str],
    kind: PhantomData<T>,
}

type Picked<T> = (Option<String>, Vec<Option<T>>);

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Pick<'_, T> {
    type Value = Picked<T>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Picked<T>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Pick<'_, T> {
    type Value = Picked<T>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an item's scores")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Picked<T>, A::Error> {
        let mut id = None;
        let mut values: Vec<Option<T>> = self.names.iter().map(|_| None).collect();
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            match self.names.iter().position(|name| *name == key) {
                Some(place) => values[place] = map.next_value()?,
                None if key == "id" => id = Some(map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok((id, values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asked_for_values_come_in_order_and_damaged_lines_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items.jsonl");
        let text = "{\"id\":\"a\",\"bleu\":0.5,\"details\":{\"x\":[1]},\"spice\":null}\n{\"id\":\n{\"id\":\"b\",\"spice\":1}\n{\"id\":\"c\",\"bl";
        std::fs::write(&path, text).unwrap();
        let lines = ItemLines::<f64>::read(&path, &["spice", "bleu"]).unwrap();
        assert_eq!(lines.ids, ["a", "b"]);
        assert_eq!(lines.values, [vec![None, Some(1.0)], vec![Some(0.5), None]]);
        assert_eq!(lines.damaged, 2);
    }

    #[test]
    fn a_file_holds_its_items_only_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("statistics.jsonl");
        let whole = "{\"id\":\"a\",\"bleu\":[1,2]}\n{\"id\":\"b\",\"bleu\":[3,4]}\n";
        let holds = |text: &str| {
            std::fs::write(&path, text).unwrap();
            ItemLines::<Vec<f64>>::hold(&path, &["a", "b"], &["bleu"])
        };
        assert!(holds(whole));
        for cut in 0..whole.len() {
            assert!(!holds(&whole[..cut]), "cut at {cut}");
        }
        for other in [
            whole.replace("\"b\"", "\"c\""),
            whole.replacen("bleu", "spice", 1),
            whole.replacen("[1,2]", "[1,\"x\"]", 1),
            whole.replacen("}\n", "}}\n", 1),
            whole.repeat(2),
            "\0".repeat(whole.len()),
        ] {
            assert!(!holds(&other), "{other}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(!ItemLines::<Vec<f64>>::hold(&path, &["a", "b"], &["bleu"]));
    }
}
