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
    /// Reads a file of JSON objects, one a line, each with an `id`.
    ///
    /// # Errors
    /// The file cannot be read. Damaged lines are counted, and no error.
    pub fn read(path: &Path, names: &[&str]) -> Result<ItemLines<T>> {
        let fail = |error: std::io::Error| Error::io("read", path, &error);
        let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(fail)?);
        let mut lines = ItemLines { ids: Vec::new(), values: names.iter().map(|_| Vec::new()).collect(), damaged: 0 };
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).map_err(fail)? > 0 {
            let pick = Pick::<T> { names, kind: PhantomData };
            match pick.deserialize(&mut serde_json::Deserializer::from_slice(&line)) {
                Ok((Some(id), values)) => {
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
}
