//! The ActivityPub documents behind our addresses. All of them are public and served to unsigned requests too: a server
//! that fetches our key while we fetch its own must not be asked for a signature (FEDERATION.md of the project).

use std::{collections::HashMap, sync::Arc};

use axum::{
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{
    Web, WebError,
    collections::Part,
    negotiate::accepts_activity_json,
    representation::{Policy, Representation},
    route,
    shelf::Document,
};
use crate::{
    domain::{Card, Genre, Handle, Published, ReviewId, Reviewer, Slug, ledger::Standing as Place, message::Audience},
    fediverse::{
        activity,
        actor::{self, Standing},
        book,
        collection::{self, Page},
        context::ACTIVITY_JSON,
        discovery::{self, NoSubject, NodeInfo, Subject, Usage},
        note::{self, Counts, REPLIES_PER_PAGE, Speaker},
    },
    publish::Library,
    site::Trouble,
    store::{CameBack, StoreError},
};

const JRD: &str = "application/jrd+json; charset=utf-8";
/// Reviews that a first-time follower is shown: the only old posts that Mastodon imports.
const FEATURED: usize = 5;
/// Discovery changes with the settings only; errors are asked for again soon (RFC 7033 leaves it open).
const DISCOVERY: Policy = Policy { cache_control: "public, max-age=3600", vary: "Accept-Encoding", any_origin: true };
/// Numbers that change without a change of the library.
pub(super) const LIVE: Policy = Policy { cache_control: "no-cache", vary: "Accept, Accept-Encoding", any_origin: true };
/// BookWyrm gets another object behind the same id.
const NOTE: Policy =
    Policy { cache_control: "public, no-cache", vary: "Accept, User-Agent, Accept-Encoding", any_origin: true };

/// What the actor documents say of our keys.
#[derive(Debug, Clone, Default)]
pub struct PublicKeys {
    /// SPKI PEM.
    pub instance: String,
    pub reviewers: HashMap<Handle, String>,
}

/// An ActivityPub or discovery document that an address names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    WebFinger(String),
    HostMeta {
        json: bool,
    },
    NodeInfoLinks,
    NodeInfo(NodeInfo),
    Instance,
    Actor(Handle),
    Outbox(Handle, Option<Page>),
    People {
        handle: Handle,
        part: &'static str,
        page: bool,
    },
    Featured(Handle),
    Note(Handle, ReviewId),
    /// One of our answers, or its Create.
    Answer {
        handle: Handle,
        id: ReviewId,
        activity: bool,
    },
    Part {
        handle: Handle,
        id: ReviewId,
        part: Part,
    },
    QuoteStamp(Handle, String),
    Edition(String),
    Work(String),
    Author(String),
    Page {
        handle: Handle,
        slug: String,
    },
}

impl Web {
    /// Answers when the address and what is accepted name an ActivityPub or discovery document; `None` leaves the request
    /// to the pages.
    pub(super) async fn federated(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        let json = accepts_activity_json(headers);
        let wanted = wanted(uri.path(), uri.query(), json)?;
        if let (Wanted::Actor(_) | Wanted::Note(..) | Wanted::Answer { activity: false, .. }, false) = (&wanted, json) {
            return Some(self.to_the_page(&wanted).await);
        }
        let library = self.publisher.library();
        let answer = match wanted {
            Wanted::WebFinger(resource) => self.webfinger(method, headers, &resource).await,
            Wanted::HostMeta { json: false } => self.send(
                method,
                headers,
                "application/xrd+xml; charset=utf-8",
                discovery::host_meta_xml(&self.site.origin).into_bytes(),
                DISCOVERY,
            ),
            Wanted::HostMeta { json: true } => {
                self.send_json(method, headers, JRD, &discovery::host_meta_json(&self.site.origin), DISCOVERY)
            }
            Wanted::NodeInfoLinks => {
                let links = discovery::nodeinfo_links(&self.site.origin);
                self.send_json(method, headers, "application/json; charset=utf-8", &links, DISCOVERY)
            }
            Wanted::NodeInfo(version) => self.nodeinfo(method, headers, version, &library),
            Wanted::Instance => {
                let document = actor::instance(&self.site, &self.keys.instance);
                self.send_json(method, headers, ACTIVITY_JSON, &document, Policy::NEGOTIATED)
            }
            Wanted::Actor(handle) => self.actor(method, headers, &handle).await,
            Wanted::Outbox(handle, page) => self.outbox(method, headers, &handle, page, &library).await,
            Wanted::People { handle, part, page } => self.people(method, headers, &handle, part, page).await,
            Wanted::Featured(handle) => self.featured(method, headers, &handle, &library),
            Wanted::Note(handle, id) => self.note(method, headers, &handle, &id, &library).await,
            Wanted::Answer { handle, id, activity } => self.answer(method, headers, &handle, &id, activity).await,
            Wanted::Part { handle, id, part } => self.part(method, headers, &handle, &id, part).await,
            Wanted::QuoteStamp(handle, number) => self.quote_stamp(method, headers, &handle, &number).await,
            Wanted::Edition(key) => self.edition(method, headers, &key, &library),
            Wanted::Work(key) => self.work(method, headers, &key, &library),
            Wanted::Author(key) => self.author(method, headers, &key, &library),
            Wanted::Page { handle, slug } => self.note_of_page(method, headers, &handle, &slug, &library).await,
        };
        Some(answer)
    }

    /// A person who opens an id is sent to the page.
    async fn to_the_page(&self, wanted: &Wanted) -> Response {
        let path = match wanted {
            Wanted::Actor(handle) if self.reviewer(handle).is_some() => format!("/@{handle}"),
            Wanted::Note(handle, id) => match self.store.published(handle, id).await {
                Ok(Some(published)) => format!("/@{handle}/{}", published.slug),
                Ok(None) => match self.store.tombstone(Genre::Review, handle, id).await {
                    Ok(Some(_)) => return self.trouble(Trouble::Gone),
                    Ok(None) => return self.trouble(Trouble::NotFound),
                    Err(error) => return self.broken(&error.into()),
                },
                Err(error) => return self.broken(&error.into()),
            },
            Wanted::Answer { handle, id, .. } => return self.to_the_conversation(handle, id).await,
            _ => return self.trouble(Trouble::NotFound),
        };
        (StatusCode::FOUND, [(header::LOCATION, path), (header::VARY, "Accept".to_owned())]).into_response()
    }

    async fn webfinger(&self, method: &Method, headers: &HeaderMap, resource: &str) -> Response {
        let subject = match discovery::subject(&self.site.origin, resource) {
            Ok(subject) => subject,
            Err(problem) => {
                let status = match problem {
                    NoSubject::Unreadable => StatusCode::BAD_REQUEST,
                    NoSubject::Unknown => StatusCode::NOT_FOUND,
                };
                return plain(status, &problem.to_string());
            }
        };
        let document = match subject {
            Subject::Instance => discovery::webfinger_of_instance(&self.site),
            Subject::Reviewer(handle) => match self.reviewer(&handle) {
                _ if self.has_ended(&handle).await => return plain(StatusCode::GONE, "this account has ended"),
                Some(reviewer) => discovery::webfinger(&self.site, reviewer),
                None => return plain(StatusCode::NOT_FOUND, "nobody here has this name"),
            },
        };
        self.send_json(method, headers, JRD, &document, DISCOVERY)
    }

    fn nodeinfo(&self, method: &Method, headers: &HeaderMap, version: NodeInfo, library: &Library) -> Response {
        let usage = Usage { reviewers: self.reviewers.len() as u64, reviews: library.cards().len() as u64, replies: 0 };
        let content_type = match version {
            NodeInfo::V2_0 => "application/json; profile=\"http://nodeinfo.diaspora.software/ns/schema/2.0#\"",
            NodeInfo::V2_1 => "application/json; profile=\"http://nodeinfo.diaspora.software/ns/schema/2.1#\"",
        };
        self.send_json(method, headers, content_type, &discovery::nodeinfo(&self.site, version, &usage), DISCOVERY)
    }

    /// The actor without `@context`, for documents that embed it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn person(&self, reviewer: &Reviewer) -> Result<Value, StoreError> {
        let moved_to = self.store.moved_to(&reviewer.handle).await?;
        Ok(actor::person_object(&self.site, reviewer, &self.standing(reviewer, moved_to.as_deref())))
    }

    pub(super) fn standing<'a>(&'a self, reviewer: &Reviewer, moved_to: Option<&'a str>) -> Standing<'a> {
        Standing {
            public_key_pem: self.keys.reviewers.get(&reviewer.handle).map_or("", String::as_str),
            since: self.founded,
            approves_followers: self.approves_followers,
            moved_to,
        }
    }

    /// Whether the account was ended and everyone has been told. Until then the key is served: they check the Delete by it.
    async fn has_ended(&self, handle: &Handle) -> bool {
        // A database that does not answer ends no account.
        self.store.is_retired(handle).await.unwrap_or(false) && !self.store.has_mail_of(handle).await.unwrap_or(true)
    }

    async fn actor(&self, method: &Method, headers: &HeaderMap, handle: &Handle) -> Response {
        if self.has_ended(handle).await {
            return plain(StatusCode::GONE, "this account has ended");
        }
        let Some(reviewer) = self.reviewer(handle) else { return plain(StatusCode::NOT_FOUND, "no such reviewer") };
        let moved_to = match self.store.moved_to(handle).await {
            Ok(moved_to) => moved_to,
            Err(error) => return self.broken(&error.into()),
        };
        let document = actor::person(&self.site, reviewer, &self.standing(reviewer, moved_to.as_deref()));
        self.send_json(method, headers, ACTIVITY_JSON, &document, Policy::NEGOTIATED)
    }

    async fn outbox(
        &self,
        method: &Method,
        headers: &HeaderMap,
        handle: &Handle,
        page: Option<Page>,
        library: &Library,
    ) -> Response {
        let Some(reviewer) = self.reviewer(handle) else { return plain(StatusCode::NOT_FOUND, "no such reviewer") };
        let (origin, cards) = (&self.site.origin, library.of_reviewer(handle));
        let total = cards.len() as u64;
        let Some(page) = page else {
            return self.send_json(method, headers, ACTIVITY_JSON, &collection::outbox(origin, handle, total), LIVE);
        };
        let size = collection::OUTBOX_PAGE as usize;
        let number = match page {
            Page::Numbered(number) => number,
            Page::BookWyrm => 1,
        };
        let shown =
            cards.chunks(size).nth(usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1)).unwrap_or(&[]);
        let speaker = Speaker { site: &self.site, reviewer };
        let mut items = Vec::new();
        for card in shown {
            match self.store.published(handle, &card.id).await {
                Ok(Some(published)) => items.push(match page {
                    Page::BookWyrm => match self.store.came_back(handle, &card.id, REPLIES_PER_PAGE).await {
                        Ok(came_back) => note::review_object(&published, &speaker, &Counts::from(&came_back)),
                        Err(error) => return self.broken(&error.into()),
                    },
                    Page::Numbered(_) => embedded(&activity::create(&published, &speaker, Audience::Everyone).body),
                }),
                Ok(None) => {}
                Err(error) => return self.broken(&error.into()),
            }
        }
        let document = collection::outbox_page(origin, handle, total, page, items);
        self.send_json(method, headers, ACTIVITY_JSON, &document, LIVE)
    }

    async fn people(
        &self,
        method: &Method,
        headers: &HeaderMap,
        handle: &Handle,
        part: &'static str,
        page: bool,
    ) -> Response {
        if self.reviewer(handle).is_none() {
            return plain(StatusCode::NOT_FOUND, "no such reviewer");
        }
        let total = match part {
            "followers" => match self.store.count_followers(handle).await {
                Ok(total) => total,
                Err(error) => return self.broken(&error.into()),
            },
            _ => 0,
        };
        let origin = &self.site.origin;
        let document = if page {
            collection::people_page(origin, handle, part, total)
        } else {
            collection::people(origin, handle, part, total)
        };
        self.send_json(method, headers, ACTIVITY_JSON, &document, LIVE)
    }

    /// The best reviews, the newest of equals first.
    fn featured(&self, method: &Method, headers: &HeaderMap, handle: &Handle, library: &Library) -> Response {
        if self.reviewer(handle).is_none() {
            return plain(StatusCode::NOT_FOUND, "no such reviewer");
        }
        let mut best: Vec<&Arc<Card>> = library.of_reviewer(handle).iter().collect();
        let share = |card: &Card| card.rating.as_ref().and_then(crate::domain::Rating::share).unwrap_or(0.0);
        best.sort_by(|a, b| share(b).total_cmp(&share(a)).then_with(|| b.published.cmp(&a.published)));
        let notes: Vec<String> =
            best.iter().take(FEATURED).map(|card| self.site.origin.note(handle, &card.id)).collect();
        let document = collection::featured(&self.site.origin, handle, &notes);
        self.send_json(method, headers, ACTIVITY_JSON, &document, LIVE)
    }

    /// The Note; a `Review` for BookWyrm; a Tombstone with 410 after a deletion, and never otherwise.
    async fn note(
        &self,
        method: &Method,
        headers: &HeaderMap,
        handle: &Handle,
        id: &ReviewId,
        library: &Library,
    ) -> Response {
        let Some(reviewer) = self.reviewer(handle) else { return plain(StatusCode::NOT_FOUND, "no such reviewer") };
        let bookwyrm = is_bookwyrm(headers);
        let talk = self.store.talk_version(handle, id);
        let address = format!("{bookwyrm} note {handle}/{id} {talk}");
        let make = async {
            let Some(published) = self.store.published(handle, id).await? else {
                return Err(WebError::Trouble(Trouble::NotFound));
            };
            let came_back = self.store.came_back(handle, id, REPLIES_PER_PAGE).await?;
            Ok(self.note_document(reviewer, &published, &came_back, bookwyrm))
        };
        match self.shelf.get(library.version, &address, make).await {
            Ok(prepared) => prepared.respond(method, headers),
            Err(error) if matches!(&*error, WebError::Trouble(_)) => {
                self.tombstone(method, headers, Genre::Review, handle, id).await
            }
            Err(error) => self.broken(&error),
        }
    }

    fn note_document(
        &self,
        reviewer: &Reviewer,
        published: &Published,
        came_back: &CameBack,
        bookwyrm: bool,
    ) -> Document {
        let speaker = Speaker { site: &self.site, reviewer };
        let document = if bookwyrm {
            note::review_for_bookwyrm(published, &speaker, &Counts::from(came_back))
        } else {
            note::note(published, &speaker, &Counts::from(came_back))
        };
        let page = self.site.origin.page(&published.reviewer, &published.slug);
        Document {
            status: StatusCode::OK,
            content_type: ACTIVITY_JSON,
            body: document.to_string().into_bytes(),
            last_modified: published.changed(),
            policy: NOTE,
            links: vec![(page, "rel=\"alternate\"; type=\"text/html\"".to_owned())],
            is_page: false,
        }
    }

    pub(super) async fn tombstone(
        &self,
        method: &Method,
        headers: &HeaderMap,
        genre: Genre,
        handle: &Handle,
        id: &ReviewId,
    ) -> Response {
        let origin = &self.site.origin;
        let (address, unknown) = match genre {
            Genre::Review => (origin.note(handle, id), "no such review"),
            Genre::Answer => (origin.answer(handle, id), "no such answer"),
        };
        match self.store.tombstone(genre, handle, id).await {
            Ok(Some((published, deleted))) => {
                let document = activity::tombstone(&address, published, deleted);
                let mut response = self.send_json(method, headers, ACTIVITY_JSON, &document, LIVE);
                *response.status_mut() = StatusCode::GONE;
                response
            }
            Ok(None) => plain(StatusCode::NOT_FOUND, unknown),
            Err(error) => self.broken(&error.into()),
        }
    }

    async fn quote_stamp(&self, method: &Method, headers: &HeaderMap, handle: &Handle, number: &str) -> Response {
        match self.store.quote_stamp(handle, number).await {
            Ok(Some(stamp)) => {
                let origin = &self.site.origin;
                let document = activity::quote_authorization(origin, handle, number, &stamp.note, &stamp.quoted_by);
                self.send_json(method, headers, ACTIVITY_JSON, &document, LIVE)
            }
            Ok(None) => plain(StatusCode::NOT_FOUND, "no such stamp"),
            Err(error) => self.broken(&error.into()),
        }
    }

    fn edition(&self, method: &Method, headers: &HeaderMap, key: &str, library: &Library) -> Response {
        let Some(card) = book_of(key, library) else { return plain(StatusCode::NOT_FOUND, "no such book") };
        let cards = library.books().get(key).map_or(&[][..], |group| &group.cards);
        let cover = cards.iter().find_map(|card| card.cover.as_ref());
        let language = card.language.as_deref().unwrap_or(&self.site.language);
        let document = book::edition(&self.site.origin, &card.book, cover, language);
        self.send_json(method, headers, ACTIVITY_JSON, &document, Policy::NEGOTIATED)
    }

    fn work(&self, method: &Method, headers: &HeaderMap, key: &str, library: &Library) -> Response {
        let Some(card) = book_of(key, library) else { return plain(StatusCode::NOT_FOUND, "no such book") };
        let document = book::work(&self.site.origin, &card.book);
        self.send_json(method, headers, ACTIVITY_JSON, &document, Policy::NEGOTIATED)
    }

    fn author(&self, method: &Method, headers: &HeaderMap, key: &str, library: &Library) -> Response {
        let Some(group) = library.authors().get(key) else { return plain(StatusCode::NOT_FOUND, "no such author") };
        let document = book::author(&self.site.origin, &group.name);
        self.send_json(method, headers, ACTIVITY_JSON, &document, Policy::NEGOTIATED)
    }

    /// A server that opens the page is sent the Note, whose id leads it to the right address.
    async fn note_of_page(
        &self,
        method: &Method,
        headers: &HeaderMap,
        handle: &Handle,
        slug: &str,
        library: &Library,
    ) -> Response {
        let live = library.page(handle, &Slug::from_text(slug)).filter(|card| card.slug.as_str() == slug);
        let id = match live {
            Some(card) => Some(card.id.clone()),
            None => match self.store.review_behind(handle, slug).await {
                Ok(Some((id, Place::Live | Place::Leaving | Place::Gone))) => Some(id),
                Ok(None) => None,
                Err(error) => return self.broken(&error.into()),
            },
        };
        match id {
            Some(id) => self.note(method, headers, handle, &id, library).await,
            None => plain(StatusCode::NOT_FOUND, "no such review"),
        }
    }

    pub(super) fn send_json(
        &self,
        method: &Method,
        headers: &HeaderMap,
        content_type: &'static str,
        document: &Value,
        policy: Policy,
    ) -> Response {
        self.send(method, headers, content_type, document.to_string().into_bytes(), policy)
    }

    /// A small document made for this request.
    pub(super) fn send(
        &self,
        method: &Method,
        headers: &HeaderMap,
        content_type: &'static str,
        body: Vec<u8>,
        policy: Policy,
    ) -> Response {
        Representation::plain(content_type, body, self.founded, policy).respond(method, headers)
    }

    /// Something broke on our side: never 404 or 410, on which other servers delete their copy.
    pub(super) fn broken(&self, error: &WebError) -> Response {
        tracing::error!(%error, "a document could not be answered: {error}");
        (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "60")]).into_response()
    }
}

/// Reads an address; `json` says whether the request accepts ActivityPub.
fn wanted(path: &str, query: Option<&str>, json: bool) -> Option<Wanted> {
    let value = |name: &str| {
        url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let page = || value("page").and_then(|page| page.parse::<u64>().ok()).filter(|page| *page > 0);
    let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    Some(match parts.as_slice() {
        [".well-known", "webfinger"] => Wanted::WebFinger(value("resource").unwrap_or_default()),
        [".well-known", "host-meta"] => Wanted::HostMeta { json: false },
        [".well-known", "host-meta.json"] => Wanted::HostMeta { json: true },
        [".well-known", "nodeinfo"] => Wanted::NodeInfoLinks,
        ["nodeinfo", "2.0"] => Wanted::NodeInfo(NodeInfo::V2_0),
        ["nodeinfo", "2.1"] => Wanted::NodeInfo(NodeInfo::V2_1),
        ["actor"] => Wanted::Instance,
        ["users", handle, rest @ ..] => {
            let handle = Handle::parse(handle).ok()?;
            match rest {
                [] => Wanted::Actor(handle),
                ["outbox"] if value("type").as_deref() == Some("Review") => {
                    Wanted::Outbox(handle, Some(Page::BookWyrm))
                }
                ["outbox"] if value("page").is_some() => {
                    Wanted::Outbox(handle, Some(Page::Numbered(page().unwrap_or(1))))
                }
                ["outbox"] => Wanted::Outbox(handle, None),
                ["followers"] => Wanted::People { handle, part: "followers", page: value("page").is_some() },
                ["following"] => Wanted::People { handle, part: "following", page: value("page").is_some() },
                ["featured"] => Wanted::Featured(handle),
                ["quote_authorizations", number] => Wanted::QuoteStamp(handle, (*number).to_owned()),
                ["reviews", id] => Wanted::Note(handle, ReviewId::parse(id)?),
                ["replies", id] => Wanted::Answer { handle, id: ReviewId::parse(id)?, activity: false },
                ["replies", id, "activity"] => Wanted::Answer { handle, id: ReviewId::parse(id)?, activity: true },
                ["reviews", id, part @ ..] => {
                    let part = match part {
                        ["activity"] => Part::Activity,
                        ["replies"] => Part::Replies { page: page() },
                        ["likes"] => Part::Likes { page: page() },
                        ["shares"] => Part::Shares { page: page() },
                        ["context"] => Part::Context { page: page() },
                        _ => return None,
                    };
                    Wanted::Part { handle, id: ReviewId::parse(id)?, part }
                }
                _ => return None,
            }
        }
        ["books", key, "work"] => Wanted::Work((*key).to_owned()),
        ["books", key] if json => Wanted::Edition((*key).to_owned()),
        ["authors", key] if json => Wanted::Author((*key).to_owned()),
        _ if json => match route::route(path, query) {
            route::Route::Profile { handle, .. } => Wanted::Actor(handle),
            route::Route::Review { handle, slug, .. } => Wanted::Page { handle, slug },
            _ => return None,
        },
        _ => return None,
    })
}

/// BookWyrm says so in its user agent, and reads nothing but its own kinds of object.
fn is_bookwyrm(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    agent.split_once("(BookWyrm/").is_some_and(|(_, rest)| {
        let version: String = rest.chars().take_while(|c| *c != ';').collect();
        rest.contains(';') && version.split('.').count() == 3 && version.chars().all(|c| c.is_ascii_digit() || c == '.')
    })
}

fn book_of<'a>(key: &str, library: &'a Library) -> Option<&'a Arc<Card>> {
    library.books().get(key)?.cards.first()
}

/// A stored activity inside a collection: its `@context` is the collection's.
fn embedded(body: &[u8]) -> Value {
    let mut document: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(map) = document.as_object_mut() {
        map.shift_remove("@context");
    }
    document
}

pub(super) fn plain(status: StatusCode, words: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::VARY, "Accept"),
    ];
    (status, headers, format!("{words}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_their_documents() {
        let ana = || Handle::parse("ana").unwrap();
        let id = || ReviewId::parse("k3v9").unwrap();
        for (address, json, expected) in [
            ("/.well-known/webfinger?resource=acct:ana@x", false, Some(Wanted::WebFinger("acct:ana@x".into()))),
            ("/users/ana", false, Some(Wanted::Actor(ana()))),
            ("/@ana", true, Some(Wanted::Actor(ana()))),
            ("/@ana", false, None),
            ("/users/ana/outbox", true, Some(Wanted::Outbox(ana(), None))),
            ("/users/ana/outbox?page=2", true, Some(Wanted::Outbox(ana(), Some(Page::Numbered(2))))),
            ("/users/ana/outbox?page=true&type=Review", true, Some(Wanted::Outbox(ana(), Some(Page::BookWyrm)))),
            ("/users/ana/reviews/k3v9", true, Some(Wanted::Note(ana(), id()))),
            (
                "/users/ana/reviews/k3v9/likes",
                false,
                Some(Wanted::Part { handle: ana(), id: id(), part: Part::Likes { page: None } }),
            ),
            ("/users/ana/replies/k3v9", true, Some(Wanted::Answer { handle: ana(), id: id(), activity: false })),
            (
                "/users/ana/replies/k3v9/activity",
                true,
                Some(Wanted::Answer { handle: ana(), id: id(), activity: true }),
            ),
            ("/@ana/dune", true, Some(Wanted::Page { handle: ana(), slug: "dune".into() })),
            ("/books/9780441172719", true, Some(Wanted::Edition("9780441172719".into()))),
            ("/books/9780441172719", false, None),
            ("/books/9780441172719/work", false, Some(Wanted::Work("9780441172719".into()))),
            ("/users/ana/inbox", true, None),
            ("/feed.xml", true, None),
        ] {
            let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
            assert_eq!(wanted(path, query, json), expected, "{address}");
        }
    }

    #[test]
    fn bookwyrm_is_known_by_its_user_agent() {
        let agent = |agent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, agent.parse().unwrap());
            is_bookwyrm(&headers)
        };
        assert!(agent("python-requests/2.31 (BookWyrm/0.7.5; +https://bookwyrm.example/)"));
        assert!(!agent("Mastodon/4.6 (http.rb; +https://m.example/)"));
        assert!(!agent("(BookWyrm/soon;)"));
    }
}
