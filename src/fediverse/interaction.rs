//! From a visitor's handle to the page of their own server where they answer a post of ours.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use url::Url;

use super::json::items;

/// What stands before the names of intents (<https://w3id.org/fep/3b86>).
const INTENT: &str = "https://w3id.org/fep/3b86/";
/// The older way, by which Mastodon and its kin open any post.
const SUBSCRIBE: &str = "http://ostatus.org/schema/1.0/subscribe";
/// Longest template taken, in bytes.
const TEMPLATE_BYTES_MAX: usize = 1_000;
/// Links of one answer that are looked at.
const LINKS_MAX: usize = 100;
/// Longest name and longest host name (RFC 1035, section 2.3.4) that is asked about, in bytes.
const NAME_BYTES_MAX: usize = 128;
const HOST_BYTES_MAX: usize = 255;

/// Whose server is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `bob@mastodon.example`; for a server alone its own name twice, which is its instance actor.
    pub handle: String,
    /// With its port where one is written.
    pub host: String,
    /// Only the server was named.
    pub is_server: bool,
}

/// What stands before a name in the addresses of profiles: Mastodon and Pleroma, Mastodon's own client, Lemmy, BookWyrm,
/// Friendica, WordPress, Hubzilla, PeerTube.
const BEFORE_NAMES: [&str; 10] = ["users", "web", "deck", "u", "user", "profile", "author", "channel", "accounts", "a"];

/// Reads what people type: `@bob@m.example`, `bob@m.example`, `https://m.example/@bob`, `m.example`.
pub fn account(typed: &str) -> Option<Account> {
    let typed = typed.trim().trim_matches(['<', '>']).trim_end_matches('/');
    let typed = typed.strip_prefix("acct:").unwrap_or(typed);
    let (name, host) = match typed.strip_prefix("https://").or_else(|| typed.strip_prefix("http://")) {
        Some(address) => of_address(address),
        None => match typed.trim_start_matches('@').rsplit_once('@') {
            Some((name, host)) if !typed.contains('/') => (Some(name), host),
            Some(_) | None => of_address(typed),
        },
    };
    let host = host.trim_end_matches('.').to_lowercase();
    let of_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | ':');
    let is_host = (host.contains('.') || host.starts_with("localhost")) && host.chars().all(of_host);
    if !is_host || host.len() > HOST_BYTES_MAX || host.starts_with(['.', '-', ':']) {
        return None;
    }
    let is_server = name.is_none();
    let name = name.unwrap_or(&host);
    let of_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    let is_name = !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(of_name);
    is_name.then(|| Account { handle: format!("{name}@{host}"), host: host.clone(), is_server })
}

/// `m.example/@bob`, `m.example/users/bob`, `m.example/@bob@other.example`, `m.example/bob`, `m.example`.
fn of_address(address: &str) -> (Option<&str>, &str) {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let (host, path) = address.split_once('/').unwrap_or((address, ""));
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    match (parts.next(), parts.next()) {
        (Some(name), _) if name.starts_with('@') => at_host(name, host),
        (Some(before), Some(name)) if BEFORE_NAMES.contains(&before) => at_host(name, host),
        (Some(name), None) => (Some(name), host),
        _ => (None, host),
    }
}

/// `@bob` and `@bob@other.example`.
fn at_host<'a>(name: &'a str, host: &'a str) -> (Option<&'a str>, &'a str) {
    match name.trim_start_matches('@').split_once('@') {
        Some((name, other)) => (Some(name), other),
        None => (Some(name.trim_start_matches('@')), host),
    }
}

/// Where a server opens a post for answering, by its WebFinger answer: the intent to create a reply, the intent to show
/// the post, the older subscribe template. `None` where it names none that leads to a web page.
///
/// `insecure` lets plain http through, for a trial on loopback.
pub fn page_for_answering(web_finger: &Value, post: &str, back: &str, insecure: bool) -> Option<Url> {
    let links: Vec<&Value> = items(&web_finger["links"]).iter().take(LINKS_MAX).collect();
    let ways = [
        (format!("{INTENT}Create"), "{inReplyTo}"),
        (format!("{INTENT}Object"), "{object}"),
        (SUBSCRIBE.to_owned(), "{uri}"),
    ];
    ways.iter().find_map(|(rel, place)| {
        let fits = |link: &&&Value| link["rel"].as_str().is_some_and(|named| named.eq_ignore_ascii_case(rel));
        let mut templates = links.iter().filter(fits).filter_map(|link| link["template"].as_str());
        templates.find_map(|template| filled(template, place, post, back, insecure))
    })
}

/// The template with the post in its place; the other places of FEP-3b86 stay empty, but for the way back.
fn filled(template: &str, place: &str, post: &str, back: &str, insecure: bool) -> Option<Url> {
    if template.len() > TEMPLATE_BYTES_MAX || !template.contains(place) {
        return None;
    }
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let mut address = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        address.push_str(before);
        match name {
            _ if place == format!("{{{name}}}") => address.push_str(&encoded(post)),
            "on-success" | "on-cancel" => address.push_str(&encoded(back)),
            _ => {}
        }
        rest = after;
    }
    address.push_str(rest);
    let url = Url::parse(&address).ok()?;
    let is_web = url.scheme() == "https" || (insecure && url.scheme() == "http");
    (is_web && url.has_host() && url.username().is_empty() && url.password().is_none()).then_some(url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_may_type_their_address_as_they_know_it() {
        fn check(typed: &str, expected: Option<(&str, &str)>) {
            let account = account(typed);
            let read = account.as_ref().map(|account| (account.handle.as_str(), account.host.as_str()));
            assert_eq!(read, expected, "{typed}");
        }
        let bob = Some(("bob@m.example", "m.example"));
        for typed in [
            "bob@m.example",
            " @bob@M.example. ",
            "acct:bob@m.example",
            "https://m.example/@bob",
            "https://m.example/@bob/1234?x#y",
            "https://m.example/users/bob",
            "m.example/@bob",
            "https://other.example/@bob@m.example",
            "https://other.example/deck/@bob@m.example",
            "https://m.example/user/bob",
            "https://m.example/profile/bob/",
            "https://m.example/web/@bob",
            "https://m.example/bob",
            "@bob@m.example/",
            "acct:@bob@m.example",
            "<@bob@m.example>",
        ] {
            check(typed, bob);
        }
        check("m.example", Some(("m.example@m.example", "m.example")));
        check("https://m.example/", Some(("m.example@m.example", "m.example")));
        assert!(account("m.example").is_some_and(|account| account.is_server));
        assert!(account("bob@m.example").is_some_and(|account| !account.is_server));
        check("bob@localhost:8080", Some(("bob@localhost:8080", "localhost:8080")));
        check("bob@münchen.example", Some(("bob@münchen.example", "münchen.example")));
        let long = format!("{}@m.example", "x".repeat(200));
        for bad in
            ["", "@", "bob", "bob@", "@bob", "bob@nowhere", "a b@m.example", "x@m.example/path", "x@[::1]", &long]
        {
            check(bad, None);
        }
    }

    fn check(links: Value, expected: Option<&str>) {
        let (post, back) = ("https://b.example/users/ana/reviews/1", "https://b.example/@ana/dune");
        let url = page_for_answering(&json!({"links": links}), post, back, false);
        assert_eq!(url.as_ref().map(Url::as_str), expected);
    }

    #[test]
    fn intents_come_before_the_subscribe_template() {
        let subscribe = json!({"rel": SUBSCRIBE, "template": "https://m.example/authorize_interaction?uri={uri}"});
        let object = json!({"rel": "https://w3id.org/fep/3b86/Object", "template": "https://m.example/o?u={object}"});
        let create = json!({
            "rel": "https://w3id.org/fep/3b86/create",
            "template": "https://m.example/c?re={inReplyTo}&t={content}&then={on-success}",
        });
        // Mastodon's, which makes a new post and answers none.
        let share =
            json!({"rel": "https://w3id.org/fep/3b86/Create", "template": "https://m.example/share?text={content}"});
        let post = "https%3A%2F%2Fb%2Eexample%2Fusers%2Fana%2Freviews%2F1";
        let back = "https%3A%2F%2Fb%2Eexample%2F%40ana%2Fdune";
        check(
            json!([subscribe, object, share, create]),
            Some(&format!("https://m.example/c?re={post}&t=&then={back}")),
        );
        check(json!([subscribe, share, object]), Some(&format!("https://m.example/o?u={post}")));
        check(json!([share, subscribe]), Some(&format!("https://m.example/authorize_interaction?uri={post}")));
        check(json!(subscribe), Some(&format!("https://m.example/authorize_interaction?uri={post}")));
        check(json!([share]), None);
        check(json!([]), None);
        check(json!("no links"), None);
    }

    #[test]
    fn a_template_leads_to_a_web_page_or_nowhere() {
        let long = format!("https://m.example/{{uri}}{}", "x".repeat(2_000));
        for template in [
            "javascript:alert('{uri}')",
            "data:text/html,{uri}",
            "//m.example/{uri}",
            "http://m.example/{uri}",
            "https://bank.example@m.example/{uri}",
            "https://m.example/{uri",
            "{uri}",
            &long,
        ] {
            check(json!([{"rel": SUBSCRIBE, "template": template}]), None);
        }
    }
}
