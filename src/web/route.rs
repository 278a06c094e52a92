//! Which document an address names. Pure: path and query in, a route out.

use percent_encoding::percent_decode_str;

use super::conversation::Part;
use crate::{
    domain::{
        ArchivedFeed, DocumentName, Handle,
        address::{segment, tag_path},
        picture::Size,
    },
    feed::Dialect,
};

/// Every document of the site that is read with GET. ActivityPub documents have their own routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    Home {
        page: u32,
    },
    Profile {
        handle: Handle,
        page: u32,
    },
    Review {
        handle: Handle,
        slug: String,
        /// Which part of its conversation.
        part: Part,
    },
    /// The feed of what is answered.
    Replies {
        to: RepliesTo,
        dialect: Dialect,
    },
    Tag {
        key: String,
        page: u32,
    },
    Book {
        key: String,
        page: u32,
    },
    Author {
        key: String,
        page: u32,
    },
    Rating {
        stars: String,
        page: u32,
    },
    Archive {
        year: Option<i16>,
    },
    Search {
        query: String,
        page: u32,
    },
    /// The reviews in figures: everybody's or one reviewer's, of all years or of one.
    Stats {
        handle: Option<Handle>,
        year: Option<i16>,
        form: Form,
    },
    Feeds,
    Feed {
        scope: Scope,
        dialect: Dialect,
        /// How many newer items to pass over: `?from=50` is the second page of fifty.
        from: usize,
    },
    /// A document behind the current feed (RFC 5005 section 4).
    FeedArchive {
        feed: ArchivedFeed,
        dialect: Dialect,
        name: DocumentName,
    },
    FeedStyle,
    Hub,
    Media {
        key: String,
        size: Size,
    },
    /// The face of somebody from elsewhere.
    Portrait {
        key: String,
    },
    Static {
        path: String,
    },
    Robots,
    Sitemap {
        part: Option<usize>,
    },
    OpenSearch,
    Source,
    Health,
    Ready,
    /// The site's own addresses with a needless slash at the end: a permanent redirect to the one without.
    Elsewhere {
        path: String,
    },
    Unknown,
}

/// For whom a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Page,
    Json,
}

/// What a feed holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    Everything,
    Reviewer(Handle),
    Tag(String),
    /// An author of books, by the key in addresses.
    Author(String),
    /// Stars out of five, in halves.
    Rating(String),
}

/// Whose conversations a feed of replies holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RepliesTo {
    Everybody,
    Reviewer(Handle),
    /// One review, by what follows the reviewer in its address.
    Review(Handle, String),
}

impl RepliesTo {
    /// The path under which its feeds lie, without a trailing slash; empty for those of the whole site.
    pub fn path(&self) -> String {
        match self {
            Self::Everybody => String::new(),
            Self::Reviewer(handle) => format!("/@{handle}"),
            Self::Review(handle, slug) => format!("/@{handle}/{}", segment(slug)),
        }
    }
}

impl Scope {
    /// The path under which its feeds lie, without a trailing slash; empty for the feed of everything.
    pub fn path(&self) -> String {
        match self {
            Self::Everything => String::new(),
            Self::Reviewer(handle) => format!("/@{handle}"),
            Self::Tag(tag) => tag_path(tag),
            Self::Author(key) => format!("/authors/{key}"),
            Self::Rating(stars) => format!("/ratings/{stars}"),
        }
    }
}

/// The longest search that is looked for, in characters.
const QUERY_CHARS_MAX: usize = 200;

/// Reads an address. Unknown query parameters are ignored: feed readers and link trackers add them.
pub fn route(path: &str, query: Option<&str>) -> Route {
    let value = |name: &str| {
        url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let from = value("from").and_then(|from| from.parse().ok()).unwrap_or(0);
    let page = value("page").and_then(|page| page.parse().ok()).filter(|page| *page > 0).unwrap_or(1);
    let year = value("year").and_then(|year| year.parse().ok());
    let Some(parts) = path.strip_prefix('/').map(|rest| rest.split('/').map(decoded).collect::<Option<Vec<_>>>())
    else {
        return Route::Unknown;
    };
    let Some(parts) = parts else { return Route::Unknown };
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        [""] => Route::Home { page },
        ["archive"] => Route::Archive { year },
        ["stats"] => Route::Stats { handle: None, year, form: Form::Page },
        ["stats.json"] => Route::Stats { handle: None, year, form: Form::Json },
        ["stats", whose] => stats(whose, year, path),
        ["search"] => {
            let query = value("q").unwrap_or_default().chars().take(QUERY_CHARS_MAX).collect::<String>();
            Route::Search { query: query.trim().to_owned(), page }
        }
        ["feeds"] => Route::Feeds,
        ["feed.css"] => Route::FeedStyle,
        ["websub"] => Route::Hub,
        ["robots.txt"] => Route::Robots,
        ["sitemap.xml"] => Route::Sitemap { part: value("part").and_then(|part| part.parse().ok()) },
        ["opensearch.xml"] => Route::OpenSearch,
        ["source.tar.gz"] => Route::Source,
        ["healthz"] => Route::Health,
        ["readyz"] => Route::Ready,
        ["favicon.ico"] => Route::Static { path: "icon".to_owned() },
        ["static", ..] => Route::Static { path: path.to_owned() },
        ["media", name] => media(name),
        ["media", "avatars", name] => portrait(name),
        ["tags", tag] => Route::Tag { key: (*tag).to_owned(), page },
        ["tags", tag, document] => feed(Scope::Tag((*tag).to_owned()), document, from, path),
        ["books", key] => Route::Book { key: (*key).to_owned(), page },
        ["ratings", stars] => Route::Rating { stars: (*stars).to_owned(), page },
        ["ratings", stars, document] => feed(Scope::Rating((*stars).to_owned()), document, from, path),
        ["authors", key, document] => feed(Scope::Author((*key).to_owned()), document, from, path),
        [family @ ("feed" | "atom"), "archive", document] => archive(ArchivedFeed::Everything, family, document, path),
        ["authors", key] => Route::Author { key: (*key).to_owned(), page },
        [document] if !document.starts_with('@') => {
            replies(RepliesTo::Everybody, document).unwrap_or_else(|| feed(Scope::Everything, document, from, path))
        }
        [at, rest @ ..] => match (at.strip_prefix('@').map(Handle::parse), rest) {
            (Some(Ok(handle)), []) => Route::Profile { handle, page },
            (Some(Ok(handle)), [document]) if Dialect::of_reviews(document).is_some() => {
                feed(Scope::Reviewer(handle), document, from, path)
            }
            (Some(Ok(handle)), [document]) if Dialect::of_replies(document).is_some() => {
                replies(RepliesTo::Reviewer(handle), document).unwrap_or(Route::Unknown)
            }
            (Some(Ok(handle)), [family @ ("feed" | "atom"), "archive", document]) => {
                archive(ArchivedFeed::Reviewer(handle), family, document, path)
            }
            (Some(Ok(handle)), [slug]) if !slug.is_empty() => {
                let around = value("reply").and_then(|number| number.parse().ok()).map(Part::Around);
                Route::Review { handle, slug: (*slug).to_owned(), part: around.unwrap_or(Part::Page(page)) }
            }
            (Some(Ok(handle)), [slug, document]) if !slug.is_empty() => {
                replies(RepliesTo::Review(handle, (*slug).to_owned()), document).unwrap_or_else(|| elsewhere(path))
            }
            _ => elsewhere(path),
        },
        [] => Route::Unknown,
    }
}

/// `@ana`, `@ana.json`; a handle has no dot.
fn stats(whose: &str, year: Option<i16>, path: &str) -> Route {
    let (name, form) = whose.strip_suffix(".json").map_or((whose, Form::Page), |name| (name, Form::Json));
    match name.strip_prefix('@').map(Handle::parse) {
        Some(Ok(handle)) => Route::Stats { handle: Some(handle), year, form },
        Some(Err(_)) | None => elsewhere(path),
    }
}

fn feed(scope: Scope, document: &str, from: usize, path: &str) -> Route {
    Dialect::of_reviews(document).map_or_else(|| elsewhere(path), |dialect| Route::Feed { scope, dialect, from })
}

fn archive(feed: ArchivedFeed, family: &str, document: &str, path: &str) -> Route {
    let dialect = match (family, document.rsplit_once('.').map(|(_, extension)| extension)) {
        ("feed", Some("xml")) => Dialect::Rss,
        ("atom", Some("xml")) => Dialect::Atom,
        ("feed", Some("json")) => Dialect::Json,
        _ => return elsewhere(path),
    };
    let name = document.rsplit_once('.').and_then(|(name, _)| DocumentName::parse(name));
    name.map_or(Route::Unknown, |name| Route::FeedArchive { feed, dialect, name })
}

fn replies(to: RepliesTo, document: &str) -> Option<Route> {
    Dialect::of_replies(document).map(|dialect| Route::Replies { to, dialect })
}

fn portrait(name: &str) -> Route {
    match name.rsplit_once('.').filter(|(key, _)| is_key(key)) {
        Some((key, _)) => Route::Portrait { key: key.to_owned() },
        None => Route::Unknown,
    }
}

fn is_key(key: &str) -> bool {
    key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn media(name: &str) -> Route {
    let Some((stem, _extension)) = name.rsplit_once('.') else { return Route::Unknown };
    let (key, size) = stem.strip_suffix("-thumb").map_or((stem, Size::Full), |key| (key, Size::Thumb));
    if is_key(key) { Route::Media { key: key.to_owned(), size } } else { Route::Unknown }
}

fn elsewhere(path: &str) -> Route {
    match path.trim_end_matches('/') {
        trimmed if trimmed.len() < path.len() && !trimmed.is_empty() => {
            // Never `//host`: a redirect must stay on this site.
            Route::Elsewhere { path: format!("/{}", trimmed.trim_start_matches('/')) }
        }
        _ => Route::Unknown,
    }
}

fn decoded(part: &str) -> Option<String> {
    percent_decode_str(part).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle() -> Handle {
        Handle::parse("ana").unwrap()
    }

    #[test]
    fn addresses_name_their_documents() {
        let key = "0123456789abcdef0123456789abcdef";
        for (address, expected) in [
            ("/", Route::Home { page: 1 }),
            ("/?page=3&utm_source=x", Route::Home { page: 3 }),
            ("/@ana", Route::Profile { handle: handle(), page: 1 }),
            ("/@ana/dune", Route::Review { handle: handle(), slug: "dune".into(), part: Part::Page(1) }),
            ("/@ana/dune?page=2", Route::Review { handle: handle(), slug: "dune".into(), part: Part::Page(2) }),
            ("/@ana/dune?reply=12", Route::Review { handle: handle(), slug: "dune".into(), part: Part::Around(12) }),
            ("/replies.xml?x=1", Route::Replies { to: RepliesTo::Everybody, dialect: Dialect::Rss }),
            ("/@ana/replies.atom", Route::Replies { to: RepliesTo::Reviewer(handle()), dialect: Dialect::Atom }),
            (
                "/@ana/dune/replies.json",
                Route::Replies { to: RepliesTo::Review(handle(), "dune".into()), dialect: Dialect::Json },
            ),
            ("/@ana/dune/replies", Route::Unknown),
            ("/tags/dune/replies.xml", Route::Unknown),
            (&format!("/media/avatars/{key}.png"), Route::Portrait { key: key.into() }),
            ("/media/avatars/x.png", Route::Unknown),
            ("/@ana/", Route::Elsewhere { path: "/@ana".into() }),
            ("/@ana/dune/", Route::Elsewhere { path: "/@ana/dune".into() }),
            ("//evil.example/", Route::Elsewhere { path: "/evil.example".into() }),
            ("/@ana/feed.xml", Route::Feed { scope: Scope::Reviewer(handle()), dialect: Dialect::Rss, from: 0 }),
            ("/tags/a%2Fb/atom.xml", Route::Feed { scope: Scope::Tag("a/b".into()), dialect: Dialect::Atom, from: 0 }),
            ("/websub", Route::Hub),
            ("/tags/a%2Ffeed.xml", Route::Tag { key: "a/feed.xml".into(), page: 1 }),
            ("/feed.json", Route::Feed { scope: Scope::Everything, dialect: Dialect::Json, from: 0 }),
            (
                "/@ana/atom/archive/3-17.xml",
                Route::FeedArchive {
                    feed: ArchivedFeed::Reviewer(handle()),
                    dialect: Dialect::Atom,
                    name: DocumentName { document: 3, length: Some(17) },
                },
            ),
            ("/feed/archive/0.xml", Route::Unknown),
            ("/atom/archive/1.json", Route::Unknown),
            ("/ratings/4.5", Route::Rating { stars: "4.5".into(), page: 1 }),
            ("/ratings/5/feed.xml", Route::Feed { scope: Scope::Rating("5".into()), dialect: Dialect::Rss, from: 0 }),
            ("/tags/caf%C3%A9", Route::Tag { key: "café".into(), page: 1 }),
            ("/search?q=le+petit", Route::Search { query: "le petit".into(), page: 1 }),
            (&format!("/media/{key}-thumb.jpg"), Route::Media { key: key.into(), size: Size::Thumb }),
            ("/stats", Route::Stats { handle: None, year: None, form: Form::Page }),
            ("/stats?year=2024", Route::Stats { handle: None, year: Some(2024), form: Form::Page }),
            ("/stats.json", Route::Stats { handle: None, year: None, form: Form::Json }),
            ("/stats/@ana", Route::Stats { handle: Some(handle()), year: None, form: Form::Page }),
            ("/stats/@ana.json?year=2024", Route::Stats { handle: Some(handle()), year: Some(2024), form: Form::Json }),
            ("/stats/ana", Route::Unknown),
            ("/stats/", Route::Elsewhere { path: "/stats".into() }),
            ("/@ana/stats", Route::Review { handle: handle(), slug: "stats".into(), part: Part::Page(1) }),
            ("/media/../../etc/passwd", Route::Unknown),
            ("/%ff", Route::Unknown),
            ("/@Ana", Route::Unknown),
            ("/wp-login.php", Route::Unknown),
        ] {
            let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
            assert_eq!(route(path, query), expected, "{address}");
        }
    }
}
