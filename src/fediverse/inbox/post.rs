//! A post of somebody else: an answer to a review, or one that quotes it.

use jiff::Timestamp;
use serde_json::Value;

pub use crate::domain::Visibility;
use crate::{
    domain::{Format, Text},
    fediverse::json::{address_of, addresses, items, kind_of, names_public, text_of},
    text,
};

/// Longest content read, in bytes; what is shown is cut further.
const CONTENT_BYTES_MAX: usize = 100_000;
/// Longest title or content warning read, in characters.
const LINE_CHARS_MAX: usize = 500;

/// Types whose `summary` is an abstract, and a content warning only where they are marked `sensitive` (FEP-b2b8): WordPress,
/// NodeBB and Lemmy send one with every post.
const WITH_ABSTRACT: [&str; 7] = ["Article", "Page", "Video", "Audio", "Image", "Event", "Document"];

/// A post, as its author's server words it. Its HTML has not been sanitised.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    pub id: String,
    pub author: String,
    /// The post it answers.
    pub in_reply_to: Option<String>,
    /// HTML, not sanitised.
    pub content: String,
    /// Plain text: the title of an Article or a BookWyrm review.
    pub title: Option<String>,
    /// Plain text: the content warning.
    pub warning: Option<String>,
    pub published: Option<Timestamp>,
    pub updated: Option<Timestamp>,
    /// Where people read it; the id where it has no page of its own.
    pub page: String,
    /// BCP 47 tag, where the post names one.
    pub language: Option<String>,
    pub visibility: Visibility,
    /// Whom it is addressed to: actors and their followers.
    pub audience: Vec<String>,
    /// Actors it names.
    pub mentions: Vec<String>,
    /// The post it quotes, by any of the words in use.
    pub quotes: Option<String>,
    /// Where its own answers are listed.
    pub replies: Option<String>,
    /// A vote in a poll: a name and no content.
    pub(super) is_vote: bool,
}

/// Who may see a document, by its addresses (FEDERATION 8.34).
pub(super) fn visibility_of(document: &Value) -> Visibility {
    if names_public(&document["to"]) {
        Visibility::Public
    } else if names_public(&document["cc"]) {
        Visibility::Unlisted
    } else {
        Visibility::Private
    }
}

/// `to` and `cc`, with `bto` and `bcc` of servers that forget to take them off.
pub(super) fn audience_of(document: &Value) -> Vec<String> {
    ["to", "cc", "bto", "bcc"].iter().flat_map(|name| addresses(&document[*name])).collect()
}

impl Post {
    /// Reads a post of any type; `None` without id or author.
    pub(super) fn read(document: &Value) -> Option<Self> {
        let id = address_of(&document["id"])?;
        let author = address_of(&document["attributedTo"]).or_else(|| address_of(&document["actor"]))?;
        let (content, language) = content(document);
        let title = line(&document["name"]);
        let in_reply_to = address_of(&document["inReplyTo"]);
        let is_vote =
            content.is_empty() && title.is_some() && in_reply_to.is_some() && document["attachment"].is_null();
        Some(Self {
            in_reply_to,
            is_vote,
            title,
            warning: warning(document),
            published: time(&document["published"]),
            updated: time(&document["updated"]),
            page: page(&document["url"]).unwrap_or_else(|| id.clone()),
            language,
            visibility: visibility_of(document),
            audience: audience_of(document),
            mentions: mentions(&document["tag"]),
            quotes: quotes(document),
            replies: address_of(&document["replies"]),
            content,
            id,
            author,
        })
    }
}

/// `content`, else the first of `contentMap`, whose key is the language.
fn content(document: &Value) -> (String, Option<String>) {
    let mapped = document["contentMap"].as_object().and_then(|map| map.iter().next());
    let language = mapped.map(|(language, _)| language.clone()).filter(|language| language != "und");
    let text = text_of(&document["content"]).or_else(|| mapped.and_then(|(_, text)| text.as_str())).unwrap_or_default();
    let end = text.floor_char_boundary(CONTENT_BYTES_MAX);
    (text[..end].to_owned(), language)
}

fn line(value: &Value) -> Option<String> {
    let text = text_of(value)?.trim();
    (!text.is_empty()).then(|| text.chars().take(LINE_CHARS_MAX).collect())
}

/// An abstract is HTML, a warning plain text.
fn warning(document: &Value) -> Option<String> {
    let words = line(&document["summary"])?;
    if !kind_of(document).is_some_and(|kind| WITH_ABSTRACT.contains(&kind)) {
        return Some(words);
    }
    let words = text::plain(&Text::new(Format::Html, words)).trim().to_owned();
    (document["sensitive"] == true && !words.is_empty()).then_some(words)
}

fn time(value: &Value) -> Option<Timestamp> {
    text_of(value)?.parse().ok()
}

/// An address, or the first HTML one among several Links.
fn page(value: &Value) -> Option<String> {
    let links = items(value);
    let html = links.iter().find(|link| link["mediaType"].as_str().is_some_and(|kind| kind.starts_with("text/html")));
    html.or_else(|| links.first()).and_then(address_of)
}

fn mentions(tags: &Value) -> Vec<String> {
    let mention = |tag: &&Value| tag["type"].as_str() == Some("Mention");
    items(tags).iter().filter(mention).filter_map(|tag| address_of(&tag["href"])).collect()
}

/// FEP-044f, Misskey, Fedibird, and the Link tag of FEP-e232.
fn quotes(document: &Value) -> Option<String> {
    let named = ["quote", "quoteUrl", "quoteUri", "quoteURL", "_misskey_quote"];
    let by_name = named.iter().find_map(|name| address_of(&document[*name]));
    by_name.or_else(|| {
        let link = items(&document["tag"]).iter().find(|tag| {
            let rel = &tag["rel"];
            let quoting = |rel: &Value| rel.as_str().is_some_and(|rel| rel.contains("_misskey_quote"));
            tag["type"].as_str() == Some("Link")
                && (items(rel).iter().any(quoting)
                    || tag["mediaType"].as_str().is_some_and(|kind| kind.contains("activitystreams")))
        })?;
        addresses(&link["href"]).into_iter().next()
    })
}
