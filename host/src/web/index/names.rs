//! Names that repeat, stored once: categories, attributes.

use std::collections::HashMap;

/// Names by place, and places by name.
#[derive(Debug, Clone, Default)]
pub struct Names {
    names: Vec<Box<str>>,
    places: HashMap<Box<str>, u32>,
}

impl Names {
    /// The place of a name, which is added where it is new.
    pub fn place(&mut self, name: &str) -> u32 {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.names.len() as u32;
        self.names.push(name.into());
        self.places.insert(name.into(), place);
        place
    }

    pub fn find(&self, name: &str) -> Option<u32> {
        self.places.get(name).copied()
    }

    pub fn get(&self, place: u32) -> Option<&str> {
        self.names.get(place as usize).map(|name| &**name)
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }
}
