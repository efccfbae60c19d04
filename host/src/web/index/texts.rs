//! Text to search in: a lowercased text a row, all in one arena.

/// Of each text so many bytes are searched: a caption of megabytes must not fill the memory.
const SEARCHED: usize = 8 << 10;

/// A text for each row; rows that have none are empty.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    arena: Vec<u8>,
    /// Start and length by row.
    places: Vec<(u32, u32)>,
}

impl Texts {
    pub fn new(rows: usize) -> Texts {
        Texts { arena: Vec::new(), places: vec![(0, 0); rows] }
    }

    /// Sets a row's text. An earlier one of the row stays in the arena, unreachable; texts beyond 4 GiB are not searched.
    pub fn set(&mut self, row: usize, text: &str) {
        let text = &text[..text.floor_char_boundary(SEARCHED)];
        let Ok(start) = u32::try_from(self.arena.len()) else { return };
        if text.is_ascii() {
            self.arena.extend(text.bytes().map(|byte| byte.to_ascii_lowercase()));
        } else {
            self.arena.extend(text.to_lowercase().bytes());
        }
        let length = self.arena.len() - start as usize;
        self.places[row] = (start, length as u32);
    }

    /// A new last row.
    pub fn push(&mut self, text: &str) {
        self.places.push((0, 0));
        self.set(self.places.len() - 1, text);
    }

    pub fn of(&self, row: usize) -> &[u8] {
        let (start, length) = self.places[row];
        &self.arena[start as usize..][..length as usize]
    }

    /// Gives back memory that growing has reserved.
    pub fn shrink(&mut self) {
        self.arena.shrink_to_fit();
        self.places.shrink_to_fit();
    }
}
