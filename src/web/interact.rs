//! The reply box: from a visitor's handle to the page of their own server that opens the post.
//!
//! The way on is a page of ours that names the server and refreshes to it, made only for a form that was sent from our own
//! pages: a link to us cannot be used to send people elsewhere. Nothing is remembered of who asked.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};

use super::{
    PAGE_HEADERS, Web, WebError,
    gate::{self, Gate},
};
use crate::{
    fediverse::{interaction, note::review_of, peers::PeerProblem},
    site::{self, Target, Trouble, Way},
    text,
};

/// Largest form taken, in bytes: a handle and an address.
const FORM_BYTES_MAX: usize = 8 << 10;
/// How long a browser may take to send it, and the visitor's server to answer.
const FORM_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Servers that one client, and all of them together, may have us ask in a minute.
const EACH_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).unwrap();
const ALL_PER_MINUTE: NonZeroU32 = NonZeroU32::new(120).unwrap();

/// Counts the servers we are made to ask.
pub struct Questions {
    each: Gate,
    all: Gate,
}

impl Questions {
    pub fn new() -> Self {
        Self { each: Gate::per_minute(EACH_PER_MINUTE), all: Gate::per_minute(ALL_PER_MINUTE) }
    }

    fn knock(&self, client: Option<IpAddr>) -> Option<Duration> {
        self.each.knock(client).or_else(|| self.all.knock(Some(Ipv4Addr::UNSPECIFIED.into())))
    }
}

impl Default for Questions {
    fn default() -> Self {
        Self::new()
    }
}

/// A post that may be answered.
struct Post {
    uri: String,
    title: String,
    path: String,
    /// Its review takes no more replies, as its page says.
    is_closed: bool,
}

/// `GET /interact?uri=…`: the box on a page of its own.
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if let Some(wait) = web.gate.knock(gate::client(peer, &headers)) {
        return gate::too_many(wait);
    }
    let query = uri.query().unwrap_or_default();
    let way = Way::Ask { account: &value(query, "account"), why_not: None };
    match web.post(&value(query, "uri")).await {
        Ok(Some(post)) if post.is_closed => Redirect::to(&post.path).into_response(),
        Ok(Some(post)) => web.way(&post, way),
        Ok(None) => web.trouble(Trouble::NotFound),
        Err(error) => web.broken(&error),
    }
}

/// `POST /interact`: asks the visitor's server where it opens posts, and sends them there.
pub(super) async fn go(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let client = gate::client(peer, &parts.headers);
    if let Some(wait) = web.gate.knock(client) {
        return gate::too_many(wait);
    }
    let form = match tokio::time::timeout(FORM_TIMEOUT, to_bytes(body, FORM_BYTES_MAX)).await {
        Ok(Ok(form)) => String::from_utf8_lossy(&form).into_owned(),
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let post = match web.post(&value(&form, "uri")).await {
        Ok(Some(post)) if post.is_closed => return Redirect::to(&post.path).into_response(),
        Ok(Some(post)) => post,
        Ok(None) => return web.trouble(Trouble::NotFound),
        Err(error) => return web.broken(&error),
    };
    let typed = value(&form, "account");
    let ask = |why_not| web.way(&post, Way::Ask { account: &typed, why_not });
    // A form on somebody else's page: the visitor has not seen ours yet.
    if !is_from_our_page(&parts.headers) {
        return ask(None);
    }
    let Some(account) = interaction::account(&typed) else {
        return ask(Some("That is no address of an account. Write it like you@social.example."));
    };
    if let Some(wait) = web.questions.knock(client) {
        return gate::too_many(wait);
    }
    let visit = web.reception.peers.visit();
    let host = text::clean_name(&account.host);
    match tokio::time::timeout(ANSWER_TIMEOUT, visit.web_finger(&account.handle)).await {
        Ok(Ok(answer)) => {
            let origin = &web.site.origin;
            let back = origin.at(&post.path);
            match interaction::page_for_answering(&answer, &post.uri, &back, origin.is_loopback()) {
                Some(to) => {
                    let host = to.host_str().unwrap_or_default();
                    web.way(&post, Way::Open { to: to.as_str(), host })
                }
                None => web.way(&post, Way::Search { host: &host }),
            }
        }
        // Mastodon answers for itself by its own name; others do not, and are as good.
        Ok(Err(PeerProblem::NotFound | PeerProblem::Gone | PeerProblem::Invalid(_))) if account.is_server => {
            web.way(&post, Way::Search { host: &host })
        }
        Ok(Err(PeerProblem::NotFound | PeerProblem::Gone)) => {
            ask(Some(&format!("{host} knows nobody of that name. Look for a slip of the pen.")))
        }
        Ok(Err(PeerProblem::Store(error))) => web.broken(&error.into()),
        Ok(Err(
            PeerProblem::Refused(_) | PeerProblem::Invalid(_) | PeerProblem::Unreachable(_) | PeerProblem::TooMany,
        ))
        | Err(_) => {
            ask(Some(&format!("{host} gave no answer that helps. Search there for the address below instead.")))
        }
    }
}

impl Web {
    /// What may be answered: a live review of ours, or a reply that is shown under one.
    async fn post(&self, uri: &str) -> Result<Option<Post>, WebError> {
        let (review, reply) = match review_of(&self.site.origin, uri) {
            Some(review) => (review, None),
            None => match self.store.reply(uri).await?.filter(crate::domain::KeptReply::is_shown) {
                Some(kept) => match kept.reply.under.clone() {
                    Some(review) => (review, Some(kept)),
                    None => return Ok(None),
                },
                None => return Ok(None),
            },
        };
        let Some(published) = self.store.published(&review.0, &review.1).await? else { return Ok(None) };
        let (book, path) = (published.review.book.by_line(), format!("/@{}/{}", published.reviewer, published.slug));
        let is_closed = self.is_closed(published.review.replies_closed, published.published);
        Ok(Some(match reply {
            None => Post { uri: uri.to_owned(), title: book, path, is_closed },
            Some(kept) => Post {
                is_closed,
                title: format!("{}, on {book}", self.author_name(&kept)),
                path: format!("{path}?reply={0}#reply-{0}", kept.seq),
                uri: kept.reply.id,
            },
        }))
    }

    fn way(&self, post: &Post, way: Way<'_>) -> Response {
        let target = Target { uri: &post.uri, title: &post.title, path: &post.path };
        let page = site::interact(&self.shell(), &target, way);
        let headers =
            [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "private, no-store")];
        let mut response = (headers, page).into_response();
        for (name, value) in PAGE_HEADERS {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }
}

/// Whether the form was sent from a page of ours, as far as browsers say: all of this decade do.
fn is_from_our_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin"), text("host")) {
        (Some(site), _, _) => site == "same-origin",
        (None, Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, named)| named == host),
        (None, Some(_), None) => false,
        (None, None, _) => true,
    }
}

/// A value of a form or query; empty where it is not there.
fn value(form: &str, name: &str) -> String {
    let mut fields = url::form_urlencoded::parse(form.as_bytes());
    fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_on_a_strangers_page_is_not_ours() {
        fn check(headers: &[(&'static str, &'static str)], ours: bool) {
            let pairs =
                headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            assert_eq!(is_from_our_page(&pairs.collect()), ours, "{headers:?}");
        }
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "cross-site"), ("origin", "https://b.example"), ("host", "b.example")], false);
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("origin", "https://b.example"), ("host", "b.example")], true);
        check(&[("origin", "https://evil.example"), ("host", "b.example")], false);
        check(&[("origin", "null"), ("host", "b.example")], false);
        check(&[("host", "b.example")], true);
    }

    #[test]
    fn one_client_cannot_make_us_ask_the_whole_world() {
        let questions = Questions::new();
        let client = |n: u8| Some(IpAddr::from([203, 0, 113, n]));
        assert!((0..10).all(|_| questions.knock(client(1)).is_none()));
        assert!(questions.knock(client(1)).is_some());
        assert!((0..110).all(|n| questions.knock(client(2 + n)).is_none()));
        assert!(questions.knock(client(200)).is_some(), "all together asked often enough");
        assert!(questions.knock(None).is_some());
    }
}
