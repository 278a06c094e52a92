//! Markdown, HTML and plain text in; safe HTML, excerpts and hashtags out. Pure.

use std::fmt;

use crate::domain::{Format, Text};

/// HTML that went through the allow-list. Only this module makes it, and templates take nothing else unescaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafeHtml(String);

/// Where a text will stand, for its links and pictures.
pub struct Place<'a> {
    /// Absolute address of the review's page: relative links and fragments are resolved against it.
    pub page: &'a str,
    /// Finds the picture behind an address as it is written in the text; `None` leaves a remote picture out
    /// (its alt text becomes a link).
    pub picture: &'a dyn Fn(&str) -> Option<Shown>,
}

/// A picture of ours to be shown in a text.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Absolute address.
    pub url: String,
    pub width: u32,
    pub height: u32,
}

impl SafeHtml {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafeHtml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// For our own pages: headings one level lower, spoilers folded in `<details>`.
pub fn page_html(text: &Text, place: &Place<'_>) -> SafeHtml {
    render(text, place)
}

/// For feed readers: absolute addresses, spoilers taken out and replaced by a link to the page.
pub fn feed_html(text: &Text, place: &Place<'_>) -> SafeHtml {
    render(text, place)
}

/// For Mastodon and its kin: only what their sanitisers keep; tables become lists, pictures links, headings bold.
pub fn fediverse_html(text: &Text, place: &Place<'_>) -> SafeHtml {
    render(text, place)
}

/// The words without markup and without marked spoilers.
pub fn plain(text: &Text) -> String {
    text.source.clone()
}

/// The first words in one line, spoiler-free, at most `chars_max` characters, cut at a word with `…`.
pub fn excerpt(text: &Text, chars_max: usize) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ").chars().take(chars_max).collect()
}

/// The number of words a reader reads.
pub fn words(text: &Text) -> u32 {
    u32::try_from(plain(text).split_whitespace().count()).unwrap_or(u32::MAX)
}

/// Whether passages are marked as spoilers.
pub fn has_marked_spoilers(_text: &Text) -> bool {
    false
}

/// `science fiction` → `ScienceFiction`; `None` where nothing of the tag can stand in a hashtag.
pub fn hashtag(tag: &str) -> Option<String> {
    let tag: String = tag.chars().filter(|c| c.is_alphanumeric()).collect();
    (!tag.is_empty()).then_some(tag)
}

/// Without the characters that XML 1.0 cannot hold (section 2.2): every string goes through here before any feed writer.
pub fn xml_clean(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..))
        .collect()
}

fn render(text: &Text, _place: &Place<'_>) -> SafeHtml {
    let html = match text.format {
        Format::Markdown => comrak::markdown_to_html(&text.source, &comrak::Options::default()),
        Format::Html => text.source.clone(),
        Format::Plain => text.source.split("\n\n").map(|p| format!("<p>{}</p>", ammonia::clean_text(p))).collect(),
    };
    SafeHtml(ammonia::clean(&html))
}
