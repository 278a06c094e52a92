//! What changes when the site speaks https by itself: who is answered there, and what port 80 says.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderName, HeaderValue, Request, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};

use crate::{
    domain::Origin,
    tls::{CertificateState, Tls, challenge_answer},
};

/// A year, for this name only: the origin is part of every permanent id, so it stays on https (RFC 6797).
const STRICT_TRANSPORT: (HeaderName, HeaderValue) =
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
/// What a person's script may ask under any name, such as `localhost`.
const OF_THE_MACHINE: [&str; 2] = ["/healthz", "/readyz"];
/// In seconds: an authority takes less to give a certificate.
const COME_BACK: HeaderValue = HeaderValue::from_static("60");

/// The site's router as it is served under its own certificate.
pub fn guarded(router: Router, origin: &Origin) -> Router {
    router.layer(middleware::from_fn_with_state(origin.clone(), guard))
}

/// Nothing in front sorts out requests for other sites: whoever resolves another name to this machine gets no copy of this one.
async fn guard(State(origin): State<Origin>, request: Request<Body>, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str));
    let is_ours = host.is_none_or(|host| is_of(host, &origin)) || OF_THE_MACHINE.contains(&request.uri().path());
    if !is_ours {
        // RFC 9110 section 15.5.20: also what ends the use of one connection for two names.
        return (StatusCode::MISDIRECTED_REQUEST, format!("this is {origin}\n")).into_response();
    }
    let mut response = next.run(request).await;
    let (name, value) = STRICT_TRANSPORT;
    response.headers_mut().insert(name, value);
    response
}

fn is_of(host: &str, origin: &Origin) -> bool {
    let bare = |host: &str| host.strip_suffix(":443").unwrap_or(host).trim_end_matches('.').to_ascii_lowercase();
    bare(host) == bare(origin.host())
}

/// What port 80 needs.
#[derive(Clone)]
struct Porch {
    origin: Origin,
    tls: Tls,
}

/// Plain http: it shows authorities what they ask for, and leads everybody else to https.
pub fn porch(origin: &Origin, tls: &Tls) -> Router {
    let porch = Porch { origin: origin.clone(), tls: tls.clone() };
    Router::new().fallback(lead).with_state(Arc::new(porch))
}

async fn lead(State(porch): State<Arc<Porch>>, uri: Uri) -> Response {
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(answer) = challenge_answer(&porch.tls.shown, uri.path()) {
        let content_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        return ([content_type, no_store], answer).into_response();
    }
    if !porch.tls.shown.has_certificate() {
        let why = not_yet(&porch.origin, &porch.tls.state.borrow());
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, COME_BACK), no_store], why).into_response();
    }
    match HeaderValue::from_str(&porch.origin.at(path_of(&uri))) {
        // 308: what was posted is posted again, and not asked for.
        Ok(location) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// Path and query as they came; `/` for requests that have none (`OPTIONS *`, CONNECT).
fn path_of(uri: &Uri) -> &str {
    let path = uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
    if path.starts_with('/') { path } else { "/" }
}

/// For whoever opens the site before it can be shown; mostly that is the person who is setting it up.
fn not_yet(origin: &Origin, state: &CertificateState) -> String {
    let mut text = format!("{origin} has no certificate yet, so it cannot be shown.\n");
    match &state.ailment {
        Some(ailment) => text.push_str(&format!("It was asked for and not given: {ailment}.\n")),
        None => text.push_str("It is being asked for; that takes less than a minute.\n"),
    }
    if let (Some(next), Some(_)) = (state.next_try, &state.ailment) {
        text.push_str(&format!("It is asked for again at {next}.\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sites_own_name_is_answered() {
        let books = Origin::parse("https://books.example").unwrap();
        let other_port = Origin::parse("https://books.example:8443").unwrap();
        for (host, origin, ours) in [
            ("books.example", &books, true),
            ("BOOKS.example:443", &books, true),
            ("books.example.", &books, true),
            ("films.example", &books, false),
            ("192.0.2.1", &books, false),
            ("books.example:8443", &books, false),
            ("books.example:8443", &other_port, true),
            ("books.example", &other_port, false),
        ] {
            assert_eq!(is_of(host, origin), ours, "{host} at {origin}");
        }
    }

    #[test]
    fn the_way_to_https_keeps_path_and_query_and_never_leads_elsewhere() {
        for (asked, path) in [
            ("/feed.xml?a=1&b=%20", "/feed.xml?a=1&b=%20"),
            ("//evil.example/", "//evil.example/"),
            ("http://evil.example/x", "/x"),
            ("*", "/"),
            ("evil.example:443", "/"),
        ] {
            assert_eq!(path_of(&asked.parse().unwrap()), path, "{asked}");
        }
    }
}
