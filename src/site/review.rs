//! The page of one review.

use std::sync::Arc;

use askama::Template;

use crate::{
    domain::{Book, Card, Comment, Format, Moment, Published, Reviewer, Text, address::segment},
    text::{self, Place, SafeHtml},
};

use super::{
    Conversation, REVIEWERS_IN_MASTHEAD, Shell,
    card::{
        CardView, CoverView, DateView, LONG_TITLE_CHARS, Link, PictureView, StarsView, author_links, book_path,
        card_path, reading_time, short_names, tag_links, year_in_words,
    },
    head::{Head, HeadImage, Kind, fediverse_address, reviewer_feeds},
    json_ld::JsonLd,
    rendered, statics,
};

/// Characters of a description: what search results and link cards show of it.
const DESCRIPTION_CHARS_MAX: usize = 200;
/// Authors listed beside the cover before the rest is folded.
const AUTHORS_LISTED: usize = 5;
/// Longest name of somebody who commented, in characters.
const NAME_CHARS_MAX: usize = 100;
/// A text shorter than this, in words, looks top-heavy under a large first letter.
const DROP_CAP_WORDS_MIN: u32 = 90;

/// A review with what stands around it.
pub struct ReviewPage<'a> {
    pub published: &'a Published,
    pub reviewer: &'a Reviewer,
    /// [`text::page_html`] of the body.
    pub body: &'a SafeHtml,
    /// [`text::page_html`] of the synopsis.
    pub synopsis: Option<&'a SafeHtml>,
    /// The reviewer's review before this one, and the one after.
    pub older: Option<&'a Card>,
    pub newer: Option<&'a Card>,
    /// Other reviews of the same book, by anyone.
    pub same_book: &'a [Arc<Card>],
    /// Reviews of other books by the same author; a handful.
    pub same_author: &'a [Arc<Card>],
    /// `None` where a review is shown before it is published.
    pub conversation: Option<&'a Conversation>,
}

/// `/@{handle}/{slug}`.
pub fn review(shell: &Shell<'_>, page: &ReviewPage<'_>) -> String {
    rendered(&ReviewTemplate::new(shell, page))
}

#[derive(Template)]
#[template(path = "review.html")]
struct ReviewTemplate<'a> {
    shell: &'a Shell<'a>,
    head: Head,
    page: &'a ReviewPage<'a>,
    path: String,
    title: String,
    /// So long that it is set smaller.
    long: bool,
    /// The book's title where a headline stands above it.
    work: Option<&'a str>,
    authors_short: String,
    book: &'a Book,
    book_path: String,
    /// The first few, and those behind a fold.
    authors: Vec<Link>,
    more_authors: Vec<Link>,
    language: &'a str,
    date: DateView,
    updated: Option<DateView>,
    reading_time: Option<String>,
    stars: Option<StarsView>,
    cover: CoverView,
    read: Vec<DateView>,
    started: Option<DateView>,
    tags: Vec<Link>,
    avatar: Option<PictureView>,
    empty: bool,
    drop_cap: bool,
    older: Option<Neighbour>,
    newer: Option<Neighbour>,
    same_book: Vec<CardView>,
    same_author: Vec<CardView>,
    talk: Option<&'a Conversation>,
    comments: Vec<CommentView>,
}

/// A comment from an old blog.
struct CommentView {
    name: String,
    date: Option<DateView>,
    content: SafeHtml,
}

struct Neighbour {
    path: String,
    title: String,
    authors: String,
}

impl<'a> ReviewTemplate<'a> {
    fn new(shell: &'a Shell<'a>, page: &'a ReviewPage<'a>) -> Self {
        let published = page.published;
        let review = &published.review;
        let book = &review.book;
        let words = text::words(&review.body);
        let mut authors = author_links(&book.authors);
        let title = review.headline.as_ref().unwrap_or(&book.title);
        let cards = |cards: &[Arc<Card>]| cards.iter().map(|card| CardView::new(shell, card)).collect();
        Self {
            shell,
            head: head(shell, page),
            page,
            path: path(published),
            title: title.clone(),
            long: title.chars().count() > LONG_TITLE_CHARS,
            work: review.headline.is_some().then_some(book.title.as_str()),
            authors_short: short_names(&book.authors),
            book,
            book_path: book_path(book),
            more_authors: authors.split_off(authors.len().min(AUTHORS_LISTED)),
            authors,
            language: review.language.as_deref().unwrap_or(&shell.site.language),
            date: DateView::new(review.date.unwrap_or(Moment::Instant(published.published))),
            updated: published.updated.map(|updated| DateView::new(Moment::Instant(updated))),
            reading_time: reading_time(words),
            stars: review.rating.as_ref().map(StarsView::new),
            cover: CoverView::new(book, published.cover.as_ref()),
            read: review.read.iter().copied().map(DateView::new).collect(),
            started: review.started.map(DateView::new),
            tags: tag_links(review.tags.iter()),
            avatar: page.reviewer.avatar.as_ref().map(|avatar| PictureView::new(avatar, String::new())),
            empty: review.body.is_empty(),
            drop_cap: words >= DROP_CAP_WORDS_MIN && begins_with_latin_letter(&text::plain(&review.body)),
            older: page.older.map(Neighbour::new),
            newer: page.newer.map(Neighbour::new),
            same_book: cards(page.same_book),
            same_author: cards(page.same_author),
            talk: page.conversation,
            comments: review.comments.iter().map(|comment| CommentView::new(comment, &path(published))).collect(),
        }
    }
}

impl CommentView {
    /// They are a stranger's words wherever they stand: no pictures, and links that recommend nothing.
    fn new(comment: &Comment, page: &str) -> Self {
        let words = Text::new(Format::Markdown, comment.text.clone());
        let html = text::page_html(&words, &Place { page, picture: &|_| None });
        Self {
            name: text::remote_text(&comment.name, NAME_CHARS_MAX),
            date: comment.date.map(DateView::new),
            content: text::remote_html(html.as_str()),
        }
    }
}

impl Neighbour {
    fn new(card: &Card) -> Self {
        Self {
            path: card_path(card),
            title: card.headline.clone().unwrap_or_else(|| card.book.title.clone()),
            authors: short_names(&card.book.authors),
        }
    }
}

fn head(shell: &Shell<'_>, page: &ReviewPage<'_>) -> Head {
    let published = page.published;
    let review = &published.review;
    let mut head = Head::new(shell, published.heading(), path(published));
    let (feed_title, feed_base) = reviewer_feeds(shell, page.reviewer);
    head = head.with_feeds(feed_title, feed_base);
    head.description = description(published);
    head.kind = Kind::Article;
    head.image = published.cover.as_ref().map(|cover| HeadImage::new(shell, cover, review.book.cover_alt()));
    head.published = Some(published.published.to_string());
    head.modified = published.updated.map(|updated| updated.to_string());
    head.creator = Some(fediverse_address(shell, &published.reviewer));
    head.language = review.language.clone().unwrap_or_else(|| shell.site.language.clone());
    head.activity = Some(shell.site.origin.note(&published.reviewer, &published.id));
    head.older = page.older.map(card_path);
    head.newer = page.newer.map(card_path);
    let comments = page.conversation.map_or(0, |talk| talk.paging.total) + review.comments.len();
    if comments > 0 {
        let name = format!("Replies to {} (RSS)", published.heading());
        head.replies = Some(Link { name, path: format!("{}/replies.xml", path(published)) });
    }
    head.json_ld = Some(JsonLd::review(shell, published, page.reviewer, comments));
    head
}

/// The reviewer's own summary, else the first words; of a review that gives the plot away, only what it is about.
fn description(published: &Published) -> String {
    let review = &published.review;
    let rated = review.rating.as_ref().map(|rating| format!("{}. ", rating.label())).unwrap_or_default();
    let words = match &review.summary {
        Some(summary) => summary.clone(),
        None if review.spoilers || review.body.is_empty() => format!("A review of {}.", review.book.by_line()),
        None => text::excerpt(&review.body, DESCRIPTION_CHARS_MAX),
    };
    format!("{rated}{words}")
}

fn path(published: &Published) -> String {
    format!("/@{}/{}", published.reviewer, published.slug)
}

/// A large initial is a habit of the Latin alphabet; the letters counted here are those of its European forms.
fn begins_with_latin_letter(text: &str) -> bool {
    text.trim_start_matches(['“', '‘', '"', '\'', '«', '„']).starts_with(|c: char| c.is_alphabetic() && c < '\u{250}')
}
