//! The words of a review as HTML for timelines: what stands before them, the text itself, and what follows.

use serde_json::{Value, json};

use super::Speaker;
use crate::{
    domain::{Published, book::join_names, picture::Size},
    fediverse::html::{escape, hashtag, link},
    text::{self, Place, SafeHtml, Shown},
};

/// More hashtags than this are spam to most servers.
const HASHTAGS_MAX: usize = 20;
/// What leads from a shortened text to the whole.
pub(super) const READ_MORE: &str = "Read the full review";

/// The reviewer's words as they go into a document.
pub(super) struct Body {
    pub(super) html: String,
    /// Ends with a link to the whole.
    pub(super) is_cut: bool,
}

impl Body {
    pub(super) fn whole(html: &SafeHtml) -> Self {
        Self { html: html.as_str().trim().to_owned(), is_cut: false }
    }

    pub(super) fn cut(published: &Published, speaker: &Speaker<'_>, html: &SafeHtml, bytes_max: usize) -> Self {
        let page = speaker.site.origin.page(&published.reviewer, &published.slug);
        let cut = text::cut_at_paragraph(html, bytes_max, (&page, READ_MORE));
        Self { html: cut.as_str().trim().to_owned(), is_cut: true }
    }
}

/// The reviewer's words as Mastodon's sanitiser leaves them.
pub(super) fn body_html(published: &Published, speaker: &Speaker<'_>) -> SafeHtml {
    let origin = &speaker.site.origin;
    let page = origin.page(&published.reviewer, &published.slug);
    let shown = |address: &str| {
        let picture = published.pictures.get(address)?;
        Some(Shown { url: origin.media(picture, Size::Full), width: picture.width, height: picture.height })
    };
    text::fediverse_html(&published.review.body, &Place { page: &page, picture: &shown })
}

/// Headline, title with author, stars: the text must stand on its own where nothing else is shown.
pub(super) fn opening_html(published: &Published, page: &str) -> String {
    let book = &published.review.book;
    let headline = published.review.headline.as_deref();
    let mut html = headline.map(|words| format!("<p><strong>{}</strong></p>", escape(words))).unwrap_or_default();
    let authors = join_names(&book.authors);
    let by = if authors.is_empty() { String::new() } else { format!(" by {}", escape(&authors)) };
    html.push_str(&format!("<p>Review of {}{by}</p>", link(page, &book.title)));
    if let Some(rating) = &published.review.rating {
        html.push_str(&format!("<p>{}</p>", escape(&rating.label())));
    }
    html
}

/// The link to the page, unless a cut text ends with it already, and the hashtags.
pub(super) fn closing_html(published: &Published, speaker: &Speaker<'_>, is_cut: bool) -> String {
    let origin = &speaker.site.origin;
    let page = origin.page(&published.reviewer, &published.slug);
    let mut parts: Vec<String> = Vec::new();
    if !is_cut {
        parts.push(link(&page, &format!("Read on {}", origin.host())));
    }
    parts.extend(hashtags(published).iter().map(|tag| hashtag(&origin.tag(tag.as_written), &tag.name)));
    if parts.is_empty() { String::new() } else { format!("<p>{}</p>", parts.join(" ")) }
}

/// A tag as a word that can follow `#`, and as the reviewer wrote it, which is what our page of the tag is called by.
pub(super) struct Tag<'a> {
    pub(super) name: String,
    pub(super) as_written: &'a str,
}

pub(super) fn hashtags(published: &Published) -> Vec<Tag<'_>> {
    let mut tags: Vec<Tag<'_>> = Vec::new();
    for as_written in &published.review.tags {
        let Some(name) = text::hashtag(as_written) else { continue };
        if tags.len() < HASHTAGS_MAX && !tags.iter().any(|seen| seen.name.to_lowercase() == name.to_lowercase()) {
            tags.push(Tag { name, as_written });
        }
    }
    tags
}

pub(super) fn hashtag_tags(published: &Published, speaker: &Speaker<'_>) -> Vec<Value> {
    let origin = &speaker.site.origin;
    let tag =
        |tag: Tag<'_>| json!({"type": "Hashtag", "href": origin.tag(tag.as_written), "name": format!("#{}", tag.name)});
    hashtags(published).into_iter().map(tag).collect()
}
