//! BookWyrm's exports: the table of books (27 columns), and the account archive (`tar.gz` with `archive.json`).

use std::io::{BufReader, Cursor, Read};

use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;

use super::{
    BOMB, Brought, Passed, Row, UNPACKED_BYTES_MAX, json, markup,
    table::{Cells, Table},
    values::{isbn, list, moment, rating, short_hash, tidy, titled},
};
use crate::domain::Moment;

/// Shelves that everybody has.
const OWN_SHELVES: [&str; 4] = ["read", "to-read", "reading", "stopped-reading"];

/// Whom a post is for if everybody may read it, as ActivityPub says it in full and in short.
const PUBLIC: [&str; 3] = ["https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"];

pub fn read(bytes: Vec<u8>, take: &mut dyn FnMut(Row)) -> Result<(), String> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return archive(&bytes, take);
    }
    Table::open(bytes, &["title", "author_text", "remote_id"], &[])?.rows(take, row);
    Ok(())
}

fn row(cells: &Cells<'_>) -> Row {
    let (title, series) = titled(cells.get("title"));
    if title.is_empty() {
        return cells.damaged("", "it has no title");
    }
    let body = markup::from_field(cells.get("review_content"));
    let rating = rating(cells.get("rating"), 5.0);
    let finished = cells.some("finish_date").and_then(moment);
    let shelf = cells.some("shelf").unwrap_or_default();
    if body.is_empty() && rating.is_none() && finished.is_none() && shelf != "read" {
        return cells.passed(&title, "neither read, rated nor reviewed");
    }
    let isbn = match isbn(cells.get("isbn_13")) {
        Ok(None) => isbn(cells.get("isbn_10")),
        found => found,
    };
    let identity = match cells.some("remote_id") {
        Some(id) => id.to_owned(),
        None => short_hash(&[&title, cells.get("author_text")]),
    };
    let warning = cells.some("review_cw").map(tidy);
    let published = cells.some("review_published").and_then(moment);
    let tags = cells.some("shelf_name").filter(|_| !OWN_SHELVES.contains(&shelf)).map(tidy);
    Row::Review(Box::new(Brought {
        line: cells.line,
        identity: format!("bookwyrm:{identity}"),
        title,
        authors: list(cells.get("author_text")),
        bad_isbn: isbn.as_ref().err().cloned(),
        isbn: isbn.ok().flatten(),
        series,
        rating,
        started: cells.some("start_date").and_then(moment),
        read: finished.into_iter().collect(),
        date: published.or(finished).or_else(|| cells.some("shelf_date").and_then(moment)),
        tags: tags.into_iter().collect(),
        headline: cells.some("review_name").map(tidy),
        spoilers: warning.is_some(),
        summary: None,
        body,
        ..Brought::default()
    }))
}

#[derive(Deserialize)]
struct Book {
    edition: Edition,
    #[serde(default)]
    authors: Vec<Person>,
    #[serde(default)]
    reviews: Vec<Review>,
    #[serde(default)]
    readthroughs: Vec<Reading>,
    #[serde(default)]
    shelves: Vec<Shelf>,
    /// What is no review: told of, and passed.
    #[serde(default)]
    comments: Vec<Value>,
    #[serde(default)]
    quotations: Vec<Value>,
}

#[derive(Deserialize)]
struct Edition {
    #[serde(default)]
    id: String,
    title: String,
    #[serde(default, rename = "isbn13")]
    isbn_13: Option<String>,
    #[serde(default, rename = "isbn10")]
    isbn_10: Option<String>,
    #[serde(default)]
    pages: Option<u32>,
    #[serde(default)]
    publishers: Vec<String>,
    #[serde(default, rename = "firstPublishedDate")]
    first_published: Option<String>,
    #[serde(default, rename = "publishedDate")]
    published: Option<String>,
    #[serde(default)]
    series: Option<String>,
    #[serde(default, rename = "seriesNumber")]
    series_number: Option<String>,
}

#[derive(Deserialize)]
struct Person {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Review {
    #[serde(default)]
    id: Option<Value>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    content: Option<String>,
    /// The content warning, as ActivityPub names it.
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    content_warning: Option<String>,
    #[serde(default)]
    rating: Option<Value>,
    #[serde(default)]
    published: Option<String>,
    #[serde(default)]
    published_date: Option<String>,
    /// Whom it was for; `None` where the export does not say.
    #[serde(default)]
    to: Option<Vec<String>>,
    #[serde(default)]
    cc: Vec<String>,
}

impl Review {
    /// Whether it was for followers, or for some people alone.
    fn is_private(&self) -> bool {
        let public = |address: &String| PUBLIC.contains(&address.as_str());
        self.to.as_ref().is_some_and(|to| !to.iter().chain(&self.cc).any(public))
    }
}

#[derive(Deserialize)]
struct Reading {
    #[serde(default)]
    start_date: Option<String>,
    #[serde(default)]
    finish_date: Option<String>,
}

#[derive(Deserialize)]
struct Shelf {
    #[serde(default)]
    identifier: String,
    #[serde(default)]
    name: String,
}

/// Only `archive.json` is looked at, wherever in the archive it lies; nothing is unpacked under a name of the archive's.
fn archive(bytes: &[u8], take: &mut dyn FnMut(Row)) -> Result<(), String> {
    let mut unzipped = GzDecoder::new(Cursor::new(bytes)).take(UNPACKED_BYTES_MAX);
    let read = account(&mut unzipped, take);
    // What ends at the limit looks like damage.
    if unzipped.limit() == 0 { Err(BOMB.to_owned()) } else { read }
}

fn account(unzipped: &mut impl Read, take: &mut dyn FnMut(Row)) -> Result<(), String> {
    let damaged = |error: std::io::Error| format!("the archive is damaged: {error}");
    let mut archive = tar::Archive::new(unzipped);
    for member in archive.entries().map_err(damaged)? {
        let member = member.map_err(damaged)?;
        let name = member.path().map_err(damaged)?.file_name().map(|name| name.to_string_lossy().into_owned());
        if name.as_deref() != Some("archive.json") {
            continue;
        }
        let mut line = 0;
        let mut each = |book: Value| {
            line += 1;
            let title = book.pointer("/edition/title").and_then(Value::as_str).unwrap_or_default().to_owned();
            match serde_json::from_value(book) {
                Ok(book) => of_book(&book, line, take),
                Err(error) => {
                    let why = format!("it cannot be read: {error}");
                    take(Row::Passed(Passed { line, what: title, why, is_damaged: true }));
                }
            }
        };
        return json::members(BufReader::new(member), Some("books"), &mut each)
            .map_err(|error| format!("archive.json in it cannot be read: {error}"));
    }
    Err("the archive holds no archive.json".to_owned())
}

/// Each review of a book is one of ours; a book that was read without a review is one without words.
fn of_book(book: &Book, line: u64, take: &mut dyn FnMut(Row)) {
    let (title, named) = titled(&book.edition.title);
    if title.is_empty() {
        let why = "it has no title".to_owned();
        return take(Row::Passed(Passed { line, what: String::new(), why, is_damaged: true }));
    }
    let mut readings: Vec<(Option<Moment>, Moment)> = book
        .readthroughs
        .iter()
        .filter_map(|one| Some((one.start_date.as_deref().and_then(moment), moment(one.finish_date.as_deref()?)?)))
        .collect();
    readings.sort_by_key(|(_, end)| end.timestamp());
    let isbn = match isbn(book.edition.isbn_13.as_deref().unwrap_or_default()) {
        Ok(None) => isbn(book.edition.isbn_10.as_deref().unwrap_or_default()),
        found => found,
    };
    let series = book.edition.series.as_deref().filter(|name| !name.trim().is_empty()).map(|name| {
        crate::domain::Series { name: tidy(name), position: book.edition.series_number.as_deref().map(tidy) }
    });
    let authors: Vec<String> = book.authors.iter().map(|one| tidy(&one.name)).filter(|name| !name.is_empty()).collect();
    let edition =
        if book.edition.id.is_empty() { short_hash(&[&title, &authors.join(",")]) } else { book.edition.id.clone() };
    let tags: Vec<String> = book
        .shelves
        .iter()
        .filter(|shelf| !OWN_SHELVES.contains(&shelf.identifier.as_str()) && !shelf.name.is_empty())
        .map(|shelf| tidy(&shelf.name))
        .collect();
    let plain = Brought {
        line,
        title: title.clone(),
        authors,
        bad_isbn: isbn.as_ref().err().cloned(),
        isbn: isbn.ok().flatten(),
        year: book
            .edition
            .first_published
            .as_deref()
            .or(book.edition.published.as_deref())
            .and_then(|date| date.get(..4)?.parse().ok()),
        pages: book.edition.pages,
        publisher: book.edition.publishers.first().map(|name| tidy(name)),
        series: series.or(named),
        started: readings.last().and_then(|(start, _)| *start),
        read: readings.iter().map(|(_, end)| *end).collect(),
        tags,
        ..Brought::default()
    };
    for (others, why) in [(&book.comments, "a comment, not a review"), (&book.quotations, "a quotation, not a review")]
    {
        for _ in others {
            take(Row::Passed(Passed { line, what: title.clone(), why: why.to_owned(), is_damaged: false }));
        }
    }
    if book.reviews.is_empty() {
        let Some(date) = plain.read.last().copied() else {
            let why = "neither read, rated nor reviewed".to_owned();
            return take(Row::Passed(Passed { line, what: title, why, is_damaged: false }));
        };
        let read = Brought { identity: format!("bookwyrm:{edition}"), date: Some(date), ..plain };
        return take(Row::Review(Box::new(read)));
    }
    for review in &book.reviews {
        let published = review.published.as_deref().or(review.published_date.as_deref());
        let warning = review.summary.as_deref().or(review.content_warning.as_deref()).unwrap_or_default();
        let own = review.id.as_ref().map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
        let identity = own.unwrap_or_else(|| short_hash(&[&edition, published.unwrap_or_default()]));
        let number =
            review.rating.as_ref().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        take(Row::Review(Box::new(Brought {
            identity: format!("bookwyrm:{identity}"),
            rating: number.and_then(|number| rating(&number, 5.0)),
            date: published.and_then(moment),
            headline: review.name.as_deref().map(tidy).filter(|name| !name.is_empty()),
            spoilers: !warning.trim().is_empty(),
            // Written for some people, it is not to be read by all because it moves.
            draft: review.is_private(),
            body: markup::from_field(review.content.as_deref().unwrap_or_default()),
            ..plain.clone()
        })));
    }
}
