//! `/admin/readers`: the programs that fetched feeds in the last day.

use askama::Template;
use jiff::Timestamp;

use super::{Frame, PLACES};
use crate::site::{plot::grouped, rendered, statics};

/// A program at an address.
#[derive(Debug)]
pub struct ReaderLine {
    pub agent: String,
    pub address: String,
    /// For how many people it says that it reads.
    pub people: Option<u32>,
    pub fetches: u64,
    /// Of a hundred fetches, how many named the version it has.
    pub conditional: u64,
    pub unchanged: u64,
    pub last: Timestamp,
}

/// `/admin/readers`.
pub fn readers(frame: &Frame<'_>, lines: &[ReaderLine]) -> String {
    let people = lines.iter().map(|line| u64::from(line.people.unwrap_or(1))).sum();
    let fetches = lines.iter().map(|line| line.fetches).sum();
    rendered(&ReadersTemplate { frame, lines, people, fetches })
}

#[derive(Template)]
#[template(path = "admin/readers.html")]
struct ReadersTemplate<'a> {
    frame: &'a Frame<'a>,
    lines: &'a [ReaderLine],
    people: u64,
    fetches: u64,
}
