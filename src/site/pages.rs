//! The pages that list reviews, and those that explain.

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
    head::{FeedLink, Head, HeadImage, Kind, fediverse_address, reviewer_feeds},
    rendered, statics,
};

/// Where a list stands among its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    /// Counted from 1; the first holds the newest reviews. The page's address is `?page=2` and so on.
    pub page: u32,
    /// At least 1.
    pub pages: u32,
    /// Reviews on all pages together.
    pub total: usize,
}

/// One page of a list of reviews, newest first.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    pub cards: &'a [Arc<Card>],
    pub paging: Paging,
}

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

/// Why there is no page to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// There never was such a page.
    NotFound,
    /// The review was taken back by its reviewer, for good.
    Gone,
    /// Too many requests from one client.
    TooMany,
    /// Something broke on our side.
    Broken,
    /// Starting, stopping or overloaded: soon again.
    Unavailable,
    /// The request was meant for another host (RFC 9110, section 15.5.20).
    Misdirected,
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
    group(shell, Group::new("Subject", tag, &path, listing, shell).with_feed(format!("{path}/")), head, listing)
}

/// `/authors/{author}`: reviews of the books of one author.
pub fn author(shell: &Shell<'_>, name: &str, listing: &Listing<'_>) -> String {
    let path = author_path(name);
    let mut head = Head::new(shell, name, listing.paging.path(&path));
    head.description = format!("Reviews of books by {name}.");
    group(shell, Group::new("Author", name, &path, listing, shell), head, listing)
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

/// `/feeds`: the feeds, and what one does with them.
pub fn feeds(shell: &Shell<'_>) -> String {
    let mut head = Head::new(shell, "Feeds", "/feeds");
    head.description = format!("How to follow {}.", shell.site.title);
    let everything = FeedLink { title: "All reviews".to_owned(), base: "/".to_owned() };
    let own = |reviewer: &&Reviewer| FeedLink {
        title: format!("Reviews by {}", reviewer.name),
        base: format!("/@{}/", reviewer.handle),
    };
    let feeds = std::iter::once(everything).chain(shell.reviewers.iter().map(own)).collect();
    let people = shell
        .reviewers
        .iter()
        .map(|reviewer| Link {
            name: fediverse_address(shell, &reviewer.handle),
            path: format!("/@{}", reviewer.handle),
        })
        .collect();
    rendered(&FeedsTemplate { shell, head, feeds, people })
}

/// An error page, to be sent with [`Trouble::status`].
pub fn trouble(shell: &Shell<'_>, trouble: Trouble) -> String {
    rendered(&TroubleTemplate { shell, head: Head::new(shell, trouble.title(), "/").hidden(), trouble })
}

fn group(shell: &Shell<'_>, group: Group, head: Head, listing: &Listing<'_>) -> String {
    let head = listing.paging.linked(head, &group.path);
    rendered(&GroupTemplate { shell, head, group })
}

impl Trouble {
    /// The HTTP status it is sent with.
    pub fn status(self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Gone => 410,
            Self::Misdirected => 421,
            Self::TooMany => 429,
            Self::Broken => 500,
            Self::Unavailable => 503,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::NotFound => "No such page",
            Self::Gone => "Taken back",
            Self::Misdirected => "Wrong address",
            Self::TooMany => "Too fast",
            Self::Broken => "Out of order",
            Self::Unavailable => "Back in a moment",
        }
    }

    fn explanation(self) -> &'static str {
        match self {
            Self::NotFound => "This leaf is missing from the volume. The address may be mistyped, or it never existed.",
            Self::Gone => "There was a review here. Its reviewer has taken it back, and it will not return.",
            Self::Misdirected => "This request was meant for another site. Check the address and try again.",
            Self::TooMany => "You turn the pages faster than we can print them. Wait a minute, then go on.",
            Self::Broken => "Something broke on our side. It has been noted; try again a little later.",
            Self::Unavailable => "The press is being cleaned. Try again in a few seconds.",
        }
    }
}

impl Paging {
    /// Everything on one page.
    pub fn single(total: usize) -> Self {
        Self { page: 1, pages: 1, total }
    }

    /// The address of this page of the list at `base`.
    fn path(self, base: &str) -> String {
        numbered(base, self.page)
    }

    fn newer(self, base: &str) -> Option<String> {
        (self.page > 1).then(|| numbered(base, self.page - 1))
    }

    fn older(self, base: &str) -> Option<String> {
        (self.page < self.pages).then(|| numbered(base, self.page + 1))
    }

    fn linked(self, mut head: Head, base: &str) -> Head {
        head.newer = self.newer(base);
        head.older = self.older(base);
        head
    }
}

fn numbered(base: &str, page: u32) -> String {
    match (page, base.contains('?')) {
        (1, _) => base.to_owned(),
        (_, true) => format!("{base}&page={page}"),
        (_, false) => format!("{base}?page={page}"),
    }
}

/// A list as templates show it.
struct List {
    cards: Vec<CardView>,
    paging: Paging,
    newer: Option<String>,
    older: Option<String>,
}

impl List {
    fn new(shell: &Shell<'_>, listing: &Listing<'_>, base: &str) -> Self {
        Self {
            cards: listing.cards.iter().map(|card| CardView::new(shell, card)).collect(),
            paging: listing.paging,
            newer: listing.paging.newer(base),
            older: listing.paging.older(base),
        }
    }

    /// "1 review", "12 reviews".
    fn count(&self) -> String {
        match self.paging.total {
            1 => "1 review".to_owned(),
            total => format!("{total} reviews"),
        }
    }
}

/// What the reviews of a list have in common.
struct Group {
    label: &'static str,
    name: String,
    path: String,
    feed_base: Option<String>,
    list: List,
}

impl Group {
    fn new(label: &'static str, name: &str, path: &str, listing: &Listing<'_>, shell: &Shell<'_>) -> Self {
        let list = List::new(shell, listing, path);
        Self { label, name: name.to_owned(), path: path.to_owned(), feed_base: None, list }
    }

    fn with_feed(mut self, base: String) -> Self {
        self.feed_base = Some(base);
        self
    }
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
    group: Group,
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

#[derive(Template)]
#[template(path = "feeds.html")]
struct FeedsTemplate<'a> {
    shell: &'a Shell<'a>,
    head: Head,
    feeds: Vec<FeedLink>,
    people: Vec<Link>,
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroubleTemplate<'a> {
    shell: &'a Shell<'a>,
    head: Head,
    trouble: Trouble,
}
