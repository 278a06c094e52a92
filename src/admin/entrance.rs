//! By which name one comes in, and whose page a form was sent from.

use axum::http::{HeaderMap, Request, header, uri::Authority};

use crate::{domain::Origin, web};

/// The names that a door answers to. A browser can be led to any address under a name of somebody's choice (DNS
/// rebinding), and then takes that name's pages for the same site as ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// This machine's own, at whatever port a tunnel ends.
    Loopback,
    /// All: the password is asked under each name anew, since a cookie belongs to one.
    Any,
    Site(Origin),
}

impl Names {
    pub fn hold(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback => {
                let named = host.parse::<Authority>().ok().filter(|_| !host.contains('@'));
                let name = named.map(|name| name.host().to_ascii_lowercase()).unwrap_or_default();
                ["localhost", "127.0.0.1", "[::1]"].contains(&name.as_str())
            }
            Self::Site(origin) if origin.is_loopback() => web::is_loopback_name(host, origin.host()),
            Self::Site(origin) => host.eq_ignore_ascii_case(origin.host()),
        }
    }
}

/// The host that a request names.
pub fn host_of<B>(request: &Request<B>) -> Option<String> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    host.or_else(|| request.uri().authority().map(Authority::as_str)).map(str::to_owned)
}

/// Whether a form was sent from a page under this host. Every browser of this decade says so, by `Origin`
/// (<https://fetch.spec.whatwg.org/#origin-header>) and `Sec-Fetch-Site` (<https://www.w3.org/TR/fetch-metadata/>): what
/// says nothing is no form of ours.
pub fn is_from_here(headers: &HeaderMap, host: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let (site, origin) = (text("sec-fetch-site"), text("origin"));
    let named = |origin: &str| origin.split_once("://").is_some_and(|(_, named)| named.eq_ignore_ascii_case(host));
    (site.is_some() || origin.is_some()) && site.is_none_or(|site| site == "same-origin") && origin.is_none_or(named)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    #[test]
    fn a_door_without_a_password_answers_to_this_machines_names_only() {
        for (host, held) in [
            ("localhost:9465", true),
            ("127.0.0.1:9465", true),
            ("[::1]:9465", true),
            ("LOCALHOST:19465", true),
            ("localhost", true),
            ("rebound.example:9465", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:9465", false),
            ("evil@localhost:9465", false),
            ("", false),
        ] {
            assert_eq!(Names::Loopback.hold(host), held, "{host}");
        }
        let site = Names::Site(Origin::parse("https://books.example").unwrap());
        assert!(site.hold("Books.Example") && !site.hold("evil.example") && !site.hold("books.example:8080"));
        assert!(Names::Any.hold("box.lan:9465"));
    }

    #[test]
    fn a_form_comes_from_our_own_page_or_is_none() {
        fn check(headers: &[(&'static str, &'static str)], ours: bool) {
            let pairs = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
            assert_eq!(is_from_here(&pairs.collect(), "localhost:9465"), ours, "{headers:?}");
        }
        check(&[("origin", "http://localhost:9465")], true);
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "same-origin"), ("origin", "http://localhost:9465")], true);
        check(&[], false);
        check(&[("origin", "null")], false);
        check(&[("origin", "http://localhost:9466")], false);
        check(&[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")], false);
        check(&[("sec-fetch-site", "same-site"), ("origin", "http://localhost:9465")], false);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "none")], false);
    }
}
