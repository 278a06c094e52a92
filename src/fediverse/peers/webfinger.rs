//! From a handle to an actor, and back again: a handle is believed when both ends name each other.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use url::Url;

use super::{PeerProblem, Visit};
use crate::{
    domain::RemoteActor,
    fediverse::{context::ACTIVITYSTREAMS, discovery::JRD},
    net::NetProblem,
};

/// Largest answer read, in bytes.
const JRD_BYTES_MAX: usize = 256 << 10;

pub(super) async fn resolve(visit: &Visit, handle: &str) -> Result<RemoteActor, PeerProblem> {
    let (user, host) = parts(handle).ok_or_else(|| PeerProblem::Invalid("a handle is name@host".to_owned()))?;
    let answer = ask(visit, user, host).await?;
    let actor = visit.actor_anew(&self_link(&answer)?).await?;
    // The actor's own host must tell the same story about the handle that the actor has there (FEDERATION 1.17).
    let (own_user, own_host) = parts(&actor.handle).ok_or_else(|| PeerProblem::Invalid("no user name".to_owned()))?;
    if own_host.eq_ignore_ascii_case(host) && own_user.eq_ignore_ascii_case(user) {
        return Ok(actor);
    }
    let back = ask(visit, own_user, own_host).await?;
    if self_link(&back)? == actor.id && back["subject"] == answer["subject"] {
        Ok(actor)
    } else {
        Err(PeerProblem::Invalid("handle and actor do not name each other".to_owned()))
    }
}

/// What the host of a handle says about it, with all its links.
pub(super) async fn answer(visit: &Visit, handle: &str) -> Result<Value, PeerProblem> {
    let (user, host) = parts(handle).ok_or_else(|| PeerProblem::Invalid("a handle is name@host".to_owned()))?;
    visit.theirs(&format!("{}://{host}/", visit.scheme())).await?;
    ask(visit, user, host).await
}

async fn ask(visit: &Visit, user: &str, host: &str) -> Result<Value, PeerProblem> {
    visit.count()?;
    let scheme = visit.scheme();
    let resource = utf8_percent_encode(&format!("acct:{user}@{host}"), NON_ALPHANUMERIC).to_string();
    let url = Url::parse(&format!("{scheme}://{host}/.well-known/webfinger?resource={resource}"))
        .map_err(|error| PeerProblem::Invalid(error.to_string()))?;
    let fetched = visit.data.client.get(&url, &format!("{JRD}, application/json"), JRD_BYTES_MAX).await?;
    if fetched.status != 200 {
        return Err(NetProblem::Status(fetched.status).into());
    }
    serde_json::from_slice(&fetched.body).map_err(|error| PeerProblem::Invalid(error.to_string()))
}

/// The link with `rel` `self` and a media type of ActivityPub, exactly as Mastodon wants them.
fn self_link(answer: &Value) -> Result<String, PeerProblem> {
    let long = format!("application/ld+json; profile=\"{ACTIVITYSTREAMS}\"");
    let fits = |link: &&Value| {
        link["rel"] == "self" && (link["type"] == "application/activity+json" || link["type"] == long.as_str())
    };
    let links = answer["links"].as_array().map(Vec::as_slice).unwrap_or_default();
    let href = links.iter().find(fits).and_then(|link| link["href"].as_str());
    href.map(str::to_owned).ok_or_else(|| PeerProblem::Invalid("the handle leads to no actor".to_owned()))
}

/// `@bob@m.example`, `bob@m.example`, `acct:bob@m.example`.
fn parts(handle: &str) -> Option<(&str, &str)> {
    let handle = handle.trim();
    let handle = handle.strip_prefix("acct:").unwrap_or(handle).trim_start_matches('@');
    let (user, host) = handle.rsplit_once('@')?;
    let plain = |text: &str| !text.is_empty() && !text.contains(['/', '?', '#', '@', ' ', '\\']);
    (plain(user) && plain(host)).then_some((user, host))
}
