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
    /// Pictures and archives are tagged only.
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
        let worth_coding = document.len() >= COMPRESSED_BYTES_MIN && !is_compressed(content_type);
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

    /// A small document made for one request: tagged, and left uncompressed because compressing costs more than it saves.
    pub fn plain(
        content_type: &'static str,
        document: impl Into<Bytes>,
        last_modified: Timestamp,
        policy: Policy,
    ) -> Self {
        let document = document.into();
        let shared = shared_headers(&conditional::http_date(last_modified), policy);
        let tag = value(&format!("\"{}\"", tag_base(&document)));
        let variant = Variant::new(Coding::Identity, document, content_type, &tag, &shared);
        Self { variants: vec![variant], tags: vec![tag], last_modified }
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
            let vary = [(VARY, HeaderValue::from_static("Accept-Encoding"))];
            let why = "none of the codings that Accept-Encoding allows: br, zstd, gzip and identity are to be had\n";
            return (StatusCode::NOT_ACCEPTABLE, vary, why).into_response();
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

/// Whether documents of this type are compressed by their own nature: coding a picture costs milliseconds for nothing.
fn is_compressed(content_type: &str) -> bool {
    const COMPRESSED: [&str; 5] = ["image/", "audio/", "video/", "font/woff", "application/gzip"];
    COMPRESSED.iter().any(|kind| content_type.starts_with(kind)) && !content_type.starts_with("image/svg")
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

#[cfg(test)]
mod tests {
    use std::io::Read;

    use axum::{
        body::to_bytes,
        http::header::{ACCEPT_ENCODING, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH},
        routing::get,
    };
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn text() -> String {
        (0..200).map(|n| format!("<item>Review number {n}</item>\n")).collect()
    }

    fn feed() -> Representation {
        let changed = "2026-11-20T09:30:00.75Z".parse().unwrap();
        Representation::new("application/rss+xml; charset=utf-8", text(), changed, Policy::FEED)
            .with_link("https://books.example/feed.xml", r#"rel="self""#)
            .with_link("https://books.example/websub", r#"rel="hub""#)
    }

    fn ask(representation: &Representation, method: Method, request: &[(HeaderName, &str)]) -> Response {
        let mut headers = HeaderMap::new();
        for (name, value) in request {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        representation.respond(&method, &headers)
    }

    fn header(response: &Response, name: HeaderName) -> &str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    async fn body(response: Response) -> Bytes {
        to_bytes(response.into_body(), usize::MAX).await.unwrap()
    }

    #[tokio::test]
    async fn every_coding_holds_the_same_document_under_its_own_tag() {
        let feed = feed();
        let mut tags = Vec::new();
        for (accept, coding) in [("br", "br"), ("zstd", "zstd"), ("gzip", "gzip"), ("identity", "")] {
            let response = ask(&feed, Method::GET, &[(ACCEPT_ENCODING, accept)]);
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(header(&response, CONTENT_ENCODING), coding);
            assert_eq!(header(&response, VARY), "Accept-Encoding");
            tags.push(header(&response, ETAG).to_owned());
            let length: usize = header(&response, CONTENT_LENGTH).parse().unwrap();
            let coded = body(response).await;
            assert_eq!(coded.len(), length);
            assert_eq!(decoded(coding, &coded), text().into_bytes(), "{coding}");
        }
        let base = tags[3].trim_matches('"').to_owned();
        assert_eq!(base.len(), 2 * TAG_BYTES);
        let expected = ["-br", "-zst", "-gz", ""].map(|suffix| format!("\"{base}{suffix}\""));
        assert_eq!(tags, expected);
        assert_eq!(feed.tag().unwrap(), expected[3].as_str());
        assert_eq!(feed.document(), text());
    }

    fn decoded(coding: &str, coded: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::new();
        match coding {
            "br" => brotli::Decompressor::new(coded, 4096).read_to_end(&mut decoded).map(|_| ()).unwrap(),
            "zstd" => decoded = zstd::stream::decode_all(coded).unwrap(),
            "gzip" => flate2::read::GzDecoder::new(coded).read_to_end(&mut decoded).map(|_| ()).unwrap(),
            _ => decoded = coded.to_vec(),
        }
        decoded
    }

    #[tokio::test]
    async fn a_304_repeats_what_caches_need_and_has_no_body() {
        let feed = feed();
        let full = ask(&feed, Method::GET, &[(ACCEPT_ENCODING, "gzip")]);
        let tag = header(&full, ETAG).to_owned();
        assert_eq!(header(&full, LAST_MODIFIED), "Fri, 20 Nov 2026 09:30:00 GMT");
        let modified = header(&full, LAST_MODIFIED).to_owned();
        for request in [(IF_NONE_MATCH, tag.as_str()), (IF_MODIFIED_SINCE, modified.as_str())] {
            let fresh = ask(&feed, Method::GET, &[(ACCEPT_ENCODING, "gzip"), request]);
            assert_eq!(fresh.status(), StatusCode::NOT_MODIFIED);
            for name in [ETAG, CACHE_CONTROL, VARY, LAST_MODIFIED, LINK, ACCESS_CONTROL_ALLOW_ORIGIN] {
                let both = [&fresh, &full].map(|response| response.headers().get_all(&name).iter().collect::<Vec<_>>());
                assert!(!both[0].is_empty() && both[0] == both[1], "{name}");
            }
            assert_eq!(header(&fresh, CONTENT_TYPE), "");
            assert_eq!(header(&fresh, CONTENT_ENCODING), "");
            assert!(body(fresh).await.is_empty());
        }
    }

    #[test]
    fn a_tag_of_another_coding_is_fresh_and_named_back() {
        let feed = feed();
        let tag = header(&ask(&feed, Method::GET, &[(ACCEPT_ENCODING, "gzip")]), ETAG).to_owned();
        let fresh = ask(&feed, Method::GET, &[(ACCEPT_ENCODING, "br"), (IF_NONE_MATCH, &format!("W/{tag}"))]);
        assert_eq!((fresh.status(), header(&fresh, ETAG)), (StatusCode::NOT_MODIFIED, tag.as_str()));
    }

    #[tokio::test]
    async fn head_tells_what_get_would_send() {
        let feed = feed();
        for accept in ["br", "gzip", "identity"] {
            let got = ask(&feed, Method::GET, &[(ACCEPT_ENCODING, accept)]);
            let head = ask(&feed, Method::HEAD, &[(ACCEPT_ENCODING, accept)]);
            assert_eq!((head.status(), head.headers()), (got.status(), got.headers()));
            assert!(body(head).await.is_empty());
        }
    }

    #[test]
    fn what_cannot_be_served_is_refused_with_its_status() {
        let feed = feed();
        let refused = ask(&feed, Method::POST, &[]);
        assert_eq!((refused.status(), header(&refused, ALLOW)), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
        let refused = ask(&feed, Method::GET, &[(ACCEPT_ENCODING, "identity;q=0, *;q=0")]);
        assert_eq!((refused.status(), header(&refused, VARY)), (StatusCode::NOT_ACCEPTABLE, "Accept-Encoding"));
        let refused = ask(&feed, Method::GET, &[(IF_MATCH, "\"old\"")]);
        assert_eq!(refused.status(), StatusCode::PRECONDITION_FAILED);
    }

    #[test]
    fn a_short_document_is_sent_as_it_is() {
        let short = Representation::new("text/plain", "short", Timestamp::UNIX_EPOCH, Policy::PAGE);
        let response = ask(&short, Method::GET, &[(ACCEPT_ENCODING, "br, gzip")]);
        assert_eq!((header(&response, CONTENT_ENCODING), header(&response, CONTENT_LENGTH)), ("", "5"));
        assert_eq!(short.bytes(), 5);
    }

    #[test]
    fn pictures_are_not_compressed_again() {
        for (content_type, coding) in
            [("image/jpeg", ""), ("font/woff2", ""), ("image/svg+xml", "br"), ("text/css", "br")]
        {
            let document = Representation::new(content_type, text(), Timestamp::UNIX_EPOCH, Policy::IMMUTABLE);
            let response = ask(&document, Method::GET, &[(ACCEPT_ENCODING, "br, gzip")]);
            assert_eq!(header(&response, CONTENT_ENCODING), coding, "{content_type}");
        }
    }

    #[test]
    fn only_documents_for_everyone_are_open_to_scripts_of_other_sites() {
        let page = Representation::new("text/html; charset=utf-8", text(), Timestamp::UNIX_EPOCH, Policy::PAGE);
        assert_eq!(header(&ask(&page, Method::GET, &[]), ACCESS_CONTROL_ALLOW_ORIGIN), "");
        let response = ask(&feed(), Method::GET, &[]);
        assert_eq!(header(&response, ACCESS_CONTROL_ALLOW_ORIGIN), "*");
        assert_eq!(header(&response, ACCESS_CONTROL_EXPOSE_HEADERS), "ETag, Link, Last-Modified");
        assert_eq!(header(&response, X_CONTENT_TYPE_OPTIONS), "nosniff");
    }

    #[test]
    fn the_same_document_has_the_same_tag_and_bytes() {
        let (one, two) = (feed(), feed());
        assert_eq!(one.tags, two.tags);
        for (one, two) in one.variants.iter().zip(&two.variants) {
            assert_eq!((&one.headers, &one.body), (&two.headers, &two.body));
        }
    }

    #[test]
    fn a_header_cannot_be_broken_out_of() {
        let feed = feed().with_link("https://a.example/\r\nX-Evil: 1", r#"rel="x""#);
        let response = ask(&feed, Method::GET, &[]);
        let last = response.headers().get_all(LINK).iter().next_back().unwrap();
        assert_eq!(last, r#"<https://a.example/X-Evil: 1>; rel="x""#);
    }

    /// The bytes a client sees, since axum and hyper have their own ideas about lengths.
    #[tokio::test]
    async fn on_the_wire_a_304_never_claims_a_length_of_nothing() {
        let feed = feed();
        let length = feed.document().len();
        let tag = feed.tag().unwrap().to_str().unwrap().to_owned();
        let router = axum::Router::new()
            .route("/", get(move |method: Method, headers: HeaderMap| async move { feed.respond(&method, &headers) }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = async {
            let mut answers = Vec::new();
            for (method, condition) in
                [("GET", format!("If-None-Match: {tag}\r\n")), ("HEAD", String::new()), ("GET", String::new())]
            {
                let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
                let request = format!("{method} / HTTP/1.1\r\nHost: x\r\n{condition}Connection: close\r\n\r\n");
                stream.write_all(request.as_bytes()).await.unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.unwrap();
                answers.push(answer);
            }
            answers
        };
        let answers = tokio::select! {
            answers = asked => answers,
            stopped = async { axum::serve(listener, router).await } => unreachable!("{stopped:?}"),
        };
        let [fresh, head, full] = &answers[..] else { unreachable!() };
        assert!(fresh.starts_with("HTTP/1.1 304 ") && fresh.ends_with("\r\n\r\n"), "{fresh}");
        assert!(!fresh.contains("content-length: 0"), "{fresh}");
        assert!(head.contains(&format!("content-length: {length}\r\n")) && head.ends_with("\r\n\r\n"), "{head}");
        assert!(full.contains(&format!("content-length: {length}\r\n")) && full.ends_with(&text()), "{full}");
    }
}
