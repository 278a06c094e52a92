//! The private feed: what the reviewer should know of, at an address that nobody can guess.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    response::Response,
};

use super::{
    Web, gate,
    representation::{Policy, Representation},
};
use crate::{
    feed::{self, NoticeEntry},
    site::Trouble,
};

/// Notices in the feed.
const NOTICES_MAX: i64 = 50;
/// Nobody on the way may keep it.
const PRIVATE: Policy = Policy { cache_control: "private, no-cache", vary: "Accept-Encoding", any_origin: false };

/// Answers as for an address that does not exist unless the secret is right. The address is written to no log.
pub(super) async fn feed(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    if let Some(wait) = web.gate.knock(gate::client(peer, &headers)) {
        return gate::too_many(wait);
    }
    let given = name.strip_suffix(".xml").unwrap_or_default();
    if !web.notices_token.as_ref().is_some_and(|token| is_same(token.as_bytes(), given.as_bytes())) {
        return web.trouble(Trouble::NotFound);
    }
    let notices = match web.store.notices(NOTICES_MAX).await {
        Ok(notices) => notices,
        Err(error) => {
            tracing::error!(%error, "the notices could not be read: {error}");
            return web.trouble(Trouble::Unavailable);
        }
    };
    let changed = notices.first().map_or(web.founded, |notice| notice.at);
    let entries: Vec<NoticeEntry> = notices
        .into_iter()
        .map(|notice| NoticeEntry { number: notice.seq, kind: notice.kind, text: notice.text, at: notice.at })
        .collect();
    let text = feed::notices(&web.site.title, &web.site.origin.home(), &entries);
    Representation::plain("application/rss+xml; charset=utf-8", text, changed, PRIVATE)
        .with_header(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"))
        .with_header(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"))
        .respond(&method, &headers)
}

/// Takes as long for a near miss as for a far one.
fn is_same(secret: &[u8], given: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(secret, given).is_ok()
}
