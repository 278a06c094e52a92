//! Asks our own origin as a stranger would, and shows the answer as it came: for `reviewd doctor`.
//!
//! It goes to the settings' own origin and nowhere else, wherever that name leads (a private address behind a home router
//! too), so the guard against private networks has nothing to guard here. Nothing is followed, unpacked or repeated.

use std::{net::SocketAddr, time::Duration};

use reqwest::{Method, header::HeaderMap, redirect::Policy, tls::TlsInfo};
use url::Url;

use super::client::{NetProblem, body};
use crate::domain::Origin;

/// Other servers wait ten seconds (Mastodon); who is slower than that is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of an answer is looked at.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// A client for one origin.
#[derive(Debug, Clone)]
pub struct Probe {
    http: reqwest::Client,
    /// Host without the port, as every address asked must have it.
    host: String,
}

/// Whether certificates are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// As for every other server: the system's trust store.
    System,
    /// Any certificate at all, to look at a bad one. Never for anything that is acted upon.
    Anybody,
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// The server's own certificate in DER, over TLS.
    pub certificate: Option<Vec<u8>>,
}

impl Probe {
    /// Builds the client; `at` asks that one address instead of what the name resolves to.
    ///
    /// # Errors
    /// When no trust store can be loaded, or the origin has no host.
    pub fn new(origin: &Origin, trust: Trust, at: Option<SocketAddr>) -> Result<Self, NetProblem> {
        let host = host(origin.as_str()).ok_or_else(|| NetProblem::Request("the origin has no host".to_owned()))?;
        #[expect(clippy::disallowed_methods, reason = "it asks the site's own origin only, and follows nothing")]
        let mut builder = reqwest::Client::builder()
            .user_agent(format!("reviewd/{} doctor (+{origin}/)", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .no_gzip()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .tls_info(true)
            .tls_danger_accept_invalid_certs(trust == Trust::Anybody);
        if let Some(at) = at {
            builder = builder.resolve(&host, at);
        }
        let http = builder.build().map_err(|error| NetProblem::Request(error.to_string()))?;
        Ok(Self { http, host })
    }

    /// Fetches an address of the origin's host.
    pub async fn get(&self, url: &str, headers: HeaderMap) -> Result<Seen, NetProblem> {
        self.ask(Method::GET, url, headers, Vec::new()).await
    }

    /// Posts to an address of the origin's host.
    pub async fn post(&self, url: &str, headers: HeaderMap, body: Vec<u8>) -> Result<Seen, NetProblem> {
        self.ask(Method::POST, url, headers, body).await
    }

    async fn ask(&self, method: Method, url: &str, headers: HeaderMap, bytes: Vec<u8>) -> Result<Seen, NetProblem> {
        if host(url).as_deref() != Some(self.host.as_str()) {
            return Err(NetProblem::Request(format!("{url} is not an address of this site")));
        }
        let mut request = self.http.request(method, url).headers(headers);
        if !bytes.is_empty() {
            request = request.body(bytes);
        }
        let mut response = request.send().await?;
        let tls = response.extensions().get::<TlsInfo>();
        Ok(Seen {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            certificate: tls.and_then(TlsInfo::peer_certificate).map(<[u8]>::to_vec),
            body: body(&mut response, ANSWER_BYTES_MAX).await?.ok_or(NetProblem::TooLong(ANSWER_BYTES_MAX))?,
        })
    }
}

impl Seen {
    /// A header's only or first value, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

fn host(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_but_the_own_host_is_asked() {
        let probe = Probe::new(&Origin::parse("http://localhost:1").unwrap(), Trust::System, None).unwrap();
        for elsewhere in ["http://127.0.0.1:1/", "https://books.example/", "no address"] {
            let refused = probe.get(elsewhere, HeaderMap::new()).await;
            assert!(matches!(refused, Err(NetProblem::Request(_))), "{elsewhere}: {refused:?}");
        }
    }
}
