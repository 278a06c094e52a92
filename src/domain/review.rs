//! A review: what one file says about one book, after parsing and before anybody is told of it.

use serde::{Deserialize, Serialize};

use super::{Book, Moment, Rating, Slug};

/// What a review file says, parsed once and trusted from here on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Review {
    pub book: Book,
    /// The post's own title where it differs from the book's ("Sand, power and worms").
    pub headline: Option<String>,
    pub rating: Option<Rating>,
    /// The reviewer's own words. May be empty: logging a read without words is normal.
    pub body: Text,
    /// The publisher's blurb, kept apart: never the reviewer's words, never sent to followers.
    pub synopsis: Option<Text>,
    /// The reviewer's one-line description, plain text.
    pub summary: Option<String>,
    /// The date the reviewer gives the post.
    pub date: Option<Moment>,
    /// When the reviewer says the post was last changed.
    pub updated: Option<Moment>,
    /// When the book was finished, once for each reading, oldest first.
    pub read: Vec<Moment>,
    pub started: Option<Moment>,
    pub tags: Vec<String>,
    /// BCP 47 tag of the text, where the file names one.
    pub language: Option<String>,
    /// The whole text gives the plot away (as opposed to marked passages inside it).
    pub spoilers: bool,
    /// Never published while true.
    pub draft: bool,
    /// The address the file asks for; the ledger may pin another (a collision gets `-2`).
    pub slug: Slug,
    /// Addresses the review had elsewhere or before (`aliases`, `redirect_from`), as paths.
    pub aliases: Vec<String>,
    /// `id:` in the metadata: wins over every minted id.
    pub id: Option<String>,
    /// Written by `reviewd import`: adopted without an announcement whatever its number.
    pub imported: bool,
    /// `replies: closed` in the metadata.
    pub replies_closed: bool,
    /// What readers said under the review on the blog it comes from, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
}

/// A reader's words from an old blog. Whoever wrote them has a name here and no account: they are shown, and never sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Moment>,
    /// Markdown.
    pub text: String,
}

/// A text with the syntax it is written in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    pub format: Format,
    pub source: String,
}

/// The syntax a text is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Markdown,
    Html,
    /// Paragraphs by blank line, line breaks kept, nothing else has a meaning.
    Plain,
}

impl Text {
    pub fn new(format: Format, source: impl Into<String>) -> Self {
        Self { format, source: source.into() }
    }

    pub fn is_empty(&self) -> bool {
        self.source.trim().is_empty()
    }
}
