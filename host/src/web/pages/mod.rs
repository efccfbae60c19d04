//! Pages: what each template is filled with. Templates escape whatever is put into them; nothing here is marked as safe.

mod home;
mod item;
mod items;
mod vote;

pub use home::{HomePage, RunSummary};
pub use item::ItemPage;
pub use items::{ItemsPage, ListInput};
pub use vote::{VoteInput, VotePage, first_is_left};

use super::index::Snapshot;
use super::links::Links;
use askama::Template;

/// What stands around every page.
#[derive(Debug, Clone)]
pub struct Shell {
    pub title: String,
    pub css: String,
    pub js: String,
    /// Steps from the start to here; the last is this page.
    pub crumbs: Vec<Crumb>,
    /// Where the page asks whether the run has changed, and the version that it shows; none in a copy.
    pub live: Option<(String, u64)>,
    /// A secret that forms send back; none in a copy, which has no forms.
    pub csrf: Option<String>,
    /// What is amiss, in sentences.
    pub notices: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Crumb {
    pub label: String,
    /// None for the page itself.
    pub href: Option<String>,
}

impl Crumb {
    pub fn to(label: &str, href: String) -> Crumb {
        Crumb { label: label.to_owned(), href: Some(href) }
    }

    pub fn here(label: &str) -> Crumb {
        Crumb { label: label.to_owned(), href: None }
    }
}

impl Shell {
    pub fn new(title: &str, links: &Links, csrf: Option<&str>) -> Shell {
        Shell {
            title: title.to_owned(),
            css: links.asset("app.css"),
            js: links.asset("app.js"),
            crumbs: Vec::new(),
            live: None,
            csrf: csrf.map(str::to_owned),
            notices: Vec::new(),
        }
    }

    /// Says what is amiss with the run, and lets the page follow it.
    pub fn follow(&mut self, links: &Links, snapshot: &Snapshot) {
        self.notices.extend(snapshot.trouble.clone());
        if !links.is_export() {
            self.live = Some((format!("{}live", links.run()), snapshot.version));
        }
    }
}

/// A page's HTML. Filling a template with what it was compiled for cannot fail; if it did, the reader is told.
pub fn html(page: &impl Template) -> String {
    page.render().unwrap_or_else(|error| format!("The page cannot be shown: {error}"))
}

/// A page that says why there is no other.
#[derive(Template)]
#[template(path = "web/message.html")]
pub struct MessagePage {
    pub shell: Shell,
    pub heading: String,
    pub text: String,
}

impl MessagePage {
    pub fn new(heading: &str, text: &str) -> MessagePage {
        let links = Links::Served { run: String::new() };
        let mut shell = Shell::new(heading, &links, None);
        shell.crumbs = vec![Crumb::to("Runs", "/".to_owned()), Crumb::here(heading)];
        MessagePage { shell, heading: heading.to_owned(), text: text.to_owned() }
    }
}
