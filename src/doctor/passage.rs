//! What the way in does to a signed request: stripped and changed headers, a body's size, and whose request it seems.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{
    origin::HOST_CURE,
    report::Check,
    visit::{Reply, Visitor},
};
use crate::{
    domain::Spec,
    fediverse::context::ACTIVITYSTREAMS,
    net::{HeaderMap, NetProblem},
};

/// What an inbox must take: Mastodon's `MAX_JSON_SIZE`, and reviewd's own limit.
const BODY_BYTES: usize = 1 << 20;
/// The headers that signatures cover, of both kinds.
const SIGNED: [&str; 6] = ["date", "digest", "content-digest", "signature", "signature-input", "content-type"];

const HEADER_CURE: &str = "take out what sets, hides or filters request headers at the web server (nginx: only \
                           `proxy_set_header Host $http_host;` and X-Forwarded-…; a CDN or firewall may have a rule)";

/// A signed request of each kind to the shared inbox, and what became of its headers.
pub async fn headers(visitor: &Visitor) -> Check {
    let name = "signed_headers";
    let url = visitor.origin().at("/inbox");
    let means = "other servers' follows, likes and replies are refused, because their signatures no longer hold";
    for spec in [Spec::Cavage, Spec::Rfc9421] {
        let before = visitor.examination.knocks().len();
        let sent = visitor.post(&url, &probe(visitor, ""), spec).await;
        let (reply, sent) = match sent {
            Ok(sent) => sent,
            Err(problem) => {
                return Check::failed(name, format!("{url}: {problem}"), means, "look at the web server's log");
            }
        };
        if let Some(to) = reply.redirect() {
            let measured = format!("a POST to {url} leads elsewhere, to {to}");
            return Check::failed(name, measured, means, "take the redirect out: servers do not follow it with a POST");
        }
        let changed = changed(visitor, &reply, &sent, &url);
        if !changed.is_empty() {
            let cure = if changed.iter().any(|change| change.starts_with("Host")) { HOST_CURE } else { HEADER_CURE };
            return Check::failed(name, changed.join("; "), means, cure);
        }
        let taken = visitor.examination.knocks().len() > before;
        if reply.seen.status != 202 || !taken {
            let why = visitor.examination.last_refusal().unwrap_or_default();
            let answered = String::from_utf8_lossy(&reply.seen.body);
            let why = if why.is_empty() { answered.trim() } else { &why };
            let arrived = if taken || reply.arrival.is_some() { "" } else { "; it did not arrive here" };
            let measured = format!(
                "a signed request to {url} is answered with {}{}{arrived}: {why}",
                reply.seen.status,
                reply.server()
            );
            return Check::failed(name, measured, means, HEADER_CURE);
        }
    }
    Check::ok(name, "Host, Date, Digest and Signature arrive as they were sent, in both forms of signature")
}

/// What arrived otherwise than it was sent.
fn changed(visitor: &Visitor, reply: &Reply, sent: &HeaderMap, url: &str) -> Vec<String> {
    let Some(arrival) = &reply.arrival else { return Vec::new() };
    let mut changed = Vec::new();
    let ours = visitor.origin().host();
    match &arrival.host {
        Some(host) if host.eq_ignore_ascii_case(ours) || host.eq_ignore_ascii_case(&format!("{ours}:443")) => {}
        Some(host) => changed.push(format!("Host arrived as `{host}` instead of `{ours}`")),
        None => changed.push("Host did not arrive".to_owned()),
    }
    for name in SIGNED {
        match (sent.get(name), arrival.headers.get(name)) {
            (None, _) => {}
            (Some(_), None) => changed.push(format!("{} did not arrive", titled(name))),
            (Some(sent), Some(came)) if sent != came => changed.push(format!(
                "{} arrived as `{}` instead of `{}`",
                titled(name),
                came.to_str().unwrap_or_default(),
                sent.to_str().unwrap_or_default()
            )),
            (Some(_), Some(_)) => {}
        }
    }
    let path = url.trim_start_matches(visitor.origin().as_str());
    if arrival.path_and_query != path {
        changed.push(format!("the path arrived as `{}` instead of `{path}`", arrival.path_and_query));
    }
    changed
}

/// `content-digest` as people write it.
fn titled(name: &str) -> String {
    let part = |part: &str| part[..1].to_ascii_uppercase() + &part[1..];
    name.split('-').map(part).collect::<Vec<_>>().join("-")
}

/// Whether the largest activity that servers send gets through.
pub async fn body_size(visitor: &Visitor) -> Check {
    let name = "body_size";
    let url = visitor.origin().at("/inbox");
    let empty = probe(visitor, "").to_string().len();
    let activity = probe(visitor, &"a".repeat(BODY_BYTES - empty));
    let means = "long posts that answer a review, and big servers' bundles, are lost";
    let cure = "allow bodies of 1 MiB: nginx `client_max_body_size 1m;`, Caddy `request_body { max_size 1MiB }`, Apache \
                `LimitRequestBody 1048576`";
    let whole = || visitor.examination.knocks().iter().any(|knock| knock.bytes == BODY_BYTES);
    match visitor.post(&url, &activity, Spec::Cavage).await {
        Ok((reply, _)) if reply.seen.status == 202 && whole() => {
            Check::ok(name, format!("{BODY_BYTES} bytes get through"))
        }
        // It was read to its end, or its signature could not have been judged.
        Ok((reply, _)) if reply.seen.status == 401 => {
            Check::skipped(name, "its signature is refused; see the check `signed_headers`")
        }
        Ok((reply, _)) => {
            let measured =
                format!("{BODY_BYTES} bytes are answered with status {}{}", reply.seen.status, reply.server());
            Check::failed(name, measured, means, cure)
        }
        // A server that has read enough may answer and close while the rest is still being sent.
        Err(NetProblem::Broken(why)) => {
            Check::failed(name, format!("{BODY_BYTES} bytes break the connection: {why}"), means, cure)
        }
        Err(problem) => Check::failed(name, problem.to_string(), means, cure),
    }
}

/// Whether requests of different people can be told apart, which the limit for one client needs.
pub fn client_address(reply: &Reply) -> Check {
    let name = "client_address";
    let Some(arrival) = &reply.arrival else { return Check::skipped(name, "the request was not seen to arrive") };
    let forwarded = arrival.headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let through_proxy = arrival.headers.keys().any(|name| name == "via" || name.as_str().starts_with("x-forwarded"));
    match (arrival.peer.map(|peer| peer.to_canonical()), forwarded) {
        (Some(peer), Some(forwarded)) if !peer.is_loopback() => Check::warning(
            name,
            format!("requests come from {peer} on behalf of {forwarded}"),
            "a proxy on another machine is not asked for whom it speaks: all visitors together count as one client, and \
             may be told to wait",
            "run the web server on this machine, or let it reach reviewd over a loopback address",
        ),
        (Some(IpAddr::V4(_) | IpAddr::V6(_)), None) if through_proxy => Check::warning(
            name,
            "the web server does not say for whom it asks",
            "no limit can be set on a single client",
            "nginx: `proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`",
        ),
        (_, Some(forwarded)) => Check::ok(name, format!("the web server asks on behalf of {forwarded}")),
        (_, None) => Check::ok(name, "requests come without a proxy, or from one that says nothing"),
    }
}

/// An activity that means nothing to anybody, with as many words as wanted.
fn probe(visitor: &Visitor, words: &str) -> Value {
    let actor = visitor.examination.actor();
    json!({
        "@context": ACTIVITYSTREAMS,
        "id": format!("{actor}#looks"),
        "type": "View",
        "actor": actor,
        "object": visitor.origin().home(),
        "content": words,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_named_as_people_write_them() {
        assert_eq!(titled("content-digest"), "Content-Digest");
        assert_eq!(titled("date"), "Date");
    }
}
