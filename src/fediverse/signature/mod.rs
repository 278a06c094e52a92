//! Signed requests, out and in: draft-cavage and RFC 9421, both with RSA-SHA256 by aws-lc-rs.
//!
//! Out: [`sign`] dresses one attempt. In: [`read`] checks everything that needs no key (what is covered, host, time, body)
//! and gives a [`Claim`], which [`Claim::verify`] then tests against the key that the claimed signer published. Nothing
//! here fetches or stores; replays inside the window are recognised by the activity's id, which the store keeps unique.

mod cavage;
mod digest;
pub mod key;
mod rfc9421;

use jiff::{SignedDuration, Timestamp};
use url::Url;

pub use crate::domain::Spec;
use crate::{
    domain::{Origin, delivery::sha256},
    net::HeaderMap,
};
pub use key::{KeyPair, PublicKey};

/// How old a signature may be: Mastodon's `EXPIRATION_WINDOW_LIMIT`, 12 h.
pub const AGE_MAX: SignedDuration = SignedDuration::from_hours(12);
/// How far ahead of ours the signer's clock may run: Mastodon's `CLOCK_SKEW_MARGIN`, 1 h.
pub const AHEAD_MAX: SignedDuration = SignedDuration::from_hours(1);
/// Longest signature header looked at, in bytes; real ones stay under 1,500.
const HEADER_BYTES_MAX: usize = 8_192;

/// A request as it reached us.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    pub method: &'a str,
    /// Exactly as on the request line: `/inbox?x=1`.
    pub path_and_query: &'a str,
    pub headers: &'a HeaderMap,
    /// The raw bytes, before any parsing.
    pub body: &'a [u8],
}

/// A request about to leave.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    pub method: &'a str,
    pub url: &'a Url,
    /// `None` for a GET.
    pub body: Option<&'a [u8]>,
    /// Of the body, where it is known already.
    pub sha256: Option<[u8; 32]>,
}

/// Whose key signs.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// `{actor}#main-key`, without comma or query (BookWyrm and Takahe split parameters at commas).
    pub key_id: &'a str,
    pub key: &'a KeyPair,
}

/// A signature that covers what it must, at a plausible time, over the body that came; only the key is still to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The http(s) address under which the signer's key is published.
    pub key_id: String,
    pub spec: Spec,
    pub signed_at: Timestamp,
    signature: Vec<u8>,
    /// What may have been signed: with the query, and for the draft also without (FEDERATION 3.22).
    bases: Vec<String>,
}

/// Why a signature is not believed. Every one is answered with 401, so that the sender knocks with its other signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureProblem {
    #[error("the request carries no signature")]
    Missing,
    #[error("the signature cannot be read: {0}")]
    Unreadable(&'static str),
    #[error("the signature does not cover {0}")]
    Uncovered(&'static str),
    #[error("the signature algorithm `{0}` is not supported")]
    Algorithm(String),
    #[error("the key id `{0}` is no http address")]
    KeyId(String),
    #[error("the request was signed for another host")]
    Host,
    #[error("the digest does not match the body")]
    Digest,
    #[error("the signature is too old, expired, or from the future")]
    Time,
}

impl Outgoing<'_> {
    fn digest_of_body(&self) -> Option<[u8; 32]> {
        self.sha256.or_else(|| self.body.map(sha256))
    }
}

impl Claim {
    /// Whether this key made the signature.
    pub fn verify(&self, key: &PublicKey) -> bool {
        self.bases.iter().any(|base| key.verify(base.as_bytes(), &self.signature))
    }
}

/// Reads and checks a signature as far as that goes without a key.
///
/// `origin` is our own, as the world knows it: neither the request's `Host` nor a proxy's address decides what was signed.
pub fn read(received: &Received<'_>, origin: &Origin, now: Timestamp) -> Result<Claim, SignatureProblem> {
    check_host(received.headers, origin)?;
    let claim = if received.headers.contains_key("signature-input") {
        rfc9421::read(received, origin, now)?
    } else {
        cavage::read(received, now)?
    };
    let http = Url::parse(&claim.key_id).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
    if http { Ok(claim) } else { Err(SignatureProblem::KeyId(claim.key_id)) }
}

/// The headers that sign one attempt: `Date`, digest and signature.
///
/// # Errors
/// Only when the key cannot sign, which aws-lc-rs reports for no key that it loaded.
pub fn sign(
    outgoing: &Outgoing<'_>,
    signer: &Signer<'_>,
    spec: Spec,
    now: Timestamp,
) -> Result<HeaderMap, key::KeyProblem> {
    match spec {
        Spec::Cavage => cavage::sign(outgoing, signer, now, cavage::Target::WithQuery),
        Spec::Rfc9421 => rfc9421::sign(outgoing, signer, now),
    }
}

/// As [`sign`] with the draft, but over the path alone: BookWyrm, Takahe, Misskey and Pleroma check a GET that way.
pub fn sign_path_only(
    outgoing: &Outgoing<'_>,
    signer: &Signer<'_>,
    now: Timestamp,
) -> Result<HeaderMap, key::KeyProblem> {
    cavage::sign(outgoing, signer, now, cavage::Target::PathOnly)
}

/// The host as a client writes it into `Host`: without the port that the scheme implies.
fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn path_and_query(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

/// Only one `Host`, and ours; the port that https implies may be written out.
fn check_host(headers: &HeaderMap, origin: &Origin) -> Result<(), SignatureProblem> {
    let mut hosts = headers.get_all("host").iter();
    let host = hosts.next().and_then(|host| host.to_str().ok()).ok_or(SignatureProblem::Host)?;
    let ours = origin.host();
    let same = host.eq_ignore_ascii_case(ours)
        || host.strip_suffix(":443").is_some_and(|host| host.eq_ignore_ascii_case(ours));
    if same && hosts.next().is_none() { Ok(()) } else { Err(SignatureProblem::Host) }
}

fn check_time(signed_at: Timestamp, now: Timestamp) -> Result<(), SignatureProblem> {
    let age = now.duration_since(signed_at);
    if age > AGE_MAX || -age > AHEAD_MAX { Err(SignatureProblem::Time) } else { Ok(()) }
}

fn check_expiry(expires: i64, now: Timestamp) -> Result<(), SignatureProblem> {
    if expires < now.as_second() { Err(SignatureProblem::Time) } else { Ok(()) }
}

/// All values of a header, as both specifications join them; `None` where it is absent or not ASCII text.
fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = Vec::new();
    for value in headers.get_all(name) {
        values.push(value.to_str().ok()?.trim());
    }
    (!values.is_empty()).then(|| values.join(", "))
}

/// A header that may come once only.
fn single<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, SignatureProblem> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(SignatureProblem::Missing)?;
    if values.next().is_some() {
        return Err(SignatureProblem::Unreadable("more than one signature header"));
    }
    let text = value.to_str().map_err(|_| SignatureProblem::Unreadable("not ASCII"))?;
    if text.len() > HEADER_BYTES_MAX {
        return Err(SignatureProblem::Unreadable("too long"));
    }
    Ok(text)
}

#[cfg(test)]
pub(in crate::fediverse) mod tests;
