//! The addresses of pages: on the server, and as files of an exported copy.

use super::images::Size;
use super::index::Dataset;
use super::view::View;
use form_urlencoded::Serializer;

/// Makes the addresses that a page of one run links to.
#[derive(Debug, Clone)]
pub enum Links {
    /// Pages of a served run, by its short name in URLs.
    Served { run: String },
    /// Files in one folder; only the first items are there.
    Exported { items: usize },
}

impl Links {
    pub fn is_export(&self) -> bool {
        matches!(self, Links::Exported { .. })
    }

    pub fn home(&self) -> String {
        if self.is_export() { "index.html" } else { "/" }.to_owned()
    }

    pub fn run(&self) -> String {
        match self {
            Links::Served { run } => format!("/r/{}/", segment(run)),
            Links::Exported { .. } => "index.html".to_owned(),
        }
    }

    pub fn asset(&self, name: &str) -> String {
        if self.is_export() { name.to_owned() } else { format!("/assets/{name}") }
    }

    /// A dataset's items under a query (without `?`).
    pub fn items(&self, dataset: &str, query: &str) -> String {
        match self {
            Links::Served { .. } => with_query(&format!("{}{}/", self.run(), segment(dataset)), query),
            Links::Exported { .. } => format!("{}.html", file_name(dataset)),
        }
    }

    /// An item under a view; none where the copy does not have it.
    pub fn item(&self, dataset: &Dataset, row: usize, id: &str, view: &View) -> Option<String> {
        match self {
            Links::Served { .. } => {
                let id = Serializer::new(String::new()).append_pair("id", id).finish();
                let selection = view.selection(dataset);
                let query = if selection.is_empty() { id } else { format!("{id}&{selection}") };
                Some(format!("{}{}/item?{query}", self.run(), segment(&dataset.name)))
            }
            Links::Exported { items } => {
                (row < *items).then(|| format!("{}-{:04}.html", file_name(&dataset.name), row + 1))
            }
        }
    }

    pub fn image(&self, dataset: &str, row: usize, id: &str, size: Size) -> String {
        match self {
            Links::Served { .. } => {
                let mut query = Serializer::new(String::new());
                query.append_pair("id", id);
                if size == Size::Large {
                    query.append_pair("size", "large");
                }
                format!("{}{}/image?{}", self.run(), segment(dataset), query.finish())
            }
            Links::Exported { .. } => format!("images/{}-{:04}-{}.jpg", file_name(dataset), row + 1, size.pixels()),
        }
    }

    /// Where the server answers something else about a dataset: `vote`, `note`.
    pub fn action(&self, dataset: &str, action: &str, query: &str) -> String {
        with_query(&format!("{}{}/{action}", self.run(), segment(dataset)), query)
    }
}

fn with_query(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A name as one segment of a path.
fn segment(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A name of the registry as the beginning of a file's name.
pub fn file_name(name: &str) -> String {
    let safe = |letter: char| if letter.is_ascii_alphanumeric() || "-_".contains(letter) { letter } else { '_' };
    name.chars().map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_segment_or_folder() {
        let links = Links::Served { run: "a/../b".to_owned() };
        assert_eq!(links.items("../x y?", "q=1"), "/r/a%2F..%2Fb/..%2Fx%20y%3F/?q=1");
        assert_eq!(
            links.image("hm", 0, "../&id=é", Size::Large),
            "/r/a%2F..%2Fb/hm/image?id=..%2F%26id%3D%C3%A9&size=large"
        );
        assert_eq!(Links::Exported { items: 1 }.items("../x", ""), "___x.html");
    }
}
