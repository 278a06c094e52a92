//! Reviews as RSS, Atom and JSON Feed. Pure: the same reviews give the same bytes.
//!
//! One model, [`Feed`], and three writers. Every string is freed of what XML cannot hold before a writer sees it,
//! because the writers do not look and strict readers then refuse the whole feed.

mod atom;
mod entry;
mod json;
mod notices;
mod opml;
mod rss;
mod xml;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::text;

pub use atom::atom;
pub use entry::{Answers, Cover, Entry, Replies, Reviewed, Said, Tag};
pub use json::json;
pub use notices::{NoticeEntry, notices};
pub use opml::{Subscription, opml};
pub use rss::rss;

/// Most items in a current feed. Readers poll it for ever; older items stand in the archive documents.
pub const ITEMS_MAX: usize = 50;

/// Most bytes in a current feed. The W3C validator stops at 5,000,000 and FreshRSS takes pushes of 3 MiB.
pub const BYTES_MAX: usize = 1 << 20;

/// The three dialects, in the order in which a page's `<head>` lists them: the one most readers read best comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    Atom,
    Rss,
    Json,
}

/// What the three writers write.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// Plain text.
    pub title: String,
    /// Plain text, a sentence.
    pub description: String,
    /// The HTML page whose feed this is.
    pub home: String,
    /// The addresses of this very document; hubs know it by them.
    pub address: Addresses,
    /// A `tag:` or `urn:` that stays when titles and domains change.
    pub id: String,
    /// BCP 47.
    pub language: String,
    /// The newest change of an item, or the feed's epoch where it has none ([`newest_change`]). Never the time of writing:
    /// that would make every build a new document and every 304 impossible.
    pub updated: Timestamp,
    pub authors: Vec<Author>,
    /// In any sizes; each dialect takes those that fit its rules.
    pub icons: Vec<Icon>,
    /// WebSub hubs; many readers take the first alone.
    pub hubs: Vec<String>,
    /// Newest first, see [`fit`].
    pub entries: Vec<Entry>,
    pub archive: Archive,
    /// The next, older items as a page of the same feed (RFC 5005 section 3); it moves when reviews come or go.
    pub next_page: Option<Addresses>,
    /// Where the program's source code is to be had; named as the generator.
    pub source_url: String,
}

/// Absolute addresses of one document in the three dialects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    pub rss: String,
    pub atom: String,
    pub json: String,
}

/// A person who writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    pub name: String,
    /// The profile page; `None` for who has only a name.
    pub url: Option<String>,
    /// Absolute address of a picture.
    pub avatar: Option<String>,
}

/// A picture that stands for the feed, in pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Icon {
    pub url: String,
    pub media_type: String,
    pub width: u32,
    pub height: u32,
}

/// The place of a document among the documents of its feed (RFC 5005 section 4, "Archived Feeds").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Archive {
    /// The document people subscribe to, with the newest archive document.
    Current { prev: Option<Addresses> },
    /// A document that never changes again.
    Document { prev: Option<Addresses>, current: Addresses, next: Option<Addresses> },
}

impl Dialect {
    pub const ALL: [Self; 3] = [Self::Atom, Self::Rss, Self::Json];

    /// For `<link type>` and `atom:link`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Atom => "application/atom+xml",
            Self::Rss => "application/rss+xml",
            Self::Json => "application/feed+json",
        }
    }

    /// A short name that does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Atom => "atom",
            Self::Rss => "rss",
            Self::Json => "json",
        }
    }

    /// For the `Content-Type` header.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Atom => "application/atom+xml; charset=utf-8",
            Self::Rss => "application/rss+xml; charset=utf-8",
            Self::Json => "application/feed+json; charset=utf-8",
        }
    }
}

impl Dialect {
    /// What a current feed at this address is written in, by the last part of its path.
    pub fn of_address(address: &str) -> Option<Self> {
        let document = address.rsplit('/').next()?;
        Self::of_reviews(document).or_else(|| Self::of_replies(document))
    }

    /// By the name of a feed of reviews.
    pub fn of_reviews(document: &str) -> Option<Self> {
        match document {
            "feed.xml" => Some(Self::Rss),
            "atom.xml" => Some(Self::Atom),
            "feed.json" => Some(Self::Json),
            _ => None,
        }
    }

    /// By the name of a feed of replies.
    pub fn of_replies(document: &str) -> Option<Self> {
        match document {
            "replies.xml" => Some(Self::Rss),
            "replies.atom" => Some(Self::Atom),
            "replies.json" => Some(Self::Json),
            _ => None,
        }
    }
}

impl Feed {
    pub fn write(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Atom => atom(self),
            Dialect::Rss => rss(self),
            Dialect::Json => json(self),
        }
    }

    /// The links to other documents of the same feed, by their relation.
    fn archive_links(&self, dialect: Dialect) -> Vec<(&'static str, &str)> {
        let (prev, current, next) = match &self.archive {
            Archive::Current { prev } => (prev.as_ref(), None, None),
            Archive::Document { prev, current, next } => (prev.as_ref(), Some(current), next.as_ref()),
        };
        let page = self.next_page.as_ref();
        [("next", page), ("current", current), ("prev-archive", prev), ("next-archive", next)]
            .into_iter()
            .filter_map(|(rel, addresses)| Some((rel, addresses?.of(dialect))))
            .collect()
    }

    fn is_archive_document(&self) -> bool {
        matches!(self.archive, Archive::Document { .. })
    }

    fn largest_icon(&self) -> Option<&Icon> {
        self.icons.iter().max_by_key(|icon| icon.pixels())
    }

    fn smallest_icon(&self) -> Option<&Icon> {
        self.icons.iter().min_by_key(|icon| icon.pixels())
    }
}

impl Addresses {
    /// The feeds of replies under an absolute address without a trailing slash: a review's page, a profile, the site.
    pub fn of_replies(base: &str) -> Self {
        Self {
            rss: format!("{base}/replies.xml"),
            atom: format!("{base}/replies.atom"),
            json: format!("{base}/replies.json"),
        }
    }

    /// `/feed.xml`, `/atom.xml` and `/feed.json` under an absolute address without a trailing slash.
    pub fn under(base: &str) -> Self {
        Self { rss: format!("{base}/feed.xml"), atom: format!("{base}/atom.xml"), json: format!("{base}/feed.json") }
    }

    /// The page of older items that begins after this many.
    pub fn from_item(mut self, from: usize) -> Self {
        for address in [&mut self.rss, &mut self.atom, &mut self.json] {
            address.push_str(&format!("?from={from}"));
        }
        self
    }

    /// The archive document of a feed whose home is this absolute address; `document` as its address names it.
    pub fn archive(base: &str, document: &str) -> Self {
        Self {
            rss: format!("{base}/feed/archive/{document}.xml"),
            atom: format!("{base}/atom/archive/{document}.xml"),
            json: format!("{base}/feed/archive/{document}.json"),
        }
    }

    pub fn of(&self, dialect: Dialect) -> &str {
        match dialect {
            Dialect::Atom => &self.atom,
            Dialect::Rss => &self.rss,
            Dialect::Json => &self.json,
        }
    }
}

impl Icon {
    fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// Puts entries in order, newest first, and keeps what a current feed may hold: at most `items_max`, and as many as give a
/// document of about `bytes_max`. The newest stays whatever its size: an empty feed helps nobody.
pub fn fit(mut entries: Vec<Entry>, items_max: usize, bytes_max: usize) -> Vec<Entry> {
    entries.sort_by(|a, b| (Reverse(a.published), &a.guid).cmp(&(Reverse(b.published), &b.guid)));
    entries.truncate(items_max);
    let mut bytes = 0;
    let fitting = entries.iter().take_while(|entry| {
        bytes += entry.bytes();
        bytes <= bytes_max
    });
    let kept = fitting.count().max(1);
    entries.truncate(kept);
    entries
}

/// The newest change among the entries, or `epoch` (when the feed itself began) where that is later or there are none.
pub fn newest_change(entries: &[Entry], epoch: Timestamp) -> Timestamp {
    entries.iter().map(|entry| entry.updated).fold(epoch, Timestamp::max)
}

/// Makes feeds readable for a person who opens them in a browser; served at `/feed.css`.
///
/// A style sheet and not XSLT, which browsers are dropping (Chrome 155).
pub fn feed_css() -> &'static str {
    include_str!("feed.css")
}

/// A text as a writer may have it: no character that XML 1.0 cannot hold, line ends as an XML parser will give them back.
fn clean(text: &str) -> String {
    text::xml_clean(text).replace("\r\n", "\n").replace('\r', "\n")
}

/// A clean text in one line, for titles, names and attributes, whose white space XML parsers do not keep.
fn line(text: &str) -> String {
    text::xml_clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// RFC 3339 in whole seconds: `2026-11-20T09:30:00Z`.
fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
