//! A run that is served: its snapshot, the orders of recent views, notes and votes.

use super::index::{Dataset, Follower, Snapshot};
use super::journal::{Entry, Journal, csv, now};
use super::links::Links;
use super::order::order;
use super::pages::VoteInput;
use super::preference::{Choice, Tally, Vote, comparable, next};
use super::view::View;
use crate::error::Result;
use crate::progress::tell;
use lru::LruCache;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};

/// Orders that are kept: paging and stepping through a view sort once.
const ORDERS: NonZero<usize> = NonZero::new(12).unwrap();

/// What a person wrote about an item; an empty text takes the note back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Seconds since 1970.
    pub time: u64,
    pub dataset: String,
    pub id: String,
    pub text: String,
}

impl Entry for Note {
    type Key = (String, String);

    fn key(&self) -> (String, String) {
        (self.dataset.clone(), self.id.clone())
    }

    fn withdraws(&self) -> bool {
        self.text.is_empty()
    }
}

/// Items' places in the orders last asked for, by the state of the run and the order's name.
type Orders = LruCache<(u64, String), Arc<Vec<u32>>>;

/// One of the server's runs.
pub struct ServedRun {
    /// In addresses.
    pub slug: String,
    /// For people.
    pub name: String,
    pub follower: Follower,
    notes: Journal<Note>,
    votes: Journal<Vote>,
    orders: Mutex<Orders>,
    told: Mutex<HashSet<String>>,
}

/// What the address of a comparison says.
pub struct VoteRequest {
    pub a: Option<String>,
    pub b: Option<String>,
    /// Only items behind this place of the pair's order.
    pub after: Option<String>,
    pub last: Option<String>,
}

impl VoteRequest {
    /// Two different models, the earlier name first. Where the address names none: the first two.
    pub fn pair(&self, dataset: &Dataset) -> Option<(usize, usize)> {
        let given = |name: &Option<String>, usual: usize| match name {
            Some(name) => dataset.cell(name),
            None => Some(usual),
        };
        let (mut one, mut other) = (given(&self.a, 0)?, given(&self.b, 1)?);
        if one == other {
            other = usize::from(one == 0);
        }
        let name = |place: usize| dataset.cells.get(place).map(|cell| &cell.model);
        if name(one)? > name(other)? {
            std::mem::swap(&mut one, &mut other);
        }
        Some((one, other))
    }
}

impl ServedRun {
    pub fn new(slug: String, name: String, follower: Follower) -> ServedRun {
        let file = |name: &str| follower.run().path().join(name);
        ServedRun {
            notes: Journal::open(file("notes.jsonl")),
            votes: Journal::open(file("votes.jsonl")),
            orders: Mutex::new(LruCache::new(ORDERS)),
            told: Mutex::default(),
            slug,
            name,
            follower,
        }
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.follower.snapshot()
    }

    pub fn links(&self) -> Links {
        Links::Served { run: self.slug.clone() }
    }

    /// Looks for changes on disk.
    pub fn refresh(&self) {
        self.follower.refresh();
        self.notes.refresh();
        self.votes.refresh();
    }

    /// Says a reason on standard error the first time that it comes up.
    pub fn tell_once(&self, reason: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < 20 && told.insert(reason.to_owned()) {
            tell(&format!("warning: {}: an image cannot be shown: {reason}", self.name));
        }
    }

    /// The view's rows in order; of recent views it is remembered.
    pub fn order(&self, snapshot: &Snapshot, dataset: &Dataset, view: &View, noted: &HashSet<usize>) -> Arc<Vec<u32>> {
        let mut selection = format!("{}\n{}", dataset.name, view.selection(dataset));
        if view.only == Some(super::view::Only::Noted) {
            let mut rows: Vec<usize> = noted.iter().copied().collect();
            rows.sort_unstable();
            selection.push_str(&format!("\n{rows:?}"));
        }
        let key = (snapshot.version, selection);
        let orders = || self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(order) = orders().get(&key) {
            return Arc::clone(order);
        }
        let made = Arc::new(order(dataset, view, noted));
        orders().put(key, Arc::clone(&made));
        made
    }

    /// The rows with a note.
    pub fn noted(&self, dataset: &Dataset) -> HashSet<usize> {
        let notes = self.notes.all();
        let own = notes.iter().filter(|note| note.dataset == dataset.name);
        own.filter_map(|note| dataset.items.row(&note.id)).collect()
    }

    pub fn note(&self, dataset: &Dataset, row: usize) -> Option<String> {
        let id = dataset.items.read(row)?.id;
        self.notes.get(&(dataset.name.clone(), id)).map(|note| note.text)
    }

    pub fn write_note(&self, dataset: &Dataset, id: &str, text: &str) -> Result<()> {
        self.notes.add(Note { time: now(), dataset: dataset.name.clone(), id: id.to_owned(), text: text.to_owned() })
    }

    /// What a page of comparison shows for a pair.
    pub fn ballot(&self, dataset: &Dataset, pair: (usize, usize), request: &VoteRequest) -> VoteInput {
        let votes = self.votes_on(dataset, pair);
        let judged: HashSet<usize> = votes.iter().filter_map(|vote| dataset.items.row(&vote.id)).collect();
        let open: Vec<usize> = (0..dataset.items.len()).filter(|row| comparable(dataset, *row, pair)).collect();
        let after = request.after.as_ref().and_then(|after| after.parse().ok());
        VoteInput {
            pair,
            row: next(open.iter().copied().filter(|row| !judged.contains(row)), pair, after),
            tally: Tally::count(votes.iter()),
            comparable: open.len(),
            judged: open.iter().filter(|row| judged.contains(row)).count(),
            last: request.last.clone().filter(|last| votes.iter().any(|vote| vote.id == *last)),
        }
    }

    fn votes_on(&self, dataset: &Dataset, pair: (usize, usize)) -> Vec<Vote> {
        let (a, b) = (&dataset.cells[pair.0].model, &dataset.cells[pair.1].model);
        let mut votes = self.votes.all();
        votes.retain(|vote| vote.dataset == dataset.name && vote.a == *a && vote.b == *b);
        votes
    }

    /// Notes a vote for a side of the page; none if the item or the side is none of the page's.
    pub fn cast(&self, dataset: &Dataset, pair: (usize, usize), id: &str, side: &str) -> Option<Result<Choice>> {
        let row = dataset.items.row(id).filter(|row| comparable(dataset, *row, pair))?;
        let first_left = super::pages::first_is_left(row, pair);
        let preferred = match side {
            "left" => {
                if first_left {
                    Choice::A
                } else {
                    Choice::B
                }
            }
            "right" => {
                if first_left {
                    Choice::B
                } else {
                    Choice::A
                }
            }
            "equal" => Choice::Equal,
            "withdrawn" => Choice::Withdrawn,
            _ => return None,
        };
        let (a, b) = (dataset.cells[pair.0].model.clone(), dataset.cells[pair.1].model.clone());
        let left = if first_left { a.clone() } else { b.clone() };
        let vote = Vote { time: now(), dataset: dataset.name.clone(), id: id.to_owned(), a, b, preferred, left };
        Some(self.votes.add(vote).map(|()| preferred))
    }

    pub fn notes_csv(&self) -> Result<Vec<u8>> {
        let rows = self.notes.all().into_iter();
        csv(
            &["dataset", "id", "note", "time"],
            rows.map(|note| vec![note.dataset, note.id, note.text, note.time.to_string()]),
        )
    }

    pub fn votes_csv(&self) -> Result<Vec<u8>> {
        let row = |vote: Vote| {
            let preferred = match vote.preferred {
                Choice::A => vote.a.clone(),
                Choice::B => vote.b.clone(),
                other => other.name().to_owned(),
            };
            vec![vote.dataset, vote.id, vote.a, vote.b, preferred, vote.left, vote.time.to_string()]
        };
        let head = ["dataset", "id", "model-a", "model-b", "preferred", "left", "time"];
        csv(&head, self.votes.all().into_iter().map(row))
    }
}
