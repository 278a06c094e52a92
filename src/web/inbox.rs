//! POST to an inbox: the whole body within a limit and a time, then the door of `fediverse::reception`.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};

use super::{Web, gate};
use crate::{
    fediverse::{reception::Verdict, signature::Received},
    telemetry::figures,
};

/// Largest activity that is taken, in bytes (Mastodon's `MAX_JSON_SIZE`).
pub(super) const BODY_BYTES_MAX: usize = 1 << 20;
/// How long a sender may take to say it: slow bodies are cut (CVE-2023-36461).
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// Answers 202 once the activity is on the disk; 400, 401, 403, 413, 429 or 503 otherwise. Never 405, 410 or a redirect,
/// on which servers take an inbox for dead.
pub(super) async fn receive(
    State(web): State<Arc<Web>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response {
    if let Some(wait) = web.gate.knock(gate::client(peer, request.headers())) {
        return gate::too_many(wait);
    }
    let (mut parts, body) = request.into_parts();
    name_the_host(&mut parts);
    let body = match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return (StatusCode::PAYLOAD_TOO_LARGE, "an activity has at most 1 MiB\n").into_response(),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the body did not come\n").into_response(),
    };
    let path_and_query = parts.uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
    let received = Received { method: parts.method.as_str(), path_and_query, headers: &parts.headers, body: &body };
    if let Some(answered) = web.examined.knock(&received).await {
        return super::doctor::said(answered);
    }
    let verdict = web.reception.take(&received).await;
    figures::activity(&body, word(&verdict));
    match verdict {
        Verdict::Taken => StatusCode::ACCEPTED.into_response(),
        Verdict::Unreadable(why) => (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response(),
        Verdict::Unsigned(why) => {
            tracing::debug!(why, "an activity was not believed: {why}");
            (StatusCode::UNAUTHORIZED, format!("{why}\n")).into_response()
        }
        Verdict::Blocked => StatusCode::FORBIDDEN.into_response(),
        Verdict::Later(why) => {
            tracing::info!(why, "an activity has to come again: {why}");
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "60")]).into_response()
        }
    }
}

/// HTTP/2 carries the host in the authority; signatures speak of the header.
pub(super) fn name_the_host(parts: &mut Parts) {
    let authority = parts.uri.authority().filter(|_| !parts.headers.contains_key(header::HOST));
    if let Some(Ok(host)) = authority.map(|authority| HeaderValue::from_str(authority.as_str())) {
        parts.headers.insert(header::HOST, host);
    }
}

/// The verdict as a label.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Taken => "taken",
        Verdict::Unreadable(_) => "unreadable",
        Verdict::Unsigned(_) => "unsigned",
        Verdict::Blocked => "blocked",
        Verdict::Later(_) => "later",
    }
}
