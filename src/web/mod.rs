//! Routes, content negotiation, caching and errors.

mod answers;
mod archives;
mod collections;
pub mod conditional;
mod conversation;
mod doctor;
mod documents;
pub mod encoding;
mod export;
pub mod fediverse;
pub mod figures;
pub mod gate;
mod inbox;
pub mod interact;
pub mod negotiate;
mod notices;
pub mod readers;
mod replies;
pub mod representation;
pub mod route;
pub mod shelf;
mod still;
pub mod websub;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;

use crate::{
    clock::Clock,
    doctor::Room,
    domain::{Reviewer, Site, Slug, picture::Size},
    faces::Faces,
    fediverse::reception::Reception,
    feed::Dialect,
    publish::Library,
    publish::PublisherHandle,
    site::{self, Trouble},
    store::{Store, StoreError},
    websub::Hub,
};
use documents::Found;
use representation::{Policy, Representation};
use route::Route;
use shelf::Shelf;

/// Sent with every page beside its content.
pub(crate) const PAGE_HEADERS: [(&str, &str); 3] = [
    ("content-security-policy", site::CONTENT_SECURITY_POLICY),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("x-frame-options", "DENY"),
];

/// How long the first requests after an empty start wait for the first look at the folders.
const FIRST_LOOK_TIMEOUT: Duration = Duration::from_secs(15);

/// Everything the site serves from. Shared by all requests.
pub struct Web {
    pub site: Site,
    /// In the order of the settings.
    pub reviewers: Vec<Reviewer>,
    pub publisher: PublisherHandle,
    pub store: Store,
    /// When this site began: the oldest time any of its lists can have changed.
    pub founded: Timestamp,
    /// `tag:` or `urn:` that all feed ids begin with; minted once.
    pub feed_id: String,
    pub feed_items: usize,
    /// Feeds carry whole reviews, or their first lines with a link.
    pub feed_full_text: bool,
    pub shelf: Shelf,
    pub keys: fediverse::PublicKeys,
    pub reception: Reception,
    /// The faces in conversations.
    pub faces: Faces,
    /// When a review takes no more replies, counted from its publication; `None`: never.
    pub replies_close_after: Option<Duration>,
    /// Requests of each client.
    pub gate: gate::Gate,
    /// The programs that read the feeds.
    pub readers: Arc<readers::Readers>,
    pub clock: Clock,
    /// Where an examination by `reviewd doctor` finds its requests.
    pub examined: Arc<Room>,
    /// Servers that visitors make us ask.
    pub questions: interact::Questions,
    /// Followers wait for the reviewer's approval.
    pub approves_followers: bool,
    pub hub: Arc<Hub>,
    pub told: websub::Told,
    /// What the private feed's address holds; `None` where there is no such feed.
    pub notices_token: Option<String>,
    /// The program's own source code, packed (AGPL-3.0 section 13).
    pub source: &'static [u8],
    /// The documents are for a copy that no program stands behind.
    pub still: bool,
}

/// A breakdown on our side while answering.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("preparing a document stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
    #[error("compress an archive document: {0}")]
    Pack(#[from] std::io::Error),
    #[error("no document")]
    Trouble(Trouble),
    #[error("moved to {0}")]
    MovedTo(String),
    #[error("to be had at {0} for now")]
    SeeOther(String),
}

/// The routes of the site; others are merged beside them by `app`.
pub fn router(web: Arc<Web>) -> Router {
    Router::new()
        .route("/interact", get(interact::show).post(interact::go))
        .route("/inbox", post(inbox::receive))
        .route("/users/{handle}/inbox", post(inbox::receive))
        .route("/doctor/{token}/actor", get(doctor::actor))
        .route("/doctor/{token}/inbox", post(doctor::inbox))
        .route("/websub", post(websub::ask).get(answer).fallback(answer))
        .route("/notices/{name}", get(notices::feed))
        .fallback(answer)
        .layer(middleware::from_fn_with_state(Arc::clone(&web), only_our_host))
        .with_state(web)
}

/// A trial on a loopback origin answers to its own name only: a page in a browser must not reach it under another one
/// (DNS rebinding). Before anything else, `reviewd doctor` sees what of its own requests arrives.
async fn only_our_host(State(web): State<Arc<Web>>, request: Request<Body>, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str));
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    web.examined.notice(request.uri(), request.headers(), host, peer);
    let origin = &web.site.origin;
    if origin.is_loopback() && !host.is_none_or(|host| is_loopback_name(host, origin.host())) {
        return web.trouble(Trouble::Misdirected);
    }
    next.run(request).await
}

fn is_loopback_name(host: &str, own: &str) -> bool {
    let port = |name: &str| {
        name.rsplit_once(':').map(|(_, port)| port.to_owned()).filter(|p| p.bytes().all(|b| b.is_ascii_digit()))
    };
    let name = host.strip_suffix(&port(host).map(|port| format!(":{port}")).unwrap_or_default()).unwrap_or(host);
    host.eq_ignore_ascii_case(own)
        || (["localhost", "127.0.0.1", "[::1]"].contains(&name) && (port(host) == port(own) || port(own).is_none()))
}

async fn answer(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let route = route::route(uri.path(), uri.query());
    let allow = if matches!(route, Route::Hub) { "GET, HEAD, OPTIONS, POST" } else { "GET, HEAD, OPTIONS" };
    match method {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => {
            return (StatusCode::NO_CONTENT, [(header::ALLOW, allow)], preflight(&route)).into_response();
        }
        _ => {
            return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, allow)], "only reading is possible here\n")
                .into_response();
        }
    }
    // One page brings many pictures, and a monitor asks for its health often: only documents count.
    let counts = !matches!(
        route,
        Route::Media { .. } | Route::Portrait { .. } | Route::Static { .. } | Route::Health | Route::Ready
    );
    if counts && let Some(wait) = web.gate.knock(gate::client(peer, &headers)) {
        return gate::too_many(wait);
    }
    if let Some(response) = web.federated(&method, &uri, &headers).await {
        return response;
    }
    match route {
        Route::Health => ([(header::CACHE_CONTROL, "no-store")], "ok\n").into_response(),
        Route::Ready => web.ready().await,
        Route::Media { key, size } => web.media(&method, &headers, &key, size).await,
        Route::Portrait { key } => web.portrait(&method, &headers, &key).await,
        Route::Static { path } => web.file(&method, &headers, &path).await,
        Route::Source => web.archive_of_source(&method, &headers).await,
        Route::Unknown => web.former(uri.path()).unwrap_or_else(|| web.trouble(Trouble::NotFound)),
        route @ Route::Elsewhere { .. } => match web.former(uri.path()) {
            Some(response) => response,
            None => web.document(&method, &uri, &headers, &route).await,
        },
        route => {
            let response = web.document(&method, &uri, &headers, &route).await;
            if is_feed(&route) && !is_navigation(&headers) {
                web.readers.note(gate::client(peer, &headers), &headers, response.status(), web.clock.now());
            }
            response
        }
    }
}

fn is_feed(route: &Route) -> bool {
    matches!(route, Route::Feed { .. } | Route::FeedArchive { .. } | Route::Replies { .. })
}

/// A reader that runs in a browser asks before it asks conditionally, which its `If-None-Match` makes it do (Fetch,
/// "CORS-safelisted request-header").
fn preflight(route: &Route) -> HeaderMap {
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "If-None-Match, If-Modified-Since, Cache-Control"),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    allowed
        .into_iter()
        .filter(|_| is_feed(route))
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect()
}

impl Web {
    async fn document(&self, method: &Method, uri: &Uri, headers: &HeaderMap, route: &Route) -> Response {
        self.first_look().await;
        let library = self.publisher.library();
        let address = self.address(uri, route, &library);
        let make = async {
            match self.find(route, &library).await? {
                Found::Document(document) => Ok(*document),
                Found::MovedTo(path) => Err(WebError::MovedTo(path)),
                Found::SeeOther(path) => Err(WebError::SeeOther(path)),
                Found::Trouble(trouble) => Err(WebError::Trouble(trouble)),
            }
        };
        match self.shelf.get(library.version, &address, make).await {
            Ok(prepared) if is_xml_feed(route) && is_navigation(headers) => {
                for_a_person(prepared.respond(method, headers))
            }
            Ok(prepared) => prepared.respond(method, headers),
            Err(error) => match &*error {
                WebError::MovedTo(path) => moved(path),
                WebError::SeeOther(path) => redirect(StatusCode::TEMPORARY_REDIRECT, path),
                WebError::Trouble(Trouble::NotFound) => {
                    self.former(uri.path()).unwrap_or_else(|| self.trouble(Trouble::NotFound))
                }
                WebError::Trouble(trouble) => self.trouble(*trouble),
                broken @ (WebError::Store(_) | WebError::Stopped(_) | WebError::Pack(_)) => {
                    tracing::error!(path = uri.path(), error = %broken, "{} could not be answered: {broken}", uri.path());
                    self.trouble(Trouble::Unavailable)
                }
            },
        }
    }

    /// What tells documents apart on the shelf: the path, the query where the route reads it, and the state of the
    /// conversation where the document shows something of it.
    fn address(&self, uri: &Uri, route: &Route, library: &Library) -> String {
        let all_talk = || *self.store.talk_changes().borrow();
        match route {
            Route::Feed { from: 0, .. } => format!("{} {}", uri.path(), all_talk()),
            Route::Feed { .. } => format!("{route:?} {}", all_talk()),
            Route::Review { handle, slug, part } => {
                let card = library.page(handle, &Slug::from_text(slug));
                let talk = card.map_or_else(all_talk, |card| self.store.talk_version(handle, &card.id));
                let closed = card.is_some_and(|card| self.is_closed(false, card.published));
                format!("{} {part:?} {talk} {} {closed}", uri.path(), self.faces.version())
            }
            Route::Replies { to, .. } => format!("{} {}", uri.path(), self.talk_state(to, library)),
            Route::Feeds => uri.path().to_owned(),
            route => format!("{route:?}"),
        }
    }

    /// A start without anything published waits for the first look at the folders: an empty feed would be a lie.
    async fn first_look(&self) {
        let mut looked = self.publisher.looked.clone();
        if !*looked.borrow() && self.publisher.library().cards().is_empty() {
            // After the time-out the answer is what there is, which is nothing.
            let _ = tokio::time::timeout(FIRST_LOOK_TIMEOUT, looked.wait_for(|looked| *looked)).await;
        }
    }

    /// A redirect from an address that a review had elsewhere. Only asked where this site itself has nothing.
    fn former(&self, path: &str) -> Option<Response> {
        let library = self.publisher.library();
        let card = library.by_alias(path)?;
        Some(redirect(StatusCode::MOVED_PERMANENTLY, &format!("/@{}/{}", card.reviewer, card.slug)))
    }

    /// An error page; asked for again soon where it may heal.
    pub fn trouble(&self, trouble: Trouble) -> Response {
        let status = StatusCode::from_u16(trouble.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (
            status,
            [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")],
            site::trouble(&self.shell(), trouble),
        )
            .into_response();
        for (name, value) in PAGE_HEADERS {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if matches!(trouble, Trouble::Unavailable | Trouble::TooMany) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        response
    }

    async fn ready(&self) -> Response {
        if !*self.publisher.looked.borrow() {
            let headers = [(header::CACHE_CONTROL, "no-store"), (header::RETRY_AFTER, "1")];
            return (StatusCode::SERVICE_UNAVAILABLE, headers, "the folders are being read\n").into_response();
        }
        match self.store.ping().await {
            Ok(()) => match self.store.complaint().await.unwrap_or_default() {
                // It serves all the same: a balancer that took it away would make it worse.
                Some(alarm) => ([(header::CACHE_CONTROL, "no-store")], format!("degraded: {alarm}\n")).into_response(),
                None => ([(header::CACHE_CONTROL, "no-store")], "ready\n").into_response(),
            },
            Err(error) if self.store.is_away(&error) => {
                self.store.suspect(&error);
                ([(header::CACHE_CONTROL, "no-store")], format!("degraded: {error}\n")).into_response()
            }
            Err(error) => {
                tracing::error!(%error, "not ready: {error}");
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    [(header::CACHE_CONTROL, "no-store")],
                    "the database does not answer\n",
                )
                    .into_response()
            }
        }
    }

    async fn media(&self, method: &Method, headers: &HeaderMap, key: &str, size: Size) -> Response {
        match self.store.picture_bytes(key, size).await {
            Ok(Some((media_type, bytes))) => {
                let content_type = if media_type == "image/png" { "image/png" } else { "image/jpeg" };
                Representation::new(content_type, bytes, self.founded, Policy::IMMUTABLE).respond(method, headers)
            }
            Ok(None) => self.trouble(Trouble::NotFound),
            Err(error) => {
                tracing::error!(key, %error, "the picture {key} could not be read: {error}");
                self.trouble(Trouble::Unavailable)
            }
        }
    }

    async fn portrait(&self, method: &Method, headers: &HeaderMap, key: &str) -> Response {
        match self.store.portrait_bytes(key).await {
            Ok(Some((media_type, bytes))) => {
                let content_type = if media_type == "image/png" { "image/png" } else { "image/jpeg" };
                Representation::new(content_type, bytes, self.founded, Policy::IMMUTABLE).respond(method, headers)
            }
            Ok(None) => self.trouble(Trouble::NotFound),
            Err(error) => {
                tracing::error!(key, %error, "the portrait {key} could not be read: {error}");
                self.trouble(Trouble::Unavailable)
            }
        }
    }

    /// A stylesheet, font or icon: compressed once, since its address names its content.
    async fn file(&self, method: &Method, headers: &HeaderMap, path: &str) -> Response {
        let wanted =
            |file: &&site::Static| file.path == path || (path == "icon" && file.content_type == "image/svg+xml");
        let Some(file) = site::statics().iter().find(wanted) else { return self.trouble(Trouble::NotFound) };
        let make = async {
            Ok::<_, WebError>(shelf::Document {
                status: StatusCode::OK,
                content_type: file.content_type,
                body: file.bytes.clone(),
                last_modified: self.founded,
                policy: Policy::IMMUTABLE,
                links: Vec::new(),
                is_page: false,
            })
        };
        match self.shelf.get(0, path, make).await {
            Ok(prepared) => prepared.respond(method, headers),
            Err(_) => self.trouble(Trouble::Unavailable),
        }
    }

    async fn archive_of_source(&self, method: &Method, headers: &HeaderMap) -> Response {
        let policy = Policy { cache_control: "public, max-age=3600", ..Policy::IMMUTABLE };
        Representation::new("application/gzip", self.source, self.founded, policy).respond(method, headers)
    }
}

fn moved(path: &str) -> Response {
    redirect(StatusCode::MOVED_PERMANENTLY, path)
}

fn is_xml_feed(route: &Route) -> bool {
    match route {
        Route::Feed { dialect, .. } | Route::FeedArchive { dialect, .. } | Route::Replies { dialect, .. } => {
            *dialect != Dialect::Json
        }
        _ => false,
    }
}

/// Whether somebody opens the address in a browser; programs that read feeds send no such header
/// (<https://www.w3.org/TR/fetch-metadata/#sec-fetch-dest-header>).
fn is_navigation(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-dest").is_some_and(|value| value == "document")
}

/// The same bytes under a type that browsers show with the feed's style sheet instead of saving or listing them. Kept by no
/// cache on the way, because a cache would hand this type to readers too.
fn for_a_person(mut response: Response) -> Response {
    if response.status() == StatusCode::OK {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.remove(header::ETAG);
        headers.remove(header::LAST_MODIFIED);
    }
    response
}

fn redirect(status: StatusCode, path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(path) => (status, [(header::LOCATION, path)]).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_answers_to_its_own_name_only() {
        for (host, ours) in [
            ("localhost:8080", true),
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("LOCALHOST:8080", true),
            ("localhost:9090", false),
            ("evil.example:8080", false),
            ("evil.example", false),
        ] {
            assert_eq!(is_loopback_name(host, "localhost:8080"), ours, "{host}");
        }
    }
}
