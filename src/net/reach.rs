//! How far the client may reach: which URLs and which addresses.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::address::is_public;
use crate::domain::{Network, Origin};

/// Longest address fetched, in bytes (FEDERATION 8.7).
const URL_BYTES_MAX: usize = 2_048;
/// Names that are never on the public internet (RFC 6761, RFC 6762, RFC 7686, RFC 8375, RFC 9476).
const CLOSED_NAMES: [&str; 8] = ["localhost", "local", "onion", "internal", "home.arpa", "alt", "test", "invalid"];

/// What the client may connect to.
#[derive(Debug, Clone)]
pub struct Reach {
    public: bool,
    loopback: bool,
    allowed: Vec<Network>,
}

/// Why an address is not fetched. Another attempt would end the same way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEntry {
    #[error("the address is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
    #[error("the address is not https")]
    Scheme,
    #[error("the address holds a user name or password")]
    UserInfo,
    #[error("the address has no host, or one with a trailing dot")]
    Host,
    #[error("the address names a port other than 443")]
    Port,
    #[error("the host is a bare IP address")]
    Literal,
    #[error("the host `{0}` is not on the public internet")]
    Name(String),
    #[error("{0} is not an address of the public internet; `allow_addresses` in the settings can open it")]
    Address(IpAddr),
}

impl Reach {
    /// For talking to other servers. A site on loopback talks to loopback only: its ids would mean nothing elsewhere.
    pub fn for_federation(origin: &Origin, allowed: &[Network]) -> Self {
        Self { public: !origin.is_loopback(), loopback: origin.is_loopback(), allowed: allowed.to_vec() }
    }

    /// For pictures that people and reviews name. A trial on loopback does not look beyond this machine for them either.
    pub fn for_pictures(origin: &Origin, allowed: &[Network]) -> Self {
        Self::for_federation(origin, allowed)
    }

    /// Judges the spelling of a URL. What it resolves to is judged when the client connects.
    ///
    /// Plain http, other ports and bare IP addresses are for networks that the settings opened, so for these the
    /// addresses are looked up here as well, and every one must lie in an opened network.
    pub async fn admit(&self, url: &Url) -> Result<(), Refusal> {
        if !self.judge(url)? {
            let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
                return Err(NoEntry::Host.into());
            };
            let host = host.trim_start_matches('[').trim_end_matches(']');
            for address in tokio::net::lookup_host((host, port)).await.map_err(|_| Refusal::NoSuchHost)? {
                if !self.opened(address.ip()) {
                    return Err(self.irregularity(url, address.ip()).into());
                }
            }
        }
        Ok(())
    }

    /// `true` where the URL is regular (https, a name, the usual port); `false` where it needs an opened network.
    fn judge(&self, url: &Url) -> Result<bool, NoEntry> {
        if url.as_str().len() > URL_BYTES_MAX {
            return Err(NoEntry::TooLong);
        }
        if !matches!(url.scheme(), "https" | "http") {
            return Err(NoEntry::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NoEntry::UserInfo);
        }
        let closed_name = match url.host() {
            None => return Err(NoEntry::Host),
            Some(Host::Domain(name)) if name.ends_with('.') || name.is_empty() => return Err(NoEntry::Host),
            Some(Host::Domain(name)) => is_closed_name(name).then(|| NoEntry::Name(name.to_owned())),
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => Some(NoEntry::Literal),
        };
        let opens_any = self.loopback || !self.allowed.is_empty();
        let irregular = closed_name
            .or_else(|| (url.scheme() != "https").then_some(NoEntry::Scheme))
            .or_else(|| url.port().is_some().then_some(NoEntry::Port));
        match irregular {
            None => Ok(true),
            Some(_) if opens_any => Ok(false),
            Some(no_entry) => Err(no_entry),
        }
    }

    /// Why an irregular URL is refused: its irregularity, or what it resolves to where that is the worse.
    fn irregularity(&self, url: &Url, address: IpAddr) -> NoEntry {
        if !is_public(address) {
            NoEntry::Address(address)
        } else if url.scheme() != "https" {
            NoEntry::Scheme
        } else if url.port().is_some() {
            NoEntry::Port
        } else {
            NoEntry::Literal
        }
    }

    /// Whether the settings opened this address.
    fn opened(&self, address: IpAddr) -> bool {
        (self.loopback && address.to_canonical().is_loopback()) || self.allowed.iter().any(|n| n.contains(address))
    }

    /// Whether the client may connect to this address.
    pub fn permits(&self, address: IpAddr) -> bool {
        (self.public && is_public(address)) || self.opened(address)
    }
}

/// What [`Reach::admit`] can say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    NoEntry(#[from] NoEntry),
    #[error("the host name could not be resolved")]
    NoSuchHost,
}

fn is_closed_name(name: &str) -> bool {
    CLOSED_NAMES
        .iter()
        .any(|closed| name.strip_suffix(closed).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// Resolves names for the client, and refuses a name of which any address is not permitted.
#[derive(Debug, Clone)]
pub(super) struct Resolver(pub(super) Arc<Reach>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = Arc::clone(&self.0);
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if let Some(closed) = addresses.iter().find(|address| !reach.permits(address.ip())) {
                return Err(NoEntry::Address(closed.ip()).into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public = if self.public { "the public internet" } else { "loopback only" };
        f.write_str(public)?;
        for network in &self.allowed {
            write!(f, ", {network}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(origin: &str, allowed: &[&str]) -> Reach {
        let allowed: Vec<Network> = allowed.iter().map(|network| network.parse().unwrap()).collect();
        Reach::for_federation(&Origin::parse(origin).unwrap(), &allowed)
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn from_a_public_site_only_plain_https_names_are_fetched() {
        let reach = reach("https://books.example", &[]);
        assert_eq!(reach.judge(&url("https://mastodon.example/users/bob")), Ok(true));
        assert_eq!(reach.judge(&url("https://mastodon.example:443/users/bob")), Ok(true));
        assert_eq!(reach.judge(&url("https://münchen.example/")), Ok(true));
        for (bad, why) in [
            ("http://mastodon.example/", NoEntry::Scheme),
            ("ftp://mastodon.example/", NoEntry::Scheme),
            ("file:///etc/passwd", NoEntry::Scheme),
            ("https://mastodon.example:8443/", NoEntry::Port),
            ("https://user@mastodon.example/", NoEntry::UserInfo),
            ("https://:secret@mastodon.example/", NoEntry::UserInfo),
            ("https://mastodon.example./", NoEntry::Host),
            ("https://127.0.0.1/", NoEntry::Literal),
            ("https://8.8.8.8/", NoEntry::Literal),
            ("https://2130706433/", NoEntry::Literal),
            ("https://0x7f.1/", NoEntry::Literal),
            ("https://0177.0.0.1/", NoEntry::Literal),
            ("https://127.1/", NoEntry::Literal),
            ("https://１２７.０.０.１/", NoEntry::Literal),
            ("https://[::1]/", NoEntry::Literal),
            ("https://[::ffff:127.0.0.1]/", NoEntry::Literal),
            ("https://localhost/", NoEntry::Name("localhost".into())),
            ("https://a.localhost/", NoEntry::Name("a.localhost".into())),
            ("https://LOCALHOST/", NoEntry::Name("localhost".into())),
            ("https://printer.local/", NoEntry::Name("printer.local".into())),
            ("https://abc.onion/", NoEntry::Name("abc.onion".into())),
            ("https://metadata.google.internal/", NoEntry::Name("metadata.google.internal".into())),
        ] {
            assert_eq!(reach.judge(&url(bad)), Err(why), "{bad}");
        }
        assert_eq!(reach.judge(&url("https://notlocal.example/")), Ok(true));
        assert_eq!(reach.judge(&url(&format!("https://a.example/{}", "x".repeat(2_100)))), Err(NoEntry::TooLong));
    }

    #[tokio::test]
    async fn a_site_on_loopback_reaches_loopback_in_every_form_and_nothing_else() {
        let reach = reach("http://localhost:8080", &[]);
        for good in
            ["http://127.0.0.1:4000/inbox", "http://[::1]:4000/inbox", "http://2130706433:4000/", "https://127.0.0.2/"]
        {
            assert_eq!(reach.admit(&url(good)).await, Ok(()), "{good}");
        }
        assert_eq!(
            reach.admit(&url("http://10.0.0.1:4000/")).await,
            Err(NoEntry::Address("10.0.0.1".parse().unwrap()).into())
        );
        assert_eq!(reach.admit(&url("http://8.8.8.8/")).await, Err(NoEntry::Scheme.into()));
        assert!(!reach.permits("8.8.8.8".parse().unwrap()));
        assert!(reach.permits("127.0.0.1".parse().unwrap()));
    }

    #[tokio::test]
    async fn opened_networks_open_nothing_beside_themselves() {
        let reach = reach("https://books.example", &["10.1.0.0/16"]);
        assert_eq!(reach.admit(&url("http://10.1.2.3:8000/")).await, Ok(()));
        assert_eq!(
            reach.admit(&url("https://10.2.0.1/")).await,
            Err(NoEntry::Address("10.2.0.1".parse().unwrap()).into())
        );
        assert_eq!(
            reach.admit(&url("http://127.0.0.1/")).await,
            Err(NoEntry::Address("127.0.0.1".parse().unwrap()).into())
        );
        assert!(reach.permits("10.1.255.255".parse().unwrap()));
        assert!(reach.permits("8.8.8.8".parse().unwrap()));
        assert!(!reach.permits("::ffff:192.168.0.1".parse().unwrap()));
    }

    #[test]
    fn a_trial_on_loopback_fetches_no_picture_from_the_internet() {
        let reach = Reach::for_pictures(&Origin::parse("http://localhost:8080").unwrap(), &[]);
        assert!(reach.permits("127.0.0.1".parse().unwrap()));
        assert!(!reach.permits("8.8.8.8".parse().unwrap()));
        assert!(!reach.permits("10.0.0.1".parse().unwrap()));
    }
}
