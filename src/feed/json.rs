//! JSON Feed 1.1 (<https://www.jsonfeed.org/version/1.1/>) with the review's numbers under `_review`.

use serde::Serialize;
use serde_json::Number;

use super::{Dialect, Entry, Feed, Reviewed, clean, line, rfc3339};

#[derive(Serialize)]
struct Document {
    version: &'static str,
    title: String,
    home_page_url: String,
    feed_url: String,
    description: String,
    user_comment: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    favicon: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Author>,
    language: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hubs: Vec<Hub>,
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Author {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar: Option<String>,
}

#[derive(Serialize)]
struct Hub {
    r#type: &'static str,
    url: String,
}

#[derive(Serialize)]
struct Item {
    id: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_url: Option<String>,
    title: String,
    content_html: String,
    summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    date_published: String,
    date_modified: String,
    authors: Vec<Author>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    language: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    _review: Option<Review>,
}

#[derive(Serialize)]
struct Review {
    about: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rating: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    best: Option<Number>,
    /// The reviewer's own word, number or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    rating_as_written: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    isbn: Option<String>,
    book: Book,
    /// `2026-11-01`, or `2026-11` where the day is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replies: Option<u32>,
    /// The review's ActivityPub id.
    note: String,
}

#[derive(Serialize)]
struct Book {
    title: String,
    authors: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    year: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<Series>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<u32>,
}

#[derive(Serialize)]
struct Series {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<String>,
}

/// The feed as JSON Feed.
pub fn json(feed: &Feed) -> String {
    let older = feed.archive_links(Dialect::Json).into_iter().find(|(rel, _)| *rel == "prev-archive");
    let document = Document {
        version: "https://jsonfeed.org/version/1.1",
        title: line(&feed.title),
        home_page_url: line(&feed.home),
        feed_url: line(&feed.address.json),
        description: line(&feed.description),
        user_comment: "This is a feed: put its address into a feed reader, and what is new will come to you.",
        next_url: feed.next_page.as_ref().map(|page| page.json.as_str()).or(older.map(|(_, url)| url)).map(line),
        icon: feed.largest_icon().map(|icon| line(&icon.url)),
        favicon: feed.smallest_icon().map(|icon| line(&icon.url)),
        authors: feed.authors.iter().map(author).collect(),
        language: line(&feed.language),
        hubs: feed.hubs.iter().map(|hub| Hub { r#type: "WebSub", url: line(hub) }).collect(),
        items: feed.entries.iter().map(|entry| item(entry, feed)).collect(),
    };
    // Strings and finite numbers under string keys: there is nothing in it that cannot be written.
    serde_json::to_string(&document).unwrap_or_default()
}

fn author(author: &super::Author) -> Author {
    Author {
        name: line(&author.name),
        url: author.url.as_deref().map(line),
        avatar: author.avatar.as_deref().map(line),
    }
}

fn item(entry: &Entry, feed: &Feed) -> Item {
    Item {
        // A number here makes Miniflux refuse the whole feed; guids are text.
        id: line(&entry.guid),
        url: line(&entry.page),
        external_url: entry.reviewed.as_ref().map(|reviewed| line(&reviewed.book_page)),
        title: line(&entry.title),
        content_html: clean(&entry.content),
        summary: clean(&entry.summary),
        image: entry.cover.as_ref().map(|cover| line(&cover.url)),
        date_published: rfc3339(entry.published),
        date_modified: rfc3339(entry.updated),
        authors: vec![author(&entry.author)],
        tags: entry.tags.iter().map(|tag| line(&tag.name)).collect(),
        language: line(&entry.language),
        _review: entry.reviewed.as_ref().map(|reviewed| review(reviewed, entry, feed)),
    }
}

fn review(reviewed: &Reviewed, entry: &Entry, feed: &Feed) -> Review {
    let (book, numbers) = (&reviewed.book, entry.rating());
    Review {
        about: line(&feed.source_url),
        rating: numbers.and_then(|(value, _)| number(value)),
        best: numbers.and_then(|(_, best)| number(best)),
        rating_as_written: reviewed.rating.as_ref().map(|rating| line(&rating.raw)),
        isbn: book.isbn.as_ref().map(ToString::to_string),
        book: Book {
            title: line(&book.title),
            authors: book.authors.iter().map(|name| line(name)).collect(),
            year: book.year,
            series: book
                .series
                .as_ref()
                .map(|series| Series { name: line(&series.name), position: series.position.as_deref().map(line) }),
            pages: book.pages,
        },
        started: reviewed.started.map(|day| day.calendar()),
        finished: reviewed.finished.map(|day| day.calendar()),
        replies: entry.replies.as_ref().map(|replies| replies.count),
        note: line(&entry.note),
    }
}

/// `5` and not `5.0`; `None` for what JSON has no number for.
fn number(value: f64) -> Option<Number> {
    if value.fract() == 0.0 && value.abs() < 1e9 { Some(Number::from(value as i64)) } else { Number::from_f64(value) }
}
