//! The pages that list reviews: newest first, by reviewer, subject, author, book and year, and as found.

use std::sync::Arc;

use askama::Template;

use crate::{
    domain::{
        Book, Card, Picture, Reviewer,
        address::{segment, tag_path},
    },
    text::SafeHtml,
};

use super::{
    REVIEWERS_IN_MASTHEAD, Shell,
    card::{CardView, CoverView, Link, PictureView, author_links, author_path, book_path, year_in_words},
    head::{Head, HeadImage, Kind, fediverse_address, reviewer_feeds},
    list::{List, Listing},
    rendered, statics,
    stats::stats_path,
};

/// A tag or an author with the number of reviews.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    pub name: String,
    pub reviews: usize,
}

/// All reviews by year, one year at a time.
#[derive(Debug, Clone, Copy)]
pub struct Archive<'a> {
    /// Years of [`Card::shown_date`] with their number of reviews, newest first.
    pub years: &'a [(i16, usize)],
    /// The year that is shown: the newest at `/archive`, another at `/archive?year=2019`.
    pub year: i16,
    /// The reviews of that year, newest first.
    pub cards: &'a [Arc<Card>],
    pub tags: &'a [Counted],
    pub authors: &'a [Counted],
}

/// `/`.
pub fn home(shell: &Shell<'_>, listing: &Listing<'_>) -> String {
    let head = Head::new(shell, "", listing.paging.path("/"));
    rendered(&HomeTemplate { shell, list: List::new(shell, listing, "/"), head: listing.paging.linked(head, "/") })
}

/// `/@{handle}`; `bio` is [`crate::text::page_html`] of the reviewer's.
pub fn profile(shell: &Shell<'_>, reviewer: &Reviewer, bio: &SafeHtml, listing: &Listing<'_>) -> String {
    let path = format!("/@{}", reviewer.handle);
    let (feed_title, feed_base) = reviewer_feeds(shell, reviewer);
    let mut head =
        Head::new(shell, reviewer.name.clone(), listing.paging.path(&path)).with_feeds(feed_title, feed_base);
    head.kind = Kind::Profile;
    head.description = format!("Book reviews by {}.", reviewer.name);
    head.activity = Some(shell.site.origin.actor(&reviewer.handle));
    head.creator = Some(fediverse_address(shell, &reviewer.handle));
    head.image =
        reviewer.avatar.as_ref().map(|avatar| HeadImage::new(shell, avatar, format!("Portrait of {}", reviewer.name)));
    rendered(&ProfileTemplate {
        shell,
        head: listing.paging.linked(head, &path),
        reviewer,
        bio,
        avatar: reviewer
            .avatar
            .as_ref()
            .map(|avatar| PictureView::new(avatar, format!("Portrait of {}", reviewer.name))),
        address: fediverse_address(shell, &reviewer.handle),
        list: List::new(shell, listing, &path),
        path,
    })
}

/// `/tags/{tag}`; `tag` as people read it.
pub fn tag(shell: &Shell<'_>, tag: &str, listing: &Listing<'_>) -> String {
    let path = tag_path(tag);
    let mut head = Head::new(shell, tag, listing.paging.path(&path))
        .with_feeds(format!("{tag} · {}", shell.site.title), format!("{path}/"));
    head.description = format!("Reviews tagged “{tag}”.");
    rendered(&GroupTemplate {
        shell,
        head: listing.paging.linked(head, &path),
        label: "Subject",
        name: tag,
        list: List::new(shell, listing, &path),
        feed_base: Some(format!("{path}/")),
    })
}

/// `/ratings/{stars}`: reviews that give so many stars out of five.
pub fn rating(shell: &Shell<'_>, stars: &str, listing: &Listing<'_>) -> String {
    let (name, path) = (stars_in_words(stars), format!("/ratings/{stars}"));
    let mut head = Head::new(shell, &name, listing.paging.path(&path))
        .with_feeds(format!("{name} · {}", shell.site.title), format!("{path}/"));
    head.description = format!("Reviews with {name}.");
    rendered(&GroupTemplate {
        shell,
        head: listing.paging.linked(head, &path),
        label: "Rating",
        name: &name,
        list: List::new(shell, listing, &path),
        feed_base: Some(format!("{path}/")),
    })
}

/// `1 star`, `4.5 stars`.
pub fn stars_in_words(stars: &str) -> String {
    if stars == "1" { "1 star".to_owned() } else { format!("{stars} stars") }
}

/// `/authors/{author}`: reviews of the books of one author.
pub fn author(shell: &Shell<'_>, name: &str, listing: &Listing<'_>) -> String {
    let path = author_path(name);
    let mut head = Head::new(shell, name, listing.paging.path(&path))
        .with_feeds(format!("Books by {name} · {}", shell.site.title), format!("{path}/"));
    head.description = format!("Reviews of books by {name}.");
    rendered(&GroupTemplate {
        shell,
        head: listing.paging.linked(head, &path),
        label: "Author",
        name,
        list: List::new(shell, listing, &path),
        feed_base: Some(format!("{path}/")),
    })
}

/// `/books/{key}`: all reviews of one book.
pub fn book(shell: &Shell<'_>, book: &Book, cover: Option<&Picture>, listing: &Listing<'_>) -> String {
    let path = book_path(book);
    let mut head = Head::new(shell, book.by_line(), listing.paging.path(&path));
    head.description = format!("Reviews of {}.", book.by_line());
    head.image = cover.map(|cover| HeadImage::new(shell, cover, book.cover_alt()));
    rendered(&BookTemplate {
        shell,
        head: listing.paging.linked(head, &path),
        book,
        authors: author_links(&book.authors),
        cover: CoverView::new(book, cover),
        list: List::new(shell, listing, &path),
    })
}

/// `/archive` and `/archive?year=2019`.
pub fn archive(shell: &Shell<'_>, archive: &Archive<'_>) -> String {
    let newest = archive.years.first().is_none_or(|(year, _)| *year == archive.year);
    let path = if newest { "/archive".to_owned() } else { format!("/archive?year={}", archive.year) };
    let mut head = Head::new(shell, format!("Archive {}", archive.year), path);
    head.description = format!("All reviews of {}.", archive.year);
    rendered(&ArchiveTemplate {
        shell,
        head,
        archive,
        cards: archive.cards.iter().map(|card| CardView::new(shell, card)).collect(),
    })
}

/// `/search?q=…`; `found` is `None` where nothing was asked yet.
pub fn search(shell: &Shell<'_>, query: &str, found: Option<&Listing<'_>>) -> String {
    let title = if query.is_empty() { "Search".to_owned() } else { format!("Search: {query}") };
    let base = format!("/search?q={}", segment(query));
    let head = Head::new(shell, title, "/search").hidden();
    rendered(&SearchTemplate { shell, head, query, list: found.map(|listing| List::new(shell, listing, &base)) })
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomeTemplate<'a> {
    shell: &'a Shell<'a>,
    head: Head,
    list: List,
}

#[derive(Template)]
#[template(path = "profile.html")]
struct ProfileTemplate<'a> {
    shell: &'a Shell<'a>,
    head: Head,
    reviewer: &'a Reviewer,
    bio: &'a SafeHtml,
    avatar: Option<PictureView>,
    address: String,
    path: String,
    list: List,
}

#[derive(Template)]
#[template(path = "group.html")]
struct GroupTemplate<'a> {
    shell: &'a Shell<'a>,
    head: Head,
    /// What the reviews have in common.
    label: &'static str,
    name: &'a str,
    list: List,
    /// `/tags/poetry/`, where the group has feeds of its own.
    feed_base: Option<String>,
}

#[derive(Template)]
#[template(path = "book.html")]
struct BookTemplate<'a> {
    shell: &'a Shell<'a>,
    head: Head,
    book: &'a Book,
    authors: Vec<Link>,
    cover: CoverView,
    list: List,
}

#[derive(Template)]
#[template(path = "archive.html")]
struct ArchiveTemplate<'a> {
    shell: &'a Shell<'a>,
    head: Head,
    archive: &'a Archive<'a>,
    cards: Vec<CardView>,
}

#[derive(Template)]
#[template(path = "search.html")]
struct SearchTemplate<'a> {
    shell: &'a Shell<'a>,
    head: Head,
    query: &'a str,
    list: Option<List>,
}
