//! A document prepared once and served many times: compressed, tagged, its headers made, so that an answer costs a few
//! clones of counted references.

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    body::{Body, Bytes},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL, CONTENT_ENCODING,
            CONTENT_LENGTH, CONTENT_TYPE, ETAG, LAST_MODIFIED, LINK, VARY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{IntoResponse, Response},
};
use jiff::Timestamp;

use super::{
    conditional::{self, Validators, Verdict},
    encoding::{self, Coding},
};

/// Documents shorter than this are sent as they are: packet and headers outweigh what compression would save.
const COMPRESSED_BYTES_MIN: usize = 512;

/// Bytes of the SHA-256 that stand in an entity tag.
const TAG_BYTES: usize = 16;

/// How a kind of document may be kept and read.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    pub cache_control: &'static str,
    /// All request headers that choose the document, `Accept-Encoding` among them.
    pub vary: &'static str,
    /// Scripts of other sites may read it.
    pub any_origin: bool,
}

/// A document in every coding, ready to be sent.
#[derive(Debug, Clone)]
pub struct Representation {
    variants: Vec<Variant>,
    /// The entity tags of `variants`, in the same order.
    tags: Vec<HeaderValue>,
    /// In whole seconds.
    last_modified: Timestamp,
}

#[derive(Debug, Clone)]
struct Variant {
    coding: Coding,
    body: Bytes,
    /// Of a 200.
    headers: HeaderMap,
    /// Of a 304 (RFC 9110 section 15.4.5).
    headers_not_modified: HeaderMap,
}

impl Policy {
    /// Readers ask every hour or so; a quarter of an hour lets caches on the way help.
    pub const FEED: Self = Self { cache_control: "public, max-age=900", vary: "Accept-Encoding", any_origin: true };

    /// A page shows a change on the next visit, and costs a 304 until then.
    pub const PAGE: Self = Self { cache_control: "public, no-cache", vary: "Accept-Encoding", any_origin: false };

    /// A page or Note by the same address, as `Accept` says.
    pub const NEGOTIATED: Self =
        Self { cache_control: "public, no-cache", vary: "Accept, Accept-Encoding", any_origin: true };

    /// Named by its content, so it never changes.
    pub const IMMUTABLE: Self =
        Self { cache_control: "public, max-age=31536000, immutable", vary: "Accept-Encoding", any_origin: false };
}

impl Representation {
    /// Compresses and tags a document; about 10 ms of computing for a feed of 60 kB, so not on a thread that serves.
    ///
    /// `last_modified` is the newest change of what the document shows, never the time of its making.
    pub fn new(
        content_type: &'static str,
        document: impl Into<Bytes>,
        last_modified: Timestamp,
        policy: Policy,
    ) -> Self {
        let document = document.into();
        let last_modified = Timestamp::from_second(last_modified.as_second()).unwrap_or(last_modified);
        let shared = shared_headers(&conditional::http_date(last_modified), policy);
        let base = tag_base(&document);
        let worth_coding = document.len() >= COMPRESSED_BYTES_MIN;
        let mut variants = Vec::with_capacity(Coding::ALL.len());
        let mut tags = Vec::with_capacity(Coding::ALL.len());
        for coding in Coding::ALL.into_iter().filter(|coding| worth_coding || *coding == Coding::Identity) {
            let Some(body) = coding.encode(&document) else { continue };
            let tag = value(&format!("\"{base}{}\"", coding.tag_suffix()));
            variants.push(Variant::new(coding, body, content_type, &tag, &shared));
            tags.push(tag);
        }
        Self { variants, tags, last_modified }
    }

    /// Adds a `Link` header, which stands in a 304 too. WebSub wants `self` and `hub`, Mastodon `alternate`.
    ///
    /// `parameters` is what follows the address: `rel="hub"`.
    pub fn with_link(self, target: &str, parameters: &str) -> Self {
        self.with_header(LINK, value(&format!("<{target}>; {parameters}")))
    }

    /// Adds a header to every answer, 304 included.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        for variant in &mut self.variants {
            variant.headers.append(name.clone(), value.clone());
            variant.headers_not_modified.append(name.clone(), value.clone());
        }
        self
    }

    /// Answers a GET or HEAD: 200, 304, 406 where the client excludes every coding there is, 412 where its precondition does
    /// not hold, 405 for other methods.
    pub fn respond(&self, method: &Method, headers: &HeaderMap) -> Response {
        if method != Method::GET && method != Method::HEAD {
            return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, HeaderValue::from_static("GET, HEAD"))]).into_response();
        }
        let Some(selected) = self.select(headers) else {
            return (StatusCode::NOT_ACCEPTABLE, [(VARY, HeaderValue::from_static("Accept-Encoding"))]).into_response();
        };
        let validators = Validators { tags: &self.tags, selected, last_modified: self.last_modified };
        match conditional::evaluate(headers, &validators) {
            Verdict::Send => self.variants[selected].send(method),
            Verdict::NotModified(known) => self.variants[known].not_modified(),
            Verdict::Failed => StatusCode::PRECONDITION_FAILED.into_response(),
        }
    }

    /// The document as it is; what WebSub subscribers are sent.
    pub fn document(&self) -> Bytes {
        self.variants.last().map(|variant| variant.body.clone()).unwrap_or_default()
    }

    /// The entity tag of the document as it is.
    pub fn tag(&self) -> Option<&HeaderValue> {
        self.tags.last()
    }

    /// What it takes in memory, in bytes, but for the headers.
    pub fn bytes(&self) -> usize {
        self.variants.iter().map(|variant| variant.body.len()).sum()
    }

    fn select(&self, headers: &HeaderMap) -> Option<usize> {
        let place = |coding| self.variants.iter().position(|variant| variant.coding == coding);
        encoding::choose(headers, |coding| place(coding).is_some()).and_then(place)
    }
}

impl Variant {
    fn new(coding: Coding, body: Bytes, content_type: &'static str, tag: &HeaderValue, shared: &HeaderMap) -> Self {
        let mut headers_not_modified = shared.clone();
        headers_not_modified.insert(ETAG, tag.clone());
        // axum would write a length of 0 into the 304, which may only name the length of the 200 (section 8.6).
        headers_not_modified.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        let mut headers = headers_not_modified.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(token) = coding.token() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(token));
        }
        Self { coding, body, headers, headers_not_modified }
    }

    fn send(&self, method: &Method) -> Response {
        let body = if method == Method::HEAD { Body::empty() } else { Body::from(self.body.clone()) };
        let mut response = Response::new(body);
        *response.headers_mut() = self.headers.clone();
        response
    }

    fn not_modified(&self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.headers_mut() = self.headers_not_modified.clone();
        response
    }
}

/// What 200 and 304 have in common.
fn shared_headers(last_modified: &str, policy: Policy) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(policy.cache_control));
    headers.insert(LAST_MODIFIED, value(last_modified));
    headers.insert(VARY, HeaderValue::from_static(policy.vary));
    if policy.any_origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag, Link, Last-Modified"));
    }
    headers
}

/// Lower-case hex of the first bytes of the document's SHA-256.
fn tag_base(document: &[u8]) -> String {
    digest(&SHA256, document).as_ref().iter().take(TAG_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

/// A header's value from text of our own making: addresses, dates, tags. What cannot stand in a header is left out.
fn value(text: &str) -> HeaderValue {
    let visible: String = text.chars().filter(|c| matches!(c, ' '..='~')).collect();
    HeaderValue::try_from(visible).unwrap_or(HeaderValue::from_static(""))
}
