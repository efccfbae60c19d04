//! The page of blind comparison: an image, two captions without their models' names, and the tally.

use super::super::images::Size;
use super::super::index::Changed;
use super::super::preference::{Tally, mixed};
use super::items::Choice;
use super::{Crumb, ListInput, Shell};
use crate::run::Outcome;
use askama::Template;

/// What the page is made from, besides the view.
pub struct VoteInput {
    /// Places of the two models; the first is the earlier name.
    pub pair: (usize, usize),
    /// The item to judge; none if all are judged.
    pub row: Option<usize>,
    pub tally: Tally,
    /// Items that can be compared, and how many of them are judged.
    pub comparable: usize,
    pub judged: usize,
    /// The id of the item that was judged last, to take that back.
    pub last: Option<String>,
}

#[derive(Template)]
#[template(path = "web/vote.html")]
pub struct VotePage {
    pub shell: Shell,
    pub list: String,
    pub one: Vec<Choice>,
    pub other: Vec<Choice>,
    pub names: (String, String),
    pub action: String,
    pub question: Option<Question>,
    pub comparable: usize,
    pub judged: usize,
    pub tally: Tally,
    /// The first model's share of the votes that prefer one, in per cent: value, low, high.
    pub share: Option<(String, String, String)>,
    pub last: Option<String>,
    pub download: String,
}

/// Two captions of an item.
pub struct Question {
    pub id: String,
    pub image: String,
    pub references: Vec<String>,
    pub left: String,
    pub right: String,
    pub skip: String,
}

impl VotePage {
    /// # Errors
    /// A file of the run is not what it was when it was indexed.
    pub fn new(mut shell: Shell, input: &ListInput<'_>, vote: VoteInput) -> Result<VotePage, Changed> {
        let ListInput { dataset, links, .. } = input;
        let name = |place: usize| dataset.cells[place].model.clone();
        let names = (name(vote.pair.0), name(vote.pair.1));
        let list = links.items(&dataset.name, "");
        shell.crumbs = vec![
            Crumb::to("Runs", links.home()),
            Crumb::to(input.run, links.run()),
            Crumb::to(&dataset.name, list.clone()),
            Crumb::here("Blind comparison"),
        ];
        shell.follow(links, input.snapshot);
        // A judge must not have the page change while reading.
        shell.live = None;
        let choices = |chosen: usize| -> Vec<Choice> {
            let choices = dataset.cells.iter().enumerate();
            choices.map(|(place, cell)| Choice::new(&cell.model, &cell.model, chosen == place)).collect()
        };
        let query = |more: Option<(&str, &str)>| {
            let mut out = form_urlencoded::Serializer::new(String::new());
            out.append_pair("a", &names.0).append_pair("b", &names.1);
            if let Some((key, value)) = more {
                out.append_pair(key, value);
            }
            out.finish()
        };
        let question = vote.row.map(|row| -> Result<Question, Changed> {
            let item = dataset.items.read(row).ok_or(Changed)?;
            let caption = |place: usize| match dataset.cells[place].captions.read(row, &item.id)? {
                Some(Outcome::Caption { caption, .. }) => Ok(caption),
                _ => Err(Changed),
            };
            let mut sides = (caption(vote.pair.0)?, caption(vote.pair.1)?);
            if !first_is_left(row, vote.pair) {
                sides = (sides.1, sides.0);
            }
            let place = mixed(row, vote.pair).to_string();
            Ok(Question {
                image: links.image(&dataset.name, row, &item.id, Size::Large),
                references: item.references,
                left: sides.0,
                right: sides.1,
                skip: links.action(&dataset.name, "vote", &query(Some(("after", &place)))),
                id: item.id,
            })
        });
        let percent = |share: f64| format!("{:.0}", share * 100.0);
        Ok(VotePage {
            list,
            one: choices(vote.pair.0),
            other: choices(vote.pair.1),
            action: links.action(&dataset.name, "vote", &query(None)),
            question: question.transpose()?,
            comparable: vote.comparable,
            judged: vote.judged,
            share: vote.tally.share().map(|(share, low, high)| (percent(share), percent(low), percent(high))),
            tally: vote.tally,
            last: vote.last,
            download: format!("{}votes.csv", links.run()),
            names,
            shell,
        })
    }
}

/// Does the pair's first model stand left on this row?
pub fn first_is_left(row: usize, pair: (usize, usize)) -> bool {
    mixed(row, pair) & 1 == 0
}
