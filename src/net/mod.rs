//! The one HTTP client: guarded against private addresses, limited in size and time.
//!
//! Every address is judged before a connection: the URL's own spelling first ([`Reach::admit`]), then each IP address that
//! the name resolves to, at the moment of connecting, so that a name cannot change its mind in between. No proxy is used,
//! redirects are followed here, one by one, each judged anew, and never for a POST.
//!
//! Certificates are checked against the system's trust store. A private authority is trusted by adding it there
//! (`update-ca-certificates`), or for one process by `SSL_CERT_FILE=/path/to/bundle.pem` in its environment.

mod address;
#[cfg(feature = "acme")]
mod authority;
mod client;
mod collector;
mod middleware;
mod probe;
mod reach;
mod skew;

pub use address::is_public;
#[cfg(feature = "acme")]
pub use authority::AuthorityClient;
pub use client::{Answer, Client, Fetched, NetProblem};
pub use collector::Collector;
pub use middleware::{Dress, Tidy};
pub use probe::{Probe, Seen, Trust};
pub use reach::{NoEntry, Reach};
pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
pub use skew::Skews;
pub use tokio_util::bytes::Bytes;
pub use url::Url;
