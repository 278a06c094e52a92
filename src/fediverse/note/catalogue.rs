//! What NeoDB and other catalogues read in a Note: the book, and that it was read, rated and reviewed.

use serde_json::{Value, json};

use super::{Ids, Speaker, wording::READ_MORE};
use crate::{
    domain::{Format, Published, Text, picture::Size},
    text,
};

/// Words of a shortened copy for catalogues, in characters.
const EXCERPT_CHARS: usize = 500;

/// How much of the text the copy for catalogues holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copy {
    Whole,
    Excerpt,
}

/// NeoDB wants exactly one tag of a catalogue's kind.
pub(super) fn edition_tag(published: &Published, speaker: &Speaker<'_>, book: &str) -> Value {
    let mut tag = json!({"type": "Edition", "href": book, "name": published.review.book.title});
    if let Some(cover) = &published.cover {
        tag["image"] = json!(speaker.site.origin.media(cover, Size::Full));
    }
    tag
}

/// What NeoDB reads: read, rated, reviewed. In this order, because an exception there stops the rest.
pub(super) fn related(published: &Published, ids: &Ids, copy: Copy) -> Value {
    let piece = |kind: &str, fields: Value| {
        let id = format!("{}#{}", ids.note, kind.to_ascii_lowercase());
        let mut piece = json!({"id": id, "type": kind});
        for (name, value) in fields.as_object().into_iter().flatten() {
            piece[name.as_str()] = value.clone();
        }
        piece["href"] = json!(id);
        piece["attributedTo"] = json!(ids.actor);
        piece["withRegardTo"] = json!(ids.book);
        piece["published"] = json!(published.published.to_string());
        piece["updated"] = json!(published.changed().to_string());
        piece
    };
    let mut pieces = vec![piece("Status", json!({"status": "complete"}))];
    let rating = published.review.rating.as_ref().and_then(|rating| rating.rescaled(10.0, 1.0));
    // NeoDB takes 0 for "no rating" and deletes what it had.
    if let Some(value) = rating.filter(|value| *value >= 1.0) {
        pieces.push(piece("Rating", json!({"value": value as i64, "best": 10, "worst": 1})));
    }
    if !published.review.body.is_empty() {
        let content = catalogue_copy(published, &ids.page, copy);
        let fields = json!({"name": published.heading(), "content": content, "mediaType": "text/markdown"});
        pieces.push(piece("Review", fields));
    }
    Value::Array(pieces)
}

/// The text for a catalogue, in Markdown.
pub(super) fn catalogue_copy(published: &Published, page: &str, copy: Copy) -> String {
    let body = &published.review.body;
    match copy {
        Copy::Whole => text::markdown_source(body).trim().to_owned(),
        Copy::Excerpt => {
            let excerpt = Text::new(Format::Plain, text::excerpt(body, EXCERPT_CHARS));
            format!("{}\n\n[{READ_MORE}]({page})", text::markdown_source(&excerpt).trim())
        }
    }
}
