//! How many requests one client may make: enough for everybody who behaves.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    time::Duration,
};

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};

/// Requests a minute that one client may make, all at once if it likes.
const REQUESTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(600).unwrap();
/// Clients whose rate is remembered before those at rest are forgotten.
const CLIENTS_MAX: usize = 50_000;

/// Counts the requests of each client.
pub struct Gate(DefaultKeyedRateLimiter<IpAddr>);

impl Gate {
    pub fn new() -> Self {
        Self::per_minute(REQUESTS_PER_MINUTE)
    }

    /// A gate of its own for what costs more than a document.
    pub fn per_minute(requests: NonZeroU32) -> Self {
        Self(RateLimiter::keyed(Quota::per_minute(requests)))
    }

    /// Counts a request; how long to wait when it is one too many. A client without an address is this machine itself.
    pub fn knock(&self, client: Option<IpAddr>) -> Option<Duration> {
        let client = client?;
        if self.0.len() > CLIENTS_MAX {
            self.0.retain_recent();
        }
        let refused = self.0.check_key(&client).err()?;
        Some(refused.wait_time_from(governor::clock::DefaultClock::default().now()))
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

/// Whose request it is: the peer, or, behind a proxy on this machine, who the proxy says (the last in the list, which it
/// added itself). `None` is a program on this machine.
pub fn client(peer: SocketAddr, headers: &HeaderMap) -> Option<IpAddr> {
    let peer = peer.ip().to_canonical();
    if !peer.is_loopback() {
        return Some(of_network(peer));
    }
    let forwarded = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    forwarded.rsplit(',').next()?.trim().parse().ok().map(of_network)
}

/// A home has a whole /64 of IPv6 addresses: they count as one.
fn of_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

/// 429 with whole seconds: NetNewsWire ignores a date and then blocks the whole host.
pub fn too_many(wait: Duration) -> Response {
    let seconds = wait.as_secs().max(1).to_string();
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds)]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_the_peer_or_whom_our_own_proxy_names() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "6.6.6.6, 203.0.113.7".parse().unwrap());
        let peer = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(client(peer("198.51.100.1:4000"), &headers), Some("198.51.100.1".parse().unwrap()));
        assert_eq!(client(peer("127.0.0.1:4000"), &headers), Some("203.0.113.7".parse().unwrap()));
        assert_eq!(client(peer("127.0.0.1:4000"), &HeaderMap::new()), None);
        assert_eq!(client(peer("[2001:db8::1]:1"), &headers), client(peer("[2001:db8::ffff]:1"), &headers));
    }

    #[test]
    fn a_flood_is_stopped_and_others_are_not() {
        let gate = Gate::new();
        let (flood, reader) = ("203.0.113.7".parse().ok(), "203.0.113.8".parse().ok());
        assert!((0..600).all(|_| gate.knock(flood).is_none()));
        assert!(gate.knock(flood).is_some());
        assert!(gate.knock(reader).is_none());
        assert!((0..2000).all(|_| gate.knock(None).is_none()));
    }
}
