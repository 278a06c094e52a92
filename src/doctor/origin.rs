//! The way to the public origin: name, certificate, addresses, redirects, who answers there, and the clock.

use std::net::{IpAddr, SocketAddr};

use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};

use super::{
    certificate::Validity,
    report::Check,
    visit::{Reply, Visitor},
};
use crate::{
    domain::Origin,
    fediverse::context::ACTIVITY_JSON,
    net::{HeaderMap, NetProblem, Probe, Trust, Url, is_public},
};

/// Certificates of ninety days are renewed at thirty; at fourteen the renewal has failed for two weeks.
const CERTIFICATE_DAYS_MIN: i64 = 14;
/// BookWyrm and Takahe refuse a signature that is older, or further ahead, than this.
const CLOCK_SECONDS_MAX: i64 = 300;
/// A clock that is kept by NTP is never that far off.
const CLOCK_SECONDS_FINE: i64 = 30;

/// Why everything behind the origin was not looked at.
pub const LOCALHOST: &str = "this is a trial on localhost: nothing of it is on the internet";

/// What the host's name resolves to. The check, and the addresses.
pub async fn dns(origin: &Origin) -> (Check, Vec<SocketAddr>) {
    let name = "dns";
    let Some((host, port)) = host_and_port(origin) else {
        return (Check::skipped(name, "the origin has no host"), Vec::new());
    };
    if origin.is_loopback() {
        return (Check::skipped(name, LOCALHOST), Vec::new());
    }
    let plain = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let found = tokio::net::lookup_host((plain, port)).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            let check = Check::failed(
                name,
                format!("{host}: {error}"),
                "nobody can find the site",
                "add an A record (and AAAA for IPv6) that points to this server, at whoever manages the domain; it may \
                 take an hour to be seen everywhere",
            );
            return (check, Vec::new());
        }
    };
    let list = addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ");
    let private: Vec<IpAddr> = addresses.iter().map(SocketAddr::ip).filter(|address| !is_public(*address)).collect();
    let check = if private.is_empty() {
        Check::ok(name, format!("{host}: {list}"))
    } else {
        Check::warning(
            name,
            format!("{host}: {list}"),
            "seen from this machine the name leads to an address inside your own network, so the way in from the internet \
             was not tried",
            "compare with what the world sees, for example at https://dns.google; with /etc/hosts or a split DNS this is \
             as it should be",
        )
    };
    (check, addresses)
}

/// Whether the certificate is believed, and for how long still.
pub async fn certificate(origin: &Origin, now: Timestamp) -> Check {
    let name = "certificate";
    if !origin.as_str().starts_with("https:") {
        return Check::skipped(name, LOCALHOST);
    }
    let believed = knock(origin, Trust::System).await;
    match believed {
        Ok(Some(der)) => valid(Validity::read(&der), now),
        Ok(None) => Check::skipped(name, "the connection showed no certificate"),
        Err(problem) if !is_about_certificate(&problem) => {
            Check::skipped(name, format!("no connection was made: {problem}"))
        }
        Err(problem) => {
            let shown = knock(origin, Trust::Anybody).await.ok().flatten();
            let dates = shown
                .and_then(|der| Validity::read(&der))
                .map(|validity| format!("; it is valid from {} to {}", validity.not_before, validity.not_after));
            let (means, cure) = distrust(&problem.to_string());
            Check::failed(name, format!("{problem}{}", dates.unwrap_or_default()), means, cure)
        }
    }
}

fn valid(validity: Option<Validity>, now: Timestamp) -> Check {
    let name = "certificate";
    let Some(validity) = validity else { return Check::ok(name, "chain and name are good; its dates were not read") };
    let days = validity.not_after.duration_since(now).as_hours() / 24;
    let measured = format!("chain and name are good; valid until {}, {days} days", validity.not_after);
    if days < CERTIFICATE_DAYS_MIN {
        Check::warning(
            name,
            measured,
            "when it ends, no server and no reader reaches the site any more",
            "see why it was not renewed: `certbot renew --dry-run`, or Caddy's log; the port for the challenge (80) must be \
             open",
        )
    } else {
        Check::ok(name, measured)
    }
}

async fn knock(origin: &Origin, trust: Trust) -> Result<Option<Vec<u8>>, NetProblem> {
    let probe = Probe::new(origin, trust, None)?;
    Ok(probe.get(&origin.at("/healthz"), HeaderMap::new()).await?.certificate)
}

fn is_about_certificate(problem: &NetProblem) -> bool {
    let text = problem.to_string().to_lowercase();
    ["certificate", "unknownissuer", "tls", "handshake", "alert"].iter().any(|word| text.contains(word))
}

/// What a refusal of the TLS library means, in the words it uses.
fn distrust(text: &str) -> (&'static str, &'static str) {
    let text = text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["expired"]) {
        (
            "it has ended: every server and every reader refuses the site",
            "renew it (`certbot renew`), then reload the web server",
        )
    } else if says(&["notvalidyet", "not valid yet"]) {
        ("it is not valid yet, or this machine's clock is behind", "look at `timedatectl`; then at the certificate")
    } else if says(&["notvalidforname", "not valid for name"]) {
        (
            "it is for another name, so every server refuses the site",
            "get a certificate for the host of [site] origin, and see that the web server uses it for this name",
        )
    } else if says(&["unknownissuer", "unknown issuer", "badsignature", "self-signed", "self signed"]) {
        (
            "its issuer is not trusted: either it was made by hand, or the web server sends it without the ones between",
            "serve the whole chain (certbot's fullchain.pem, not cert.pem), from an authority everybody trusts such as \
             Let's Encrypt",
        )
    } else {
        ("other servers refuse such a connection too", "look at the web server's TLS settings and its log")
    }
}

/// Whether people who type the bare name arrive.
pub async fn http_to_https(origin: &Origin) -> Check {
    let name = "http_to_https";
    let Some(host) = origin.as_str().strip_prefix("https://") else { return Check::skipped(name, LOCALHOST) };
    if origin.is_loopback() || host.contains(':') {
        return Check::skipped(name, "the origin names a port, so plain http has no usual place");
    }
    let means = "people who type the name without https do not arrive";
    let cure = "let the web server answer on port 80 with a permanent redirect to https (deploy/nginx.conf; Caddy does it \
                by itself)";
    let probe = match Probe::new(origin, Trust::System, None) {
        Ok(probe) => probe,
        Err(problem) => return Check::skipped(name, problem.to_string()),
    };
    match probe.get(&format!("http://{host}/"), HeaderMap::new()).await {
        Ok(seen) if matches!(seen.status, 301 | 302 | 307 | 308) => {
            let to = seen.header("location").unwrap_or_default();
            if to.starts_with(origin.as_str()) {
                Check::ok(name, format!("status {} to {to}", seen.status))
            } else {
                Check::warning(name, format!("status {} to {to}", seen.status), means, cure)
            }
        }
        Ok(seen) => Check::warning(name, format!("http://{host}/ answers with status {}", seen.status), means, cure),
        Err(problem) => Check::warning(name, format!("http://{host}/: {problem}"), means, cure),
    }
}

/// Whether each family of addresses answers.
pub async fn addresses(origin: &Origin, addresses: &[SocketAddr]) -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, family) in [("ipv4", SocketAddr::is_ipv4 as fn(&SocketAddr) -> bool), ("ipv6", SocketAddr::is_ipv6)] {
        if origin.is_loopback() {
            checks.push(Check::skipped(name, LOCALHOST));
            continue;
        }
        let of_family: Vec<&SocketAddr> = addresses.iter().filter(|address| family(address)).collect();
        if of_family.is_empty() {
            checks.push(Check::skipped(name, "the name has no such address"));
        }
        for address in of_family {
            checks.push(address_answers(name, origin, *address).await.about(address.ip()));
        }
    }
    checks
}

async fn address_answers(name: &str, origin: &Origin, address: SocketAddr) -> Check {
    let answer = match Probe::new(origin, Trust::System, Some(address)) {
        Ok(probe) => probe.get(&origin.at("/healthz"), HeaderMap::new()).await,
        Err(problem) => Err(problem),
    };
    match answer {
        Ok(seen) if seen.status == 200 => Check::ok(name, format!("{address} answers")),
        Err(NetProblem::Connect(why)) if why.to_lowercase().contains("unreachable") => {
            Check::skipped(name, format!("this machine has no way to {address}: {why}"))
        }
        Err(problem) if is_about_certificate(&problem) => {
            Check::skipped(name, format!("{address} is reached, but not believed; see the check `certificate`"))
        }
        other => {
            let seen = match &other {
                Ok(seen) => format!("status {}", seen.status),
                Err(problem) => problem.to_string(),
            };
            Check::failed(
                name,
                format!("{address}: {seen}"),
                "servers that choose this address do not reach the site, and wait before they try the other",
                "let web server and firewall take connections there, or remove the record from the DNS",
            )
        }
    }
}

/// Whether the origin leads to this very daemon. `None` for the check that all is well to go on.
pub async fn leads_here(visitor: &Visitor) -> (Check, Option<Reply>) {
    let name = "origin";
    let url = visitor.origin().at("/healthz");
    let reply = match visitor.get(&url, &[]).await {
        Ok(reply) => reply,
        Err(problem) => {
            let (means, cure) = unreached(&problem);
            return (Check::failed(name, format!("{url}: {problem}"), means, cure), None);
        }
    };
    let (status, server) = (reply.seen.status, reply.server());
    let arrived = reply.arrival.is_some() || (status == 200 && hosts_the_peer(visitor).await);
    let measured = format!("{url} answers with status {status}{server}");
    let check = match status {
        200 if arrived => Check::ok(name, format!("{measured}, from this daemon")),
        301 | 302 | 303 | 307 | 308 => Check::failed(
            name,
            format!("{measured}, a redirect to {}", reply.seen.header("location").unwrap_or("nowhere")),
            "ids must answer at the very address they name: other servers take a redirect for another account",
            "let the web server answer for the host of [site] origin itself, or set the origin to where it leads (before \
             anybody follows)",
        ),
        421 => Check::failed(
            name,
            format!("{measured}; this daemon was asked for another host than its own{}", arrived_as(&reply)),
            "signatures cover the host, so every activity of other servers would be refused",
            HOST_CURE,
        ),
        502..=504 if !arrived => Check::failed(
            name,
            measured,
            "the web server does not reach reviewd",
            "let it pass requests to [site] listen of the settings; look at its error log",
        ),
        _ if !arrived => Check::failed(
            name,
            format!("{measured}, and the request did not arrive here"),
            "somebody else answers at the origin: another site, another server, or a page put up by the host",
            "see that the web server's site for this name passes everything to [site] listen; if the name leads to another \
             machine, that is the DNS record",
        ),
        _ => Check::failed(
            name,
            measured,
            "the daemon answers, but not as it should",
            "look at the daemon's log and at what the web server adds",
        ),
    };
    let goes_on = check.outcome == super::report::Outcome::Ok;
    (check, goes_on.then_some(reply))
}

/// Whether the throw-away peer's document is to be had, which this daemon alone has: a proxy may drop headers it does not
/// know, the mark of an examination among them.
async fn hosts_the_peer(visitor: &Visitor) -> bool {
    let actor = visitor.examination.actor();
    let shown = visitor.get(&actor, &[("accept", ACTIVITY_JSON)]).await;
    shown.is_ok_and(|reply| {
        reply.seen.status == 200 && reply.json().is_some_and(|document| document["id"] == actor.as_str())
    })
}

/// What mends a `Host` that was rewritten.
pub const HOST_CURE: &str = "pass the host as it came: nginx `proxy_set_header Host $http_host;`, Apache `ProxyPreserveHost \
                             On`; Caddy does so by itself";

fn arrived_as(reply: &Reply) -> String {
    let host = reply.arrival.as_ref().and_then(|arrival| arrival.host.as_deref());
    host.map(|host| format!(" (`{host}`)")).unwrap_or_default()
}

fn unreached(problem: &NetProblem) -> (&'static str, &'static str) {
    match problem {
        NetProblem::NoSuchHost => ("nobody can find the site", "add the DNS records for the host of [site] origin"),
        NetProblem::Timeout => (
            "no answer comes: a firewall drops the packets, or a home router does not lead its own public address back \
             inside (then others may reach the site all the same)",
            "open ports 80 and 443 in the firewall and forward them; to try from here, put the name with this machine's \
             address into /etc/hosts",
        ),
        problem if is_about_certificate(problem) => {
            ("other servers refuse such a certificate too", "see the check `certificate`")
        }
        NetProblem::Connect(why) if why.to_lowercase().contains("unreachable") => (
            "this machine has no way to the address that the name leads to",
            "compare the address of the check `dns` with this machine's own (`ip address`, or what the hoster shows): if they \
             differ, correct the DNS record; else look at this machine's network",
        ),
        NetProblem::Connect(_) => (
            "nobody listens there",
            "start the web server, and see that it listens on the port of the origin (443 for https)",
        ),
        NetProblem::NoEntry(_)
        | NetProblem::TooLong(_)
        | NetProblem::Redirects
        | NetProblem::Status(_)
        | NetProblem::Request(_)
        | NetProblem::Broken(_) => ("the connection does not hold", "look at the web server's error log"),
    }
}

/// Whether the daemon says it is ready.
pub async fn ready(visitor: &Visitor) -> Check {
    let name = "readyz";
    match visitor.get(&visitor.origin().at("/readyz"), &[]).await {
        Ok(reply) if reply.seen.status == 200 => Check::ok(name, "ready"),
        Ok(reply) => Check::failed(
            name,
            format!("status {}: {}", reply.seen.status, String::from_utf8_lossy(&reply.seen.body).trim()),
            "folders are still being read, or the database does not answer",
            "wait a moment and ask again; then look at the daemon's log",
        ),
        Err(problem) => {
            Check::failed(name, problem.to_string(), "the way through the web server breaks", "look at its log")
        }
    }
}

/// This machine's clock beside the `Date` of an answer, and beside what other servers said lately.
pub fn clock(reply: &Reply, others: Option<(SignedDuration, usize)>, now: Timestamp) -> Check {
    let name = "clock";
    let date = reply.seen.header("date");
    let stated = date.and_then(|date| DateTimeParser::new().relaxed_weekday(true).parse_timestamp(date).ok());
    let ahead = |ahead: SignedDuration| match ahead.as_secs() {
        0 => "to the second".to_owned(),
        seconds if seconds > 0 => format!("{seconds} s ahead"),
        seconds => format!("{} s behind", -seconds),
    };
    let mut measured = Vec::new();
    let mut worst = 0;
    if let Some(stated) = stated {
        let off = now.duration_since(stated);
        measured.push(format!("{} of the Date in the web server's answer", ahead(off)));
        worst = off.as_secs().abs();
    }
    if let Some((off, hosts)) = others {
        measured.push(format!("{} of {hosts} other servers", ahead(off)));
        worst = worst.max(off.as_secs().abs());
    }
    if measured.is_empty() {
        return Check::skipped(name, "no answer carried a Date");
    }
    let measured = format!("this machine's clock is {}", measured.join(", "));
    let cure = "run `timedatectl set-ntp true` and look at `timedatectl`; if it is the web server on another machine that \
                is wrong, there. Nothing is damaged: dates of reviews never run backwards, and refused deliveries are \
                tried again";
    if worst > CLOCK_SECONDS_MAX {
        let means = "signatures carry the time, and other servers refuse those that are more than five minutes off; this \
                     one would refuse theirs";
        Check::failed(name, measured, means, cure)
    } else if worst > CLOCK_SECONDS_FINE {
        Check::warning(name, measured, "nobody sets this clock; at five minutes other servers refuse signatures", cure)
    } else {
        Check::ok(name, measured)
    }
}

fn host_and_port(origin: &Origin) -> Option<(String, u16)> {
    let url = Url::parse(origin.as_str()).ok()?;
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}
