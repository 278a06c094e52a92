//! What other servers and readers look up: discovery, actors, pages, and feeds, through every cache on the way.

use serde_json::Value;

use super::{
    report::Check,
    visit::{Reply, Visitor},
};
use crate::{
    domain::{Card, Reviewer},
    fediverse::{context::ACTIVITY_JSON, signature::PublicKey},
    net::NetProblem,
};

/// What Mastodon asks with.
const ACCEPT_JSON: &str =
    r#"application/activity+json, application/ld+json; profile="https://www.w3.org/ns/activitystreams""#;
/// What browsers ask with.
const ACCEPT_HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
/// Both orders, twice: a cache that keeps the first answer for everybody shows it at the second.
const ORDER: [bool; 4] = [true, false, true, false];
/// Shorter feeds are not worth compressing.
const COMPRESSED_BYTES_MIN: usize = 512;

const ACCEPT_CURE: &str = "pass the header Accept as it came: servers and people are told apart by it";
const CACHE_CURE: &str = "do not cache at the proxy, or let its cache heed `Vary` (nginx does; a CDN needs a rule that \
                          bypasses its cache for /users/ and /@)";

/// WebFinger of one reviewer.
pub async fn webfinger(visitor: &Visitor, reviewer: &Reviewer) -> Check {
    let origin = visitor.origin();
    let (name, about) = ("webfinger", format!("@{}", reviewer.handle));
    let account = format!("acct:{}@{}", reviewer.handle, origin.host());
    let url = origin.at(&format!("/.well-known/webfinger?resource={account}"));
    let means = "nobody who searches for the handle finds the account";
    let cure = "pass /.well-known/ to reviewd with its query, whatever else the web server keeps there (certbot needs only \
                /.well-known/acme-challenge/)";
    let reply = match asked(visitor, name, &url, "application/jrd+json", means).await {
        Ok(reply) => reply,
        Err(check) => return check.about(about),
    };
    let answer = reply.json().unwrap_or_default();
    let actor = origin.actor(&reviewer.handle);
    let links = answer["links"].as_array().cloned().unwrap_or_default();
    let leads = links
        .iter()
        .any(|link| link["rel"] == "self" && link["type"] == ACTIVITY_JSON && link["href"] == actor.as_str());
    let right_type = matches!(reply.media_type(), "application/jrd+json" | "application/json");
    let check = if reply.seen.status != 200 {
        let answered = format!("{url} answers with status {}{}{}", reply.seen.status, reply.server(), unseen(&reply));
        Check::failed(name, answered, means, cure)
    } else if answer["subject"] != account.as_str() || !leads {
        Check::failed(name, format!("{url} does not lead to {actor}{}", unseen(&reply)), means, cure)
    } else if !right_type {
        let measured = format!("{url} has the media type `{}`", reply.media_type());
        Check::failed(name, measured, means, "do not change Content-Type on the way")
    } else {
        Check::ok(name, format!("{account} leads to {actor}"))
    };
    check.about(about)
}

/// host-meta and NodeInfo, which some servers ask first.
pub async fn well_known(visitor: &Visitor) -> Vec<Check> {
    let origin = visitor.origin();
    let mut checks = Vec::new();
    for (name, path, words) in [
        ("host_meta", "/.well-known/host-meta", "/.well-known/webfinger?resource={uri}"),
        ("nodeinfo", "/.well-known/nodeinfo", "/nodeinfo/2.0"),
        ("nodeinfo", "/nodeinfo/2.0", "\"protocols\""),
    ] {
        let url = origin.at(path);
        let means = "some servers and all statistics about the fediverse look there first";
        let cure = "pass /.well-known/ and /nodeinfo/ to reviewd";
        let check = match asked(visitor, name, &url, "*/*", means).await {
            Err(check) => check,
            Ok(reply) if reply.seen.status == 200 && String::from_utf8_lossy(&reply.seen.body).contains(words) => {
                Check::ok(name, "as it should be")
            }
            Ok(reply) => {
                let measured = format!("{url} answers with status {}{}", reply.seen.status, reply.server());
                Check::warning(name, format!("{measured}{}", unseen(&reply)), means, cure)
            }
        };
        checks.push(check.about(path));
    }
    checks
}

/// The actor document as a server asks for it; also the key that it shows.
pub async fn actor(visitor: &Visitor, reviewer: &Reviewer) -> (Check, Option<(Value, PublicKey)>) {
    let (name, url) = ("actor", visitor.origin().actor(&reviewer.handle));
    let about = format!("@{}", reviewer.handle);
    let means = "no server can show the account, follow it, or check its signatures";
    let reply = match asked(visitor, name, &url, ACCEPT_JSON, means).await {
        Ok(reply) => reply,
        Err(check) => return (check.about(about), None),
    };
    if reply.seen.status == 410 {
        let check = Check::failed(
            name,
            format!("{url} answers with status 410{}", unseen(&reply)),
            "the account has been ended; servers that ask forget it for ever",
            "if this is not what you want, stop answering at once, and restore a backup from before `retire`",
        );
        return (check.about(about), None);
    }
    let document = reply.json().unwrap_or_default();
    let is_json = reply.media_type() == ACTIVITY_JSON;
    if reply.seen.status != 200 || !is_json {
        let measured = format!(
            "asked for {ACTIVITY_JSON}, {url} answers with status {} and `{}`{}{}",
            reply.seen.status,
            reply.media_type(),
            reply.server(),
            unseen(&reply)
        );
        let cure = if loses_accept(&reply, ACCEPT_JSON) { ACCEPT_CURE } else { CACHE_CURE };
        return (Check::failed(name, measured, means, cure).about(about), None);
    }
    let pem = document["publicKey"]["publicKeyPem"].as_str().unwrap_or_default();
    match PublicKey::from_pem(pem) {
        Ok(key) if document["id"] == url.as_str() => {
            (Check::ok(name, format!("{url}, with its key")).about(about), Some((document, key)))
        }
        Ok(_) | Err(_) => {
            let measured = format!("{url} shows the id `{}`", document["id"].as_str().unwrap_or_default());
            let cure = "let nothing rewrite addresses in answers (a proxy's sub_filter, a CDN's link rewriting)";
            (Check::failed(name, measured, means, cure).about(about), None)
        }
    }
}

/// Whether an address gives servers the document and people the page, in whatever order they come.
///
/// The actor's address sends people to the profile; a review's page gives servers the Note.
pub async fn negotiation(visitor: &Visitor, reviewer: &Reviewer, review: Option<&Card>) -> Vec<Check> {
    let origin = visitor.origin();
    let mut checks = Vec::new();
    let mut places = vec![origin.actor(&reviewer.handle)];
    places.extend(review.map(|card| origin.note(&card.reviewer, &card.id)));
    places.extend(review.map(|card| origin.page(&card.reviewer, &card.slug)));
    let mut bare = Vec::new();
    for url in places {
        let path = url.trim_start_matches(origin.as_str()).to_owned();
        match turns(visitor, &url, &mut bare).await {
            Ok(None) => checks.push(Check::ok("negotiation", "servers get JSON, people the page, twice in turn").about(path)),
            Ok(Some(measured)) => checks.push(
                Check::failed(
                    "negotiation",
                    measured,
                    "a cache on the way gives one kind of visitor what was made for the other: servers lose the account, \
                     or people see JSON",
                    CACHE_CURE,
                )
                .about(path),
            ),
            Err(problem) => checks.push(
                Check::failed("negotiation", problem.to_string(), "the way breaks now and then", "look at the web server's log")
                    .about(path),
            ),
        }
    }
    checks.push(match bare.first() {
        None => Check::ok("vary", "answers that depend on Accept say so"),
        Some(url) => Check::warning(
            "vary",
            format!("the answer of {url} arrived without `Vary: Accept`"),
            "any cache on the way may hand a page to a server, or JSON to a person",
            "let the header Vary through (nginx: no `proxy_hide_header Vary`; a CDN may strip it by a setting)",
        ),
    });
    checks
}

/// Asks in turns; what was wrong first, if anything.
async fn turns(visitor: &Visitor, url: &str, bare: &mut Vec<String>) -> Result<Option<String>, NetProblem> {
    for (turn, wants_json) in ORDER.into_iter().enumerate() {
        let accept = if wants_json { ACCEPT_JSON } else { ACCEPT_HTML };
        let reply = visitor.get(url, &[("accept", accept)]).await?;
        let media_type = reply.media_type();
        let right = match wants_json {
            true => reply.seen.status == 200 && media_type == ACTIVITY_JSON,
            false => reply.redirect().is_some() || (reply.seen.status == 200 && media_type == "text/html"),
        };
        if !right {
            let wanted = if wants_json { ACTIVITY_JSON } else { "text/html" };
            return Ok(Some(format!(
                "asked for {wanted} (turn {} of {}), {url} answers with status {} and `{media_type}`{}",
                turn + 1,
                ORDER.len(),
                reply.seen.status,
                unseen(&reply)
            )));
        }
        let vary = reply.seen.headers.get_all("vary").iter().filter_map(|vary| vary.to_str().ok());
        let names = vary.flat_map(|vary| vary.split(',')).map(|name| name.trim().to_ascii_lowercase());
        if !names.into_iter().any(|name| name == "accept" || name == "*") {
            bare.push(url.to_owned());
        }
    }
    Ok(None)
}

/// The feed as a reader asks for it: compressed, and not again while it has not changed.
pub async fn feeds(visitor: &Visitor) -> Vec<Check> {
    let url = visitor.origin().at("/feed.xml");
    let means = "readers cannot follow the feed";
    let reply = match asked_with(visitor, "feeds", &url, &[("accept-encoding", "gzip")], means).await {
        Ok(reply) => reply,
        Err(check) => return vec![check],
    };
    if reply.seen.status != 200 || reply.media_type() != "application/rss+xml" {
        let measured = format!(
            "{url} answers with status {} and `{}`{}{}",
            reply.seen.status,
            reply.media_type(),
            reply.server(),
            unseen(&reply)
        );
        return vec![Check::failed("feeds", measured, means, "pass everything below the origin to reviewd")];
    }
    let mut checks = vec![Check::ok("feeds", format!("{url}, {} bytes on the wire", reply.seen.body.len()))];
    checks.push(match reply.seen.header("content-encoding") {
        Some("gzip") => Check::ok("feeds_gzip", "the feed comes compressed"),
        _ if reply.seen.body.len() < COMPRESSED_BYTES_MIN => {
            Check::skipped("feeds_gzip", "the feed is too short to compress")
        }
        _ => Check::warning(
            "feeds_gzip",
            "the feed comes uncompressed although gzip was accepted",
            "every reader fetches several times as much as it needs",
            "pass Accept-Encoding as it came; reviewd compresses by itself",
        ),
    });
    checks.push(unchanged(visitor, &url, &reply).await);
    checks
}

async fn unchanged(visitor: &Visitor, url: &str, reply: &Reply) -> Check {
    let name = "feeds_unchanged";
    let means = "readers fetch the whole feed every time, thousands of times a day for a popular one";
    let Some(tag) = reply.seen.header("etag") else {
        return Check::warning(name, "the feed arrives without an ETag", means, "let the header ETag through");
    };
    let headers = [("accept-encoding", "gzip"), ("if-none-match", tag)];
    match visitor.get(url, &headers).await {
        Ok(again) if again.seen.status == 304 && tag.starts_with("W/") => Check::warning(
            name,
            format!("304, but the tag was made weak on the way ({tag})"),
            "the web server changes the feed's bytes, usually by compressing them once more",
            "switch its compression off for reviewd (nginx: `gzip off;`)",
        ),
        Ok(again) if again.seen.status == 304 => Check::ok(name, "a reader that has the feed gets 304"),
        Ok(again) => Check::warning(
            name,
            format!("asked with the tag {tag}, the feed comes again with status {}", again.seen.status),
            means,
            "pass If-None-Match and ETag as they are",
        ),
        Err(problem) => Check::warning(name, problem.to_string(), means, "look at the web server's log"),
    }
}

async fn asked(visitor: &Visitor, name: &str, url: &str, accept: &str, means: &str) -> Result<Reply, Check> {
    asked_with(visitor, name, url, &[("accept", accept)], means).await
}

/// An answer that is no redirect; otherwise the finding.
async fn asked_with(
    visitor: &Visitor,
    name: &str,
    url: &str,
    headers: &[(&'static str, &str)],
    means: &str,
) -> Result<Reply, Check> {
    match visitor.get(url, headers).await {
        Err(problem) => Err(Check::failed(name, format!("{url}: {problem}"), means, "look at the web server's log")),
        Ok(reply) => match reply.redirect() {
            Some(_) if headers.iter().any(|(name, value)| *name == "accept" && loses_accept(&reply, value)) => {
                Err(Check::failed(
                    name,
                    format!("{url} answers as to a person, because the header Accept did not arrive as it was sent"),
                    means,
                    ACCEPT_CURE,
                ))
            }
            Some(to) => Err(Check::failed(
                name,
                format!("{url} leads elsewhere, to {to}{}", unseen(&reply)),
                format!("an id must answer at the very address it names: {means}"),
                "take the redirect out of the web server (a slash added or removed, `www.` added, a path moved)",
            )),
            None => Ok(reply),
        },
    }
}

/// Whether `Accept` arrived, but otherwise than it was sent.
fn loses_accept(reply: &Reply, sent: &str) -> bool {
    reply.arrival.as_ref().is_some_and(|arrival| arrival.headers.get("accept").is_none_or(|came| came != sent))
}

/// Says when a request never came here, so that somebody on the way answered it.
fn unseen(reply: &Reply) -> &'static str {
    if reply.arrival.is_some() { "" } else { "; the request did not arrive here, so it was answered on the way" }
}
