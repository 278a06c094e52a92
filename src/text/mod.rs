//! Markdown, HTML and plain text in; safe HTML, excerpts and hashtags out. Pure.
//!
//! Every text takes one way: `limits` say whether a parser may see it, `prepare` translates what no parser knows,
//! `markdown`, `html` and `plaintext` read it into the `tree`, `spoiler` folds what gives the plot away, and
//! each destination (`page`, `feed`, `timeline`, `plain`, `source`) writes it from there.

mod cut;
mod feed;
mod html;
mod limits;
mod links;
mod markdown;
mod names;
mod page;
mod plain;
mod plaintext;
mod prepare;
mod remote;
mod source;
mod spoiler;
mod timeline;
mod tree;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::domain::{Format, Text};

pub use names::{clean_name, hashtag, remote_text, title_text, xml_clean};

use plain::Include;
use prepare::Syntax;
use tree::{Block, Document};

/// HTML of allowed elements and attributes only. Only this module makes it, and templates take nothing else unescaped.
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

/// What lists, search and summaries need of a text, from one reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glance {
    /// As [`plain`].
    pub plain: String,
    /// As [`excerpt`].
    pub excerpt: String,
    /// As [`words`].
    pub words: u32,
    /// As [`has_marked_spoilers`].
    pub has_marked_spoilers: bool,
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

/// For our own pages: the highest heading is an `<h2>`, pictures have their sizes, ids begin with the last part of
/// the page's address, no styles, no event handlers, no `target`.
///
/// Spoilers are folded in `<details class="spoiler"><summary>…`; one in the middle of a paragraph is a
/// `<details class="spoiler inline">`, and that paragraph is a `<div class="paragraph">`, because `<p>` cannot hold it.
pub fn page_html(text: &Text, place: &Place<'_>) -> SafeHtml {
    page::render(&read(text), place)
}

/// For feed readers: absolute addresses, spoilers taken out and replaced by a link to the page.
pub fn feed_html(text: &Text, place: &Place<'_>) -> SafeHtml {
    feed::render(&read(text), place)
}

/// For Mastodon and its kin: only what their sanitisers keep; tables become lists, pictures links, headings bold.
///
/// Marked spoilers stay, between `[Spoiler]` and `[End of spoiler]`: a post with any stands behind a content warning
/// as a whole, and who opens that wants the review.
pub fn fediverse_html(text: &Text, place: &Place<'_>) -> SafeHtml {
    timeline::render(&read(text), place)
}

/// A stranger's post for our pages: the same elements as [`fediverse_html`], no pictures, links with
/// `rel="nofollow noopener ugc"`, no class but `mention`, `hashtag`, `invisible` and `ellipsis` (the last two only where
/// they shorten a link's own address), at most 10,000 characters. Takes anything of any size.
pub fn remote_html(html: &str) -> SafeHtml {
    remote::render(html)
}

/// A stranger's post as CommonMark: what [`remote_html`] shows, for files and terminals.
pub fn remote_markdown(html: &str) -> String {
    remote::markdown(html)
}

/// The words without markup and without marked spoilers: a blank line between blocks.
pub fn plain(text: &Text) -> String {
    plain::render(&read(text), Include::Open)
}

/// The first words in one line, spoiler-free, at most `chars_max` characters, cut at a word with `…`.
///
/// Headings, tables and code are left out where there are other words. Ends at `<!--more-->` where the text has it.
pub fn excerpt(text: &Text, chars_max: usize) -> String {
    match before_more(text) {
        Some(before) => excerpt_of(&read(&before), chars_max),
        None => excerpt_of(&read(text), chars_max),
    }
}

/// The number of words a reader reads, spoilers included.
pub fn words(text: &Text) -> u32 {
    plain::count_words(&plain::render(&read(text), Include::All))
}

/// Whether passages are marked as spoilers.
pub fn has_marked_spoilers(text: &Text) -> bool {
    spoiler::may_be_marked(&text.source) && spoiler::any(&read(text))
}

/// All that lists, search and summaries need, for a quarter of the work.
pub fn glance(text: &Text, excerpt_chars_max: usize) -> Glance {
    let document = read(text);
    let plain = plain::render(&document, Include::Open);
    let has_marked_spoilers = spoiler::any(&document);
    let words = match has_marked_spoilers || !document.notes.is_empty() {
        true => plain::count_words(&plain::render(&document, Include::All)),
        false => plain::count_words(&plain),
    };
    let excerpt = match before_more(text) {
        Some(before) => excerpt_of(&read(&before), excerpt_chars_max),
        None => excerpt_of(&document, excerpt_chars_max),
    };
    Glance { plain, excerpt, words, has_marked_spoilers }
}

/// The text as plain CommonMark, for NeoDB's `Review.content`: whatever syntax it was in, without HTML and shortcodes.
///
/// Marked spoilers stay, in NeoDB's marks (`>! ` before each line of a block, `>! … !<` in a line). Relative links and
/// pictures are left as their words.
pub fn markdown_source(text: &Text) -> String {
    source::render(&read(text))
}

/// The beginning of the text in at most `bytes_max` bytes, cut after a whole block (between words only where the first
/// block is too long), everything closed, and a paragraph with the link `more` (address, words) at the end. A text that
/// fits comes back unchanged.
pub fn cut_at_paragraph(html: &SafeHtml, bytes_max: usize, more: (&str, &str)) -> SafeHtml {
    cut::at_paragraph(html, bytes_max, more)
}

fn read(text: &Text) -> Document {
    let mut document = match text.format {
        Format::Markdown => read_markdown(&text.source),
        Format::Html => read_html(&text.source),
        Format::Plain => plaintext::read(&text.source),
    };
    spoiler::fold(&mut document);
    document
}

fn read_markdown(source: &str) -> Document {
    if !limits::markdown_fits(source) {
        return beyond_limits(source, source);
    }
    let prepared = prepare::prepare(source, Syntax::Markdown);
    let fits = matches!(prepared, std::borrow::Cow::Borrowed(_)) || limits::markdown_fits(&prepared);
    let document = if fits { markdown::read(&prepared) } else { None };
    document.unwrap_or_else(|| beyond_limits(source, source))
}

fn read_html(source: &str) -> Document {
    if source.len() > limits::MARKUP_BYTES_MAX || !limits::html_fits(source) {
        return beyond_limits(source, &limits::without_tags(source));
    }
    let prepared = prepare::prepare(source, Syntax::Html);
    html::read(&html::with_paragraphs(&prepared))
}

/// A text that no parser may see, as plain paragraphs. Where it may hold marked spoilers, all of it is one: nobody can
/// tell where they are.
fn beyond_limits(source: &str, words: &str) -> Document {
    let mut document = plaintext::read(words);
    if spoiler::may_be_marked(source) {
        document.blocks = vec![Block::Spoiler { title: None, content: document.blocks }];
    }
    document
}

fn excerpt_of(document: &Document, chars_max: usize) -> String {
    let prose = plain::render(document, Include::Prose);
    if prose.trim().is_empty() {
        return plain::first_words(&plain::render(document, Include::Open), chars_max);
    }
    plain::first_words(&prose, chars_max)
}

/// What stands before the mark by which reviewers end their excerpt, where that is more than a few words.
fn before_more(text: &Text) -> Option<Text> {
    if text.format == Format::Plain {
        return None;
    }
    let at = ["<!--more-->", "<!-- more -->", "<!--More-->", "<!--MORE-->"]
        .iter()
        .find_map(|mark| text.source.find(mark))?;
    let before = text.source.get(..at)?;
    (before.split_whitespace().count() >= 5).then(|| Text::new(text.format, before))
}
