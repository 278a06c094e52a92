//! Documents of other servers: what is asked with, what is let through.

use std::sync::Arc;

use activitypub_federation::fetch::fetch_object_http;
use serde_json::Value;
use url::Url;

use super::{PeerProblem, Signing, Visit};
use crate::{
    clock::Clock,
    fediverse::{
        context::{ACTIVITY_JSON, ACTIVITYSTREAMS},
        inbox::same_host,
        json::{self, address_of},
        signature::{self, Outgoing, Signer, Spec},
    },
    net::{Dress, HeaderMap, HeaderValue, NetProblem},
};

/// What we ask for (FEDERATION 3.9).
const ACCEPT: &str =
    r#"application/activity+json, application/ld+json; profile="https://www.w3.org/ns/activitystreams""#;
/// Largest document read, in bytes; the library has the same limit.
const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// Signs each GET as the instance actor: for secure-mode Mastodon, and for GoToSocial, which answers nobody else.
///
/// A second attempt is signed over the path alone where there is a query (BookWyrm, Misskey), else by RFC 9421.
pub(super) fn dress(signing: Arc<Signing>, clock: Clock) -> Dress {
    Arc::new(move |url, again| headers(&signing, &clock, url, again))
}

fn headers(signing: &Signing, clock: &Clock, url: &Url, again: bool) -> HeaderMap {
    let outgoing = Outgoing { method: "GET", url, body: None, sha256: None };
    let signer = Signer { key_id: &signing.key_id, key: &signing.key };
    let now = clock.now();
    let signed = match (again, url.query()) {
        (false, _) => signature::sign(&outgoing, &signer, Spec::Cavage, now),
        (true, Some(_)) => signature::sign_path_only(&outgoing, &signer, now),
        (true, None) => signature::sign(&outgoing, &signer, Spec::Rfc9421, now),
    };
    // A key that cannot sign leaves the request unsigned, which most servers answer too.
    let mut headers = signed.unwrap_or_default();
    headers.insert("accept", HeaderValue::from_static(ACCEPT));
    headers
}

/// Writes the two media types of ActivityPub in the one form that the library compares with.
pub(super) fn tidy(headers: &mut HeaderMap) {
    let is_activity = headers.get("content-type").and_then(|value| value.to_str().ok()).is_some_and(is_activity);
    if is_activity {
        headers.insert("content-type", HeaderValue::from_static(ACTIVITY_JSON));
    }
}

/// `application/activity+json` with any parameters, or `application/ld+json` with the profile of ActivityStreams. A plain
/// `application/json` or `text/html` may be somebody's upload (CVE-2024-25623).
fn is_activity(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
        ACTIVITY_JSON => true,
        "application/ld+json" => parts.any(|parameter| {
            let profile = parameter.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("profile"));
            let profiles = profile.map(|(_, value)| value.trim().trim_matches('"')).unwrap_or_default();
            profiles.split(' ').any(|profile| profile == ACTIVITYSTREAMS)
        }),
        _ => false,
    }
}

/// A document whose id is the address that answered.
///
/// The library takes no bare IP address, which a trial on loopback has for neighbours; for these the same checks are made
/// here: status, media type, and that id and address are one, after one more fetch where they are on one host.
pub(super) async fn document(visit: &Visit, url: &Url) -> Result<Value, PeerProblem> {
    if url.domain().is_some() {
        return Ok(fetch_object_http::<_, Value>(url, &visit.data).await?.object);
    }
    let mut url = url.clone();
    for _ in 0..2 {
        let (document, answered) = plainly(visit, &url).await?;
        let id = address_of(&document["id"]).unwrap_or_default();
        if id == answered.as_str() {
            return Ok(document);
        }
        if !same_host(&id, answered.as_str()) {
            break;
        }
        url = Url::parse(&id).map_err(|error| PeerProblem::Invalid(error.to_string()))?;
    }
    Err(PeerProblem::Invalid("its id is another address".to_owned()))
}

/// A document of the host that is asked, whatever id it gives itself.
pub(super) async fn of_host(visit: &Visit, url: &Url) -> Result<Value, PeerProblem> {
    match plainly(visit, url).await? {
        (document, answered) if same_host(answered.as_str(), url.as_str()) => Ok(document),
        _ => Err(PeerProblem::Invalid("another host answered".to_owned())),
    }
}

/// A document, and the address that answered.
async fn plainly(visit: &Visit, url: &Url) -> Result<(Value, Url), PeerProblem> {
    visit.count()?;
    let dress = |url: &Url| headers(&visit.data.signer, &visit.data.clock, url, false);
    let fetched = visit.data.client.get_dressed(url, ACCEPT, DOCUMENT_BYTES_MAX, &dress).await?;
    if fetched.status != 200 {
        return Err(NetProblem::Status(fetched.status).into());
    }
    if !fetched.content_type.as_deref().is_some_and(is_activity) {
        return Err(PeerProblem::Invalid("its media type is not that of an activity".to_owned()));
    }
    let document = json::read(&fetched.body).map_err(|error| PeerProblem::Invalid(error.to_string()))?;
    Ok((document, fetched.url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_media_types_of_activitypub_are_believed() {
        for good in [
            "application/activity+json",
            "Application/Activity+JSON;charset=utf-8",
            "application/activity+json; charset=utf-8",
            r#"application/ld+json; profile="https://www.w3.org/ns/activitystreams""#,
            r#"application/ld+json;profile="https://www.w3.org/ns/activitystreams"; charset=utf-8"#,
            r#"application/ld+json; charset=utf-8; profile="https://www.w3.org/ns/activitystreams https://b.example""#,
        ] {
            assert!(is_activity(good), "{good}");
        }
        for bad in [
            "",
            "application/json",
            "text/html",
            "application/ld+json",
            "application/ld+json; profile=\"https://evil.example/https://www.w3.org/ns/activitystreams\"",
            "image/png; application/activity+json",
        ] {
            assert!(!is_activity(bad), "{bad}");
        }
    }
}
