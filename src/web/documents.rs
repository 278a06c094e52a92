//! Makes the document of a route from the library and the store.

use std::{collections::BTreeMap, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::StatusCode;
use jiff::Timestamp;

use super::{
    Web, WebError, archives,
    conversation::{Conversed, Part, Talk},
    representation::Policy,
    route::{Form, Route, Scope},
    shelf::Document,
};
use crate::{
    domain::{
        Card, Handle, Published, Reviewer, Slug,
        address::{author_key, book_key, tag_key},
        ledger::Standing,
        picture::Size,
    },
    feed::{self, Addresses, Archive, Author, Dialect, Feed},
    publish::{Library, library::Group},
    site::{self, Listing, Paging, ReviewPage, Shell, SitemapUrl, StatsPage, Trouble},
    text::{self, Place, Shown},
};

/// Reviews on one page of a list.
const CARDS_PER_PAGE: usize = 20;
/// Reviews that a search finds at most.
const HITS_MAX: i64 = 200;
/// Words of a search that are looked for.
const SEARCH_WORDS_MAX: usize = 8;
/// Other books by the author named under a review.
const SAME_AUTHOR_MAX: usize = 4;

/// The last part of the address at which people expect a reviewer's figures.
const STATS: &str = "stats";

const HTML: &str = "text/html; charset=utf-8";

/// What a route leads to.
pub enum Found {
    Document(Box<Document>),
    /// A permanent redirect to another path of this site.
    MovedTo(String),
    /// A redirect to another path of this site that may be a different one tomorrow.
    SeeOther(String),
    Trouble(Trouble),
}

/// The reviews of a feed and what it is called.
pub(super) struct Selection<'a> {
    pub title: String,
    /// Without a trailing slash; empty for the feed of everything.
    pub path: String,
    pub cards: &'a [Arc<Card>],
    pub authors: Vec<&'a Reviewer>,
}

impl Web {
    /// Makes the document of a route as the library is now.
    pub(super) async fn find(&self, route: &Route, library: &Library) -> Result<Found, WebError> {
        match route {
            Route::Home { page } => Ok(self.list(library.cards(), *page, library, site::home)),
            Route::Profile { handle, page } => Ok(self.profile(handle, *page, library)),
            Route::Review { handle, slug, part } => self.review(handle, slug, *part, library).await,
            Route::Replies { to, dialect } => self.replies_feed(to, *dialect, library).await,
            Route::Tag { key, page } => Ok(match library.tags().get(&tag_key(key)) {
                Some(group) => {
                    self.list(&group.cards, *page, library, |shell, listing| site::tag(shell, &group.name, listing))
                }
                None => Found::Trouble(Trouble::NotFound),
            }),
            Route::Rating { stars, page } => Ok(match library.ratings().get(stars) {
                Some(group) => {
                    self.list(&group.cards, *page, library, |shell, listing| site::rating(shell, stars, listing))
                }
                None => Found::Trouble(Trouble::NotFound),
            }),
            Route::Author { key, page } => Ok(match library.authors().get(key) {
                Some(group) => {
                    self.list(&group.cards, *page, library, |shell, listing| site::author(shell, &group.name, listing))
                }
                None => Found::Trouble(Trouble::NotFound),
            }),
            Route::Book { key, page } => {
                Ok(match library.books().get(key).and_then(|group| Some((group, group.cards.first()?))) {
                    Some((group, first)) => self.list(&group.cards, *page, library, |shell, listing| {
                        let cover = group.cards.iter().find_map(|card| card.cover.as_ref());
                        site::book(shell, &first.book, cover, listing)
                    }),
                    None => Found::Trouble(Trouble::NotFound),
                })
            }
            Route::Archive { year } => Ok(self.archive(*year, library)),
            Route::Search { query, page } => self.search(query, *page, library).await,
            Route::Stats { handle, year, form } => Ok(self.stats(handle.as_ref(), *year, *form, library)),
            Route::Feeds => Ok(self.feeds(library)),
            Route::Feed { scope, dialect, from } => self.feed(scope, *dialect, *from, library).await,
            Route::FeedArchive { feed, dialect, name } => self.feed_archive(feed, *dialect, *name, library).await,
            Route::Hub => Ok(match self.about_hub() {
                Some(words) => self.plain("text/plain; charset=utf-8", words),
                None => Found::Trouble(Trouble::NotFound),
            }),
            Route::FeedStyle => Ok(self.plain("text/css; charset=utf-8", feed::feed_css())),
            Route::Robots => Ok(self.plain("text/plain; charset=utf-8", site::robots(&self.site))),
            Route::OpenSearch => Ok(self.plain("application/opensearchdescription+xml", site::open_search(&self.site))),
            Route::Sitemap { part } => Ok(self.sitemap(*part, library)),
            Route::Elsewhere { path } => Ok(Found::MovedTo(path.clone())),
            Route::Media { .. }
            | Route::Portrait { .. }
            | Route::Static { .. }
            | Route::Source
            | Route::Health
            | Route::Ready
            | Route::Unknown => Ok(Found::Trouble(Trouble::NotFound)),
        }
    }

    /// What all pages share.
    pub(super) fn shell(&self) -> Shell<'_> {
        Shell { site: &self.site, reviewers: self.reviewers.iter().collect(), still: self.still }
    }

    fn html(&self, body: String, changed: Option<Timestamp>) -> Found {
        Found::Document(Box::new(Document {
            status: StatusCode::OK,
            content_type: HTML,
            body: body.into_bytes(),
            last_modified: changed.unwrap_or(self.founded).max(self.founded),
            policy: Policy::PAGE,
            links: Vec::new(),
            is_page: true,
        }))
    }

    fn plain(&self, content_type: &'static str, body: impl Into<Vec<u8>>) -> Found {
        Found::Document(Box::new(Document {
            status: StatusCode::OK,
            content_type,
            body: body.into(),
            last_modified: self.founded,
            policy: Policy::FEED,
            links: Vec::new(),
            is_page: false,
        }))
    }

    fn list(
        &self,
        cards: &[Arc<Card>],
        page: u32,
        library: &Library,
        render: impl Fn(&Shell<'_>, &Listing<'_>) -> String,
    ) -> Found {
        let pages = cards.len().div_ceil(CARDS_PER_PAGE).max(1);
        let Some(shown) = cards.chunks(CARDS_PER_PAGE).nth(page as usize - 1).or((page == 1).then_some(&[])) else {
            return Found::Trouble(Trouble::NotFound);
        };
        let paging = Paging { page, pages: u32::try_from(pages).unwrap_or(u32::MAX), total: cards.len() };
        self.html(render(&self.shell(), &Listing { cards: shown, paging }), library.changed_among(cards))
    }

    fn profile(&self, handle: &Handle, page: u32, library: &Library) -> Found {
        let Some(reviewer) = self.reviewer(handle) else { return Found::Trouble(Trouble::NotFound) };
        let bio = text::page_html(
            &crate::domain::Text::new(crate::domain::Format::Markdown, reviewer.bio.clone()),
            &Place { page: &self.site.origin.profile(handle), picture: &|_| None },
        );
        self.list(library.of_reviewer(handle), page, library, |shell, listing| {
            site::profile(shell, reviewer, &bio, listing)
        })
    }

    /// A live review's page; that of one whose Delete waits; a redirect from an address it had before; or "taken back".
    async fn review(&self, handle: &Handle, slug: &str, part: Part, library: &Library) -> Result<Found, WebError> {
        let Some(reviewer) = self.reviewer(handle) else { return Ok(Found::Trouble(Trouble::NotFound)) };
        let own = library.page(handle, &Slug::from_text(slug)).filter(|card| card.slug.as_str() == slug);
        let id = match own {
            Some(card) => card.id.clone(),
            None => match self.store.review_behind(handle, slug).await? {
                Some((_, Standing::Gone)) => return Ok(Found::Trouble(Trouble::Gone)),
                Some((id, Standing::Live | Standing::Leaving)) => id,
                // Where people look for them, as long as no book is called so.
                None if slug == STATS => return Ok(Found::SeeOther(site::stats_path(Some(handle), None))),
                None => return Ok(Found::Trouble(Trouble::NotFound)),
            },
        };
        let Some(published) = self.store.published(handle, &id).await? else {
            return Ok(Found::Trouble(Trouble::Gone));
        };
        if published.slug.as_str() != slug {
            return Ok(Found::MovedTo(format!("/@{handle}/{}", published.slug)));
        }
        match self.conversation(&published, part).await? {
            Conversed::Here(talk) => Ok(self.review_page(reviewer, &published, &talk, library)),
            Conversed::At(place) => Ok(Found::SeeOther(format!("/@{handle}/{slug}{place}"))),
        }
    }

    fn review_page(&self, reviewer: &Reviewer, published: &Published, talk: &Talk, library: &Library) -> Found {
        let origin = &self.site.origin;
        let address = origin.page(&published.reviewer, &published.slug);
        let shown = |address: &str| {
            let picture = published.pictures.get(address)?;
            Some(Shown { url: origin.media(picture, Size::Full), width: picture.width, height: picture.height })
        };
        let place = Place { page: &address, picture: &shown };
        let body = text::page_html(&published.review.body, &place);
        let synopsis = published.review.synopsis.as_ref().map(|synopsis| text::page_html(synopsis, &place));
        let card = published.card(String::new(), 0);
        let (older, newer) = library.neighbours(&card);
        let same_book = library.same_book(&card);
        let same_author = same_author(&card, library);
        let html = site::review(
            &self.shell(),
            &ReviewPage {
                published,
                reviewer,
                body: &body,
                synopsis: synopsis.as_ref(),
                older: older.map(Arc::as_ref),
                newer: newer.map(Arc::as_ref),
                same_book: &same_book,
                same_author: &same_author,
                conversation: Some(&talk.shown),
            },
        );
        let note = origin.note(&published.reviewer, &published.id);
        let said = talk.changed.unwrap_or(Timestamp::MIN);
        Found::Document(Box::new(Document {
            status: StatusCode::OK,
            content_type: HTML,
            body: html.into_bytes(),
            last_modified: library.changed().unwrap_or(published.changed()).max(said),
            policy: Policy { any_origin: false, ..Policy::NEGOTIATED },
            links: vec![(note, "rel=\"alternate\"; type=\"application/activity+json\"".to_owned())],
            is_page: true,
        }))
    }

    fn archive(&self, year: Option<i16>, library: &Library) -> Found {
        let mut by_year: BTreeMap<i16, Vec<Arc<Card>>> = BTreeMap::new();
        for card in library.cards() {
            by_year.entry(card.shown_date().date().year()).or_default().push(Arc::clone(card));
        }
        let years: Vec<(i16, usize)> = by_year.iter().rev().map(|(year, cards)| (*year, cards.len())).collect();
        let Some(year) = year.or(years.first().map(|(year, _)| *year)) else {
            return self.list(&[], 1, library, site::home);
        };
        let Some(cards) = by_year.get_mut(&year) else { return Found::Trouble(Trouble::NotFound) };
        cards.sort_by_key(|card| std::cmp::Reverse(card.shown_date().timestamp()));
        let (tags, authors) = (counted(library.tags()), counted(library.authors()));
        let archive = site::Archive { years: &years, year, cards, tags: &tags, authors: &authors };
        self.html(site::archive(&self.shell(), &archive), library.changed())
    }

    fn stats(&self, handle: Option<&Handle>, year: Option<i16>, form: Form, library: &Library) -> Found {
        let reviewer = match handle.map(|handle| self.reviewer(handle)) {
            Some(None) => return Found::Trouble(Trouble::NotFound),
            Some(reviewer) => reviewer,
            None => None,
        };
        let cards = handle.map_or(library.cards(), |handle| library.of_reviewer(handle));
        let mut years: BTreeMap<i16, usize> = BTreeMap::new();
        for card in cards {
            *years.entry(card.shown_date().date().year()).or_default() += 1;
        }
        if year.is_some_and(|year| !years.contains_key(&year)) {
            return Found::Trouble(Trouble::NotFound);
        }
        let statistics = site::statistics(cards, &self.site.origin, handle, year);
        let changed = library.changed_among(cards);
        match form {
            Form::Page => {
                let years: Vec<(i16, usize)> = years.into_iter().rev().collect();
                let page = StatsPage { statistics: &statistics, reviewer, years: &years };
                self.html(site::stats(&self.shell(), &page), changed)
            }
            Form::Json => Found::Document(Box::new(Document {
                status: StatusCode::OK,
                content_type: "application/json",
                body: site::stats_json(&statistics).into_bytes(),
                last_modified: changed.unwrap_or(self.founded).max(self.founded),
                policy: Policy::FEED,
                links: Vec::new(),
                is_page: false,
            })),
        }
    }

    async fn search(&self, query: &str, page: u32, library: &Library) -> Result<Found, WebError> {
        let words: Vec<String> =
            query.to_lowercase().split_whitespace().take(SEARCH_WORDS_MAX).map(str::to_owned).collect();
        if words.is_empty() {
            return Ok(self.html(site::search(&self.shell(), query, None), library.changed()));
        }
        let hits = self.store.search(&words, HITS_MAX).await?;
        let cards: Vec<Arc<Card>> =
            hits.iter().filter_map(|hit| library.by_id(&hit.reviewer, &hit.id)).cloned().collect();
        Ok(self.list(&cards, page, library, |shell, listing| site::search(shell, query, Some(listing))))
    }

    /// The entries of one page of a feed; fewer than asked for where they would be more than so many bytes.
    pub(super) async fn entries(&self, cards: &[Arc<Card>], bytes_max: usize) -> Result<Vec<feed::Entry>, WebError> {
        let mut entries = Vec::new();
        let reviews: Vec<_> = cards.iter().map(|card| (card.reviewer.clone(), card.id.clone())).collect();
        let counts = self.store.conversation_counts(&reviews).await?;
        for (card, counts) in cards.iter().zip(counts) {
            let reviewer = self.reviewer(&card.reviewer);
            let published = self.store.published(&card.reviewer, &card.id).await?;
            if let (Some(reviewer), Some(published)) = (reviewer, published) {
                let entry = feed::Entry::new(&published, reviewer, &self.site);
                let entry = if self.feed_full_text { entry } else { entry.shortened() };
                // A reader that asks for each feed of replies asks only where there are some.
                let said = usize::try_from(counts.replies).unwrap_or(0) + published.review.comments.len();
                entries.push(match u32::try_from(said).unwrap_or(u32::MAX) {
                    0 => entry,
                    replies => entry.with_replies(replies),
                });
            }
        }
        Ok(feed::fit(entries, cards.len(), bytes_max))
    }

    async fn feed(&self, scope: &Scope, dialect: Dialect, from: usize, library: &Library) -> Result<Found, WebError> {
        Ok(match self.feed_model(scope, from, library).await? {
            Some(feed) => self.feed_document(&feed, dialect),
            None => Found::Trouble(Trouble::NotFound),
        })
    }

    /// A feed as it is sent, with its hubs and itself in the headers too (WebSub section 4).
    pub(super) fn feed_document(&self, feed: &Feed, dialect: Dialect) -> Found {
        let hubs = feed.hubs.iter().map(|hub| (hub.clone(), "rel=\"hub\"".to_owned()));
        let own = (feed.address.of(dialect).to_owned(), "rel=\"self\"".to_owned());
        Found::Document(Box::new(Document {
            status: StatusCode::OK,
            content_type: dialect.content_type(),
            body: feed.write(dialect).into_bytes(),
            last_modified: feed.updated,
            policy: Policy::FEED,
            links: hubs.chain([own]).collect(),
            is_page: false,
        }))
    }

    /// A feed from some item on, for readers and subscribers alike; `None` where there is no such feed.
    pub(super) async fn feed_model(
        &self,
        scope: &Scope,
        from: usize,
        library: &Library,
    ) -> Result<Option<Feed>, WebError> {
        let Some(selection) = self.feed_scope(scope, library) else { return Ok(None) };
        let cards = selection.cards;
        let Some(older) = cards.get(from..).filter(|older| from == 0 || !older.is_empty()) else { return Ok(None) };
        let changed = library.changed_among(cards).unwrap_or(self.founded).max(self.founded);
        let base = self.site.origin.at(&selection.path);
        let address = Addresses::under(&base);
        let mut feed = Feed { updated: changed, ..self.feed_frame(&selection) };
        match archives::archived(scope).filter(|_| from == 0).and_then(|archived| library.window(&archived)) {
            Some(window) => {
                // The archive has what the window leaves out, so nothing more may be cut off here.
                feed.entries = self.entries(&window.cards, usize::MAX).await?;
                let prev = archives::newest(window).map(|name| Addresses::archive(&base, &name.to_string()));
                feed.archive = Archive::Current { prev };
            }
            None => {
                feed.entries = self.entries(&older[..older.len().min(self.feed_items)], feed::BYTES_MAX).await?;
                let next = from + feed.entries.len();
                // A copy has the archives, and would be many times its size with every page of every group's feed.
                feed.next_page = (next < cards.len() && !self.still).then(|| address.clone().from_item(next));
            }
        }
        if from > 0 {
            feed.address = address.from_item(from);
        } else if !self.still {
            // Hubs know the newest items only.
            feed.hubs = self.hub.addresses();
        }
        Ok(Some(feed))
    }

    /// A feed without its items.
    pub(super) fn feed_frame(&self, selection: &Selection<'_>) -> Feed {
        let Selection { title, path, authors, .. } = selection;
        let base = self.site.origin.at(path);
        Feed {
            title: title.clone(),
            description: self.site.description.clone(),
            address: Addresses::under(&base),
            home: if path.is_empty() { self.site.origin.home() } else { base },
            id: if path.is_empty() { self.feed_id.clone() } else { part_id(&self.feed_id, path) },
            language: self.site.language.clone(),
            updated: self.founded,
            authors: authors.iter().map(|reviewer| Author::new(reviewer, &self.site.origin)).collect(),
            icons: Vec::new(),
            hubs: Vec::new(),
            entries: Vec::new(),
            archive: Archive::Current { prev: None },
            next_page: None,
            source_url: self.site.source_url.clone(),
        }
    }

    /// What a feed holds; `None` where there is no such reviewer, tag, author or rating.
    pub(super) fn feed_scope<'a>(&'a self, scope: &Scope, library: &'a Library) -> Option<Selection<'a>> {
        let title = &self.site.title;
        match scope {
            Scope::Everything => Some(Selection {
                title: title.clone(),
                path: scope.path(),
                cards: library.cards(),
                authors: self.reviewers.iter().collect(),
            }),
            Scope::Reviewer(handle) => {
                let reviewer = self.reviewer(handle)?;
                let cards = library.of_reviewer(handle);
                let title = format!("{} · {title}", reviewer.name);
                Some(Selection { title, path: scope.path(), cards, authors: vec![reviewer] })
            }
            Scope::Tag(tag) => {
                let group = library.tags().get(&tag_key(tag))?;
                Some(self.group_feed(group, group.name.clone(), scope.path()))
            }
            Scope::Author(key) => {
                let group = library.authors().get(key)?;
                Some(self.group_feed(group, format!("Books by {}", group.name), scope.path()))
            }
            Scope::Rating(stars) => {
                let group = library.ratings().get(stars)?;
                Some(self.group_feed(group, site::stars_in_words(stars), scope.path()))
            }
        }
    }

    fn group_feed<'a>(&'a self, group: &'a Group, name: String, path: String) -> Selection<'a> {
        let authors = self.reviewers.iter().filter(|one| group.cards.iter().any(|card| card.reviewer == one.handle));
        let title = format!("{name} · {}", self.site.title);
        Selection { title, path, cards: &group.cards, authors: authors.collect() }
    }

    fn feeds(&self, library: &Library) -> Found {
        let page = site::FeedsPage {
            hub: self.hub.is_open() && !self.still,
            full_text: self.feed_full_text,
            tags: counted(library.tags()),
            authors: counted(library.authors()),
            ratings: counted(library.ratings()),
        };
        self.html(site::feeds(&self.shell(), &page), library.changed())
    }

    fn sitemap(&self, part: Option<usize>, library: &Library) -> Found {
        let origin = &self.site.origin;
        let mut urls = vec![SitemapUrl { url: origin.home(), changed: library.changed() }];
        for reviewer in &self.reviewers {
            let changed = library.changed_among(library.of_reviewer(&reviewer.handle));
            urls.push(SitemapUrl { url: origin.profile(&reviewer.handle), changed });
        }
        for path in ["/archive", "/stats"].into_iter().filter(|_| !library.cards().is_empty()) {
            urls.push(SitemapUrl { url: origin.at(path), changed: library.changed() });
        }
        for card in library.cards() {
            urls.push(SitemapUrl { url: origin.page(&card.reviewer, &card.slug), changed: Some(card.changed()) });
        }
        let xml = match part {
            None => Some(site::sitemap(&self.site, &urls)),
            Some(part) => site::sitemap_part(&urls, part),
        };
        xml.map_or(Found::Trouble(Trouble::NotFound), |xml| self.plain("application/xml", xml))
    }

    pub(super) fn reviewer(&self, handle: &Handle) -> Option<&Reviewer> {
        self.reviewers.iter().find(|reviewer| reviewer.handle == *handle)
    }
}

/// The id of a part of the site's feed: made from the whole's, so it stays when domain and title change (RFC 9562, version 8).
pub(super) fn part_id(feed_id: &str, path: &str) -> String {
    let hash = digest(&SHA256, format!("{feed_id}{path}").as_bytes());
    let bytes = hash.as_ref().first_chunk::<16>().copied().unwrap_or_default();
    format!("urn:uuid:{}", uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

fn counted(groups: &BTreeMap<String, Group>) -> Vec<site::Counted> {
    groups.values().map(|group| site::Counted { name: group.name.clone(), reviews: group.cards.len() }).collect()
}

/// Reviews of other books by the first author, newest first.
fn same_author(card: &Card, library: &Library) -> Vec<Arc<Card>> {
    let own_book = book_key(&card.book);
    let group = card.book.authors.first().and_then(|author| library.authors().get(&author_key(author)));
    let others = group.into_iter().flat_map(|group| &group.cards).filter(|other| book_key(&other.book) != own_book);
    others.take(SAME_AUTHOR_MAX).cloned().collect()
}
