//! One request at a time, with its limits.

use std::{error::Error as _, fmt, sync::Arc, time::Duration};

use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use reqwest::{
    Method, Response,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER},
    redirect::Policy,
};
use tokio_util::bytes::Bytes;
use url::Url;

use super::{
    reach::{NoEntry, Reach, Refusal, Resolver},
    skew::Skews,
};
use crate::{clock::Clock, domain::Origin};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// From the first packet to the last byte of the body; a slow sender cannot hold a connection longer.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(15);
/// Long enough for the next message to the same server where there is one; a review that goes to ten thousand servers would
/// otherwise leave ten thousand connections open behind it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// As Mastodon.
pub(super) const REDIRECTS_MAX: usize = 3;
/// How long the rest of a "yes" is waited for.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
/// How much of an answer to a POST is read, for the log.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The client for everything that leaves this program. Cloning shares its connections.
#[derive(Clone)]
pub struct Client {
    pub(super) http: reqwest::Client,
    pub(super) reach: Arc<Reach>,
    skews: Option<Skews>,
}

/// What a GET brought, after redirects.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The address that answered.
    pub url: Url,
    pub status: u16,
    /// As sent, `None` where absent.
    pub content_type: Option<String>,
    pub body: Vec<u8>,
}

/// What a request brought that follows no redirect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// As sent: seconds or a date.
    pub retry_after: Option<String>,
    /// At most 64 KiB of it.
    pub body: Vec<u8>,
}

/// Of which answers the body means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Always,
    /// It says why; that of a success says nothing to us.
    OfFailures,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetProblem {
    /// Refused here, before any connection; it stays refused.
    #[error(transparent)]
    NoEntry(#[from] NoEntry),
    #[error("the host name could not be resolved")]
    NoSuchHost,
    #[error("no answer in time")]
    Timeout,
    #[error("no connection: {0}")]
    Connect(String),
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    #[error("more than {REDIRECTS_MAX} redirects, or one that leads nowhere")]
    Redirects,
    /// Where only a document will do.
    #[error("the answer has status {0}")]
    Status(u16),
    #[error("the request could not be made: {0}")]
    Request(String),
    #[error("the connection broke: {0}")]
    Broken(String),
}

impl NetProblem {
    /// Whether another try, some time later, may end differently.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NoSuchHost
            | Self::Timeout
            | Self::Connect(_)
            | Self::Request(_)
            | Self::Broken(_)
            | Self::Status(408 | 425 | 429 | 500..=599) => true,
            Self::NoEntry(_) | Self::TooLong(_) | Self::Redirects | Self::Status(_) => false,
        }
    }
}

impl Client {
    /// Builds the client. `reach` says how far it may go.
    ///
    /// # Errors
    /// When no trust store can be loaded.
    pub fn new(origin: &Origin, reach: Reach) -> Result<Self, NetProblem> {
        let reach = Arc::new(reach);
        let agent = format!("reviewd/{} (+{}/)", env!("CARGO_PKG_VERSION"), origin);
        #[expect(clippy::disallowed_methods, reason = "this is the one client")]
        let http = reqwest::Client::builder()
            .user_agent(agent)
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .dns_resolver(Resolver(Arc::clone(&reach)))
            .build()
            .map_err(|error| NetProblem::Request(chain(&error)))?;
        Ok(Self { http, reach, skews: None })
    }

    /// The same client, which from now on hears in passing what other servers' clocks say.
    pub fn hearing_clocks(self, clock: Clock) -> Self {
        Self { skews: Some(Skews::new(clock)), ..self }
    }

    /// What was heard; shared by all clones of this client.
    pub fn skews(&self) -> Option<&Skews> {
        self.skews.as_ref()
    }

    fn hear(&self, url: &Url, response: &Response) {
        if let (Some(skews), Some(host)) = (&self.skews, url.host_str()) {
            skews.note(host, response.headers());
        }
    }

    /// Fetches with at most three redirects, of a body of at most `bytes_max` after decompression.
    pub async fn get(&self, url: &Url, accept: &str, bytes_max: usize) -> Result<Fetched, NetProblem> {
        self.get_dressed(url, accept, bytes_max, &|_| HeaderMap::new()).await
    }

    /// As [`Client::get`]; `dress` gives each hop its own headers, such as a signature for that host and path.
    pub async fn get_dressed(
        &self,
        url: &Url,
        accept: &str,
        bytes_max: usize,
        dress: &(dyn Fn(&Url) -> HeaderMap + Sync),
    ) -> Result<Fetched, NetProblem> {
        let mut url = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            self.reach.admit(&url).await?;
            let request = self.http.request(Method::GET, url.clone()).header(ACCEPT, accept).headers(dress(&url));
            let mut response = request.send().await?;
            self.hear(&url, &response);
            if let Some(next) = redirect(&response)? {
                url = next;
                continue;
            }
            let header = response.headers().get(CONTENT_TYPE);
            return Ok(Fetched {
                status: response.status().as_u16(),
                content_type: header.and_then(|value| value.to_str().ok()).map(str::to_owned),
                body: body(&mut response, bytes_max).await?.ok_or(NetProblem::TooLong(bytes_max))?,
                url,
            });
        }
        Err(NetProblem::Redirects)
    }

    /// Posts once: no redirect is followed, nothing is repeated. Bytes that go to many are shared, not copied.
    pub async fn post(&self, url: &Url, headers: HeaderMap, bytes: impl Into<Bytes>) -> Result<Answer, NetProblem> {
        let request = self.http.request(Method::POST, url.clone()).headers(headers).body(bytes.into());
        self.once(url, request, Body::OfFailures).await
    }

    /// Asks by GET once: no redirect is followed, nothing is repeated.
    pub async fn ask(&self, url: &Url) -> Result<Answer, NetProblem> {
        self.once(url, self.http.request(Method::GET, url.clone()), Body::Always).await
    }

    /// Whether an address may be asked at all, as far as its spelling and what the settings opened can tell. The client
    /// judges again at each connection.
    ///
    /// # Errors
    /// Why not.
    pub async fn admit(&self, url: &Url) -> Result<(), NetProblem> {
        Ok(self.reach.admit(url).await?)
    }

    async fn once(&self, url: &Url, request: reqwest::RequestBuilder, wanted: Body) -> Result<Answer, NetProblem> {
        self.reach.admit(url).await?;
        let mut response = request.send().await?;
        self.hear(url, &response);
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = response.status().as_u16();
        // The status is the answer; a body that breaks off or never ends does not change it.
        let reading = body(&mut response, ANSWER_BYTES_MAX);
        let body = match wanted {
            Body::OfFailures if (200..300).contains(&status) => {
                // Read to its end only so that the connection can serve again; a server that says yes and then nothing holds up
                // nobody behind it.
                tokio::time::timeout(DRAIN_TIMEOUT, reading).await.unwrap_or(Ok(None))
            }
            Body::OfFailures | Body::Always => reading.await,
        };
        Ok(Answer { status, retry_after, body: body.ok().flatten().unwrap_or_default() })
    }
}

impl Answer {
    /// How long it asks us to wait: seconds, or a date (RFC 9110 section 10.2.3); a date in the past is "now".
    pub fn wait(&self, now: Timestamp) -> Option<Duration> {
        let value = self.retry_after.as_deref()?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = DateTimeParser::new().relaxed_weekday(true).parse_timestamp(value).ok()?;
        Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
    }
}

/// Where an answer sends us; `None` where it is no redirect.
pub(super) fn redirect(response: &Response) -> Result<Option<Url>, NetProblem> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let mut next = location.and_then(|to| response.url().join(to).ok()).ok_or(NetProblem::Redirects)?;
    next.set_fragment(None);
    // A secure address may not lead to an insecure one (FEDERATION 8.8).
    if response.url().scheme() == "https" && next.scheme() != "https" {
        return Err(NetProblem::Redirects);
    }
    Ok(Some(next))
}

/// The body, counted as it comes and after decompression; `None` where it is longer than `bytes_max`.
pub(super) async fn body(response: &mut Response, bytes_max: usize) -> Result<Option<Vec<u8>>, NetProblem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > bytes_max {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

impl From<Refusal> for NetProblem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoEntry(no_entry) => Self::NoEntry(no_entry),
            Refusal::NoSuchHost => Self::NoSuchHost,
        }
    }
}

impl From<reqwest::Error> for NetProblem {
    fn from(error: reqwest::Error) -> Self {
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(no_entry) = cause.downcast_ref::<NoEntry>() {
                return Self::NoEntry(no_entry.clone());
            }
            source = cause.source();
        }
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_dns() {
            Self::NoSuchHost
        } else if error.is_connect() {
            Self::Connect(chain(&error))
        } else if error.is_builder() {
            Self::Request(chain(&error))
        } else {
            Self::Broken(chain(&error))
        }
    }
}

/// The innermost cause, which says what happened; the outer ones repeat the address.
fn chain(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.reach)
    }
}

#[cfg(test)]
mod tests;
