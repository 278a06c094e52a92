use super::*;
use crate::net::HeaderValue;

pub(in crate::fediverse) const PRIVATE: &str = include_str!("testkey/private.pem");
pub(in crate::fediverse) const PUBLIC: &str = include_str!("testkey/public.pem");
pub(super) const PKCS1_PUBLIC: &str = include_str!("testkey/public-pkcs1.pem");
const VECTORS: &str = include_str!("testkey/vectors.txt");

const KEY_ID: &str = "https://bob.example/users/bob#main-key";
const BODY: &[u8] = br#"{"type":"Follow"}"#;
const DATE: &str = "Sun, 22 Nov 2026 12:00:00 GMT";
/// `DATE` as seconds.
const NOON: i64 = 1_795_348_800;
const SHA256: &str = "GYwYnH3BiO6aICFt0ThC5bUIJ4byvqdpWtR8m5fNkww=";
const COVERED: &str = "(request-target) host date digest";

fn vector(name: &str) -> &'static str {
    VECTORS.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap()
}

fn origin() -> Origin {
    Origin::parse("https://books.example").unwrap()
}

/// The origin of a server in a test, from an address on it.
pub(in crate::fediverse) fn origin_of(url: &str) -> Origin {
    let url = Url::parse(url).unwrap();
    Origin::parse(&url[..url::Position::BeforePath]).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// Signs any base with the test key, without the code under test.
fn signed(base: &str) -> String {
    use base64::Engine as _;
    let key = KeyPair::from_pem(PRIVATE).unwrap();
    base64::engine::general_purpose::STANDARD.encode(key.sign(base.as_bytes()).unwrap())
}

fn check(method: &str, path: &str, headers: &HeaderMap, body: &[u8], now: i64) -> Result<bool, SignatureProblem> {
    let received = Received { method, path_and_query: path, headers, body };
    Ok(read(&received, &origin(), at(now))?.verify(&PublicKey::from_pem(PUBLIC).unwrap()))
}

/// A POST to the inbox as the draft wants it, with the lines that the test chooses to cover.
struct Draft {
    method: &'static str,
    path: &'static str,
    host: &'static str,
    date: String,
    digest: String,
    covered: &'static str,
    algorithm: &'static str,
    extra: String,
    key_id: &'static str,
    body: &'static [u8],
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            method: "POST",
            path: "/inbox",
            host: "books.example",
            date: DATE.to_owned(),
            digest: format!("SHA-256={SHA256}"),
            covered: COVERED,
            algorithm: r#",algorithm="rsa-sha256""#,
            extra: String::new(),
            key_id: KEY_ID,
            body: BODY,
        }
    }
}

impl Draft {
    fn base(&self) -> String {
        let line = |name: &str| match name {
            "(request-target)" => format!("(request-target): {} {}", self.method.to_lowercase(), self.path),
            "(created)" => format!("(created): {NOON}"),
            "(expires)" => format!("(expires): {}", NOON + 60),
            "host" => format!("host: {}", self.host),
            "date" => format!("date: {}", self.date),
            "digest" => format!("digest: {}", self.digest),
            "accept" => "accept: a/b, c/d".to_owned(),
            other => unreachable!("{other}"),
        };
        self.covered.split(' ').map(line).collect::<Vec<_>>().join("\n")
    }

    fn header(&self) -> String {
        let (id, covered, signature) = (self.key_id, self.covered, signed(&self.base()));
        format!(r#"keyId="{id}"{}{},headers="{covered}",signature="{signature}""#, self.algorithm, self.extra)
    }

    fn headers(&self) -> HeaderMap {
        headers(&[
            ("host", self.host),
            ("date", &self.date),
            ("digest", &self.digest),
            ("accept", "a/b"),
            ("accept", " c/d "),
            ("signature", &self.header()),
        ])
    }

    fn check(&self, now: i64) -> Result<bool, SignatureProblem> {
        check(self.method, self.path, &self.headers(), self.body, now)
    }
}

/// A POST as RFC 9421 wants it.
struct Message {
    target: &'static str,
    list: &'static str,
    parameters: String,
    content_digest: String,
    body: &'static [u8],
}

impl Default for Message {
    fn default() -> Self {
        Self {
            target: "https://books.example/inbox",
            list: r#""@method" "@target-uri" "content-digest""#,
            parameters: format!(r#";created={NOON};keyid="{KEY_ID}";alg="rsa-v1_5-sha256""#),
            content_digest: format!("sha-256=:{SHA256}:"),
            body: BODY,
        }
    }
}

impl Message {
    fn headers(&self) -> HeaderMap {
        let mut base = String::new();
        for component in self.list.split(' ') {
            let value = match component.trim_matches('"') {
                "@method" => "POST",
                "@target-uri" => self.target,
                "@authority" | "host" => "books.example",
                "@path" | "@request-target" => "/inbox",
                "@scheme" => "https",
                "@query" => "?",
                "content-digest" => &self.content_digest,
                "date" => DATE,
                _ => "",
            };
            base.push_str(&format!("{component}: {value}\n"));
        }
        base.push_str(&format!("\"@signature-params\": ({}){}", self.list, self.parameters));
        headers(&[
            ("host", "books.example"),
            ("date", DATE),
            ("content-digest", &self.content_digest),
            ("signature-input", &format!("wp=({}){}", self.list, self.parameters)),
            ("signature", &format!("wp=:{}:", signed(&base))),
        ])
    }

    fn check(&self, now: i64) -> Result<bool, SignatureProblem> {
        check("POST", "/inbox", &self.headers(), self.body, now)
    }
}

fn out(method: &str, url: &str, body: Option<&[u8]>, spec: Spec) -> HeaderMap {
    let key = KeyPair::from_pem(PRIVATE).unwrap();
    let url = Url::parse(url).unwrap();
    sign(&Outgoing { method, url: &url, body, sha256: None }, &Signer { key_id: KEY_ID, key: &key }, spec, at(NOON))
        .unwrap()
}

#[test]
fn a_post_is_signed_as_openssl_would() {
    let headers = out("POST", "https://books.example/inbox", Some(BODY), Spec::Cavage);
    assert_eq!(headers["date"], DATE);
    assert_eq!(headers["digest"], format!("SHA-256={SHA256}"));
    let expected =
        format!(r#"keyId="{KEY_ID}",algorithm="rsa-sha256",headers="{COVERED}",signature="{}""#, vector("cavage-post"));
    assert_eq!(headers["signature"], expected);
}

#[test]
fn a_get_is_signed_with_its_query_or_without() {
    let url = "https://books.example/users/ana?page=1";
    let headers = out("GET", url, None, Spec::Cavage);
    assert!(headers["signature"].to_str().unwrap().ends_with(&format!("\"{}\"", vector("cavage-get"))));
    assert!(!headers.contains_key("digest"));
    let key = KeyPair::from_pem(PRIVATE).unwrap();
    let url = Url::parse(url).unwrap();
    let outgoing = Outgoing { method: "GET", url: &url, body: None, sha256: None };
    let headers = sign_path_only(&outgoing, &Signer { key_id: KEY_ID, key: &key }, at(NOON)).unwrap();
    assert!(headers["signature"].to_str().unwrap().ends_with(&format!("\"{}\"", vector("cavage-get-path"))));
}

#[test]
fn a_message_is_signed_as_openssl_would() {
    let headers = out("POST", "https://books.example/inbox", Some(BODY), Spec::Rfc9421);
    assert_eq!(headers["content-digest"], format!("sha-256=:{SHA256}:"));
    let input = format!(
        r#"sig1=("@method" "@target-uri" "content-digest");created={NOON};keyid="{KEY_ID}";alg="rsa-v1_5-sha256""#
    );
    assert_eq!(headers["signature-input"], input);
    assert_eq!(headers["signature"], format!("sig1=:{}:", vector("rfc9421-post")));
}

#[test]
fn what_we_sign_we_believe() {
    for spec in [Spec::Cavage, Spec::Rfc9421] {
        for (method, path, body) in [("POST", "/inbox", Some(BODY)), ("GET", "/users/ana?page=2", None)] {
            let mut headers = out(method, &format!("https://books.example{path}"), body, spec);
            headers.insert("host", HeaderValue::from_static("books.example"));
            assert_eq!(
                check(method, path, &headers, body.unwrap_or_default(), NOON + 5),
                Ok(true),
                "{spec:?} {method}"
            );
        }
    }
}

#[test]
fn the_host_is_signed_with_its_port_where_one_is_written() {
    let origin = Origin::parse("http://localhost:8080").unwrap();
    for spec in [Spec::Cavage, Spec::Rfc9421] {
        let mut headers = out("POST", "http://localhost:8080/inbox", Some(BODY), spec);
        headers.insert("host", HeaderValue::from_static("localhost:8080"));
        let received = Received { method: "POST", path_and_query: "/inbox", headers: &headers, body: BODY };
        assert!(read(&received, &origin, at(NOON)).unwrap().verify(&PublicKey::from_pem(PUBLIC).unwrap()));
    }
}

#[test]
fn signatures_of_the_draft_are_believed_in_every_dialect() {
    let dialects = [
        Draft::default(),
        Draft { algorithm: r#",algorithm="hs2019""#, ..Draft::default() },
        Draft { algorithm: "", ..Draft::default() },
        Draft { covered: "host date digest accept (request-target)", ..Draft::default() },
        Draft { digest: format!("sha-256={SHA256}"), ..Draft::default() },
        Draft { digest: format!("SHA-256={}", SHA256.trim_end_matches('=')), ..Draft::default() },
        Draft {
            covered: "(request-target) (created) (expires) host digest",
            algorithm: r#",algorithm="hs2019""#,
            extra: format!(",created={NOON},expires={}", NOON + 60),
            ..Draft::default()
        },
        Draft { key_id: "https://gts.example/users/alice/main-key", ..Draft::default() },
    ];
    for draft in dialects {
        assert_eq!(draft.check(NOON + 9), Ok(true), "{}", draft.header());
    }
}

#[test]
fn a_signature_in_the_authorization_header_is_read() {
    let draft = Draft::default();
    let mut headers = draft.headers();
    headers.remove("signature");
    let header = HeaderValue::from_str(&format!("Signature {}", draft.header())).unwrap();
    headers.insert("authorization", header);
    assert_eq!(check("POST", "/inbox", &headers, BODY, NOON), Ok(true));
}

#[test]
fn a_signature_over_the_path_alone_is_believed_with_any_query() {
    let draft = Draft { path: "/inbox?x=1", ..Draft::default() };
    assert_eq!(draft.check(NOON), Ok(true));
    let without = Draft::default().headers();
    assert_eq!(check("POST", "/inbox?x=1", &without, BODY, NOON), Ok(true));
    assert_eq!(check("POST", "/inbox?x=2", &draft.headers(), BODY, NOON), Ok(false));
}

#[test]
fn a_draft_that_covers_too_little_is_refused() {
    for (covered, missing) in [
        ("digest", "(request-target)"),
        ("host date digest", "(request-target)"),
        ("(request-target) date digest", "host"),
        ("(request-target) host date", "digest"),
        ("(request-target) host digest", "date"),
    ] {
        assert_eq!(Draft { covered, ..Draft::default() }.check(NOON), Err(SignatureProblem::Uncovered(missing)));
    }
}

#[test]
fn the_body_must_be_the_one_that_was_signed() {
    let tampered = Draft { body: br#"{"type":"Delete"}"#, ..Draft::default() };
    assert_eq!(tampered.check(NOON), Err(SignatureProblem::Digest));
    let sha512 = format!("SHA-256={SHA256},SHA-512=AAAA");
    for digest in ["SHA-512=AAAA".to_owned(), "SHA-256=AAAA".to_owned(), sha512, "SHA-256=%".to_owned()] {
        assert_eq!(
            Draft { digest: digest.clone(), ..Draft::default() }.check(NOON),
            Err(SignatureProblem::Digest),
            "{digest}"
        );
    }
    let mut bodiless = Draft::default().headers();
    bodiless.remove("digest");
    assert_eq!(check("POST", "/inbox", &bodiless, BODY, NOON), Err(SignatureProblem::Digest));
}

#[test]
fn a_signature_counts_for_its_own_request_only() {
    let headers = Draft::default().headers();
    assert_eq!(check("POST", "/users/ana/inbox", &headers, BODY, NOON), Ok(false));
    assert_eq!(check("PUT", "/inbox", &headers, BODY, NOON), Ok(false));
    let mut redated = headers.clone();
    redated.insert("date", HeaderValue::from_static("Sun, 22 Nov 2026 12:00:01 GMT"));
    assert_eq!(check("POST", "/inbox", &redated, BODY, NOON), Ok(false));
    let other = KeyPair::generate().unwrap();
    let received = Received { method: "POST", path_and_query: "/inbox", headers: &headers, body: BODY };
    let claim = read(&received, &origin(), at(NOON)).unwrap();
    assert!(!claim.verify(&PublicKey::from_pem(&other.to_public_pem().unwrap()).unwrap()));
}

#[test]
fn a_request_for_another_host_is_refused() {
    assert_eq!(Draft { host: "victim.example", ..Draft::default() }.check(NOON), Err(SignatureProblem::Host));
    let mut two = Draft::default().headers();
    two.append("host", HeaderValue::from_static("victim.example"));
    assert_eq!(check("POST", "/inbox", &two, BODY, NOON), Err(SignatureProblem::Host));
    let mut none = Draft::default().headers();
    none.remove("host");
    assert_eq!(check("POST", "/inbox", &none, BODY, NOON), Err(SignatureProblem::Host));
    assert_eq!(Draft { host: "Books.Example:443", ..Draft::default() }.check(NOON), Ok(true));
}

#[test]
fn a_signature_lives_twelve_hours_and_no_clock_runs_an_hour_ahead() {
    const HOUR: i64 = 3_600;
    let (draft, message) = (Draft::default(), Message::default());
    for (now, believed) in [
        (NOON + 12 * HOUR, true),
        (NOON + 12 * HOUR + 1, false),
        (NOON - HOUR, true),
        (NOON - HOUR - 1, false),
        (NOON + 30 * 24 * HOUR, false),
    ] {
        let expected = if believed { Ok(true) } else { Err(SignatureProblem::Time) };
        assert_eq!(draft.check(now), expected, "draft at {now}");
        assert_eq!(message.check(now), expected, "message at {now}");
    }
    assert_eq!(Draft { date: "yesterday".into(), ..Draft::default() }.check(NOON), Err(SignatureProblem::Time));
}

#[test]
fn an_expired_signature_is_refused() {
    let draft = Draft {
        covered: "(request-target) (created) (expires) host digest",
        extra: format!(",created={NOON},expires={}", NOON + 60),
        ..Draft::default()
    };
    assert_eq!(draft.check(NOON + 60), Ok(true));
    assert_eq!(draft.check(NOON + 61), Err(SignatureProblem::Time));
    let parameters = format!(r#";created={NOON};expires={};keyid="{KEY_ID}""#, NOON + 60);
    let message = Message { parameters, ..Message::default() };
    assert_eq!(message.check(NOON + 60), Ok(true));
    assert_eq!(message.check(NOON + 61), Err(SignatureProblem::Time));
}

#[test]
fn unreadable_signatures_are_refused_and_never_panic() {
    let with = |header: &str| {
        let headers = headers(&[("host", "books.example"), ("date", DATE), ("signature", header)]);
        check("POST", "/inbox", &headers, BODY, NOON)
    };
    for header in ["", "x", "a=b", "keyId=", r#"keyId="x"#, r#"keyId="a" headers="b""#, r#"headers="date",headers="x""#]
    {
        assert!(with(header).is_err(), "{header}");
    }
    assert!(with(&"a=b,".repeat(5_000)).is_err());
    let unsigned = headers(&[("host", "books.example"), ("date", DATE)]);
    assert_eq!(check("POST", "/inbox", &unsigned, BODY, NOON), Err(SignatureProblem::Missing));
    let mut two = Draft::default().headers();
    two.append("signature", HeaderValue::from_str(&Draft::default().header()).unwrap());
    assert_eq!(
        check("POST", "/inbox", &two, BODY, NOON),
        Err(SignatureProblem::Unreadable("more than one signature header"))
    );
    let ed25519 = Draft { algorithm: r#",algorithm="ed25519""#, ..Draft::default() };
    assert_eq!(ed25519.check(NOON), Err(SignatureProblem::Algorithm("ed25519".into())));
}

#[test]
fn a_key_id_is_an_http_address() {
    for key_id in ["acct:bob@bob.example", "main-key", "javascript:alert(1)"] {
        assert_eq!(Draft { key_id, ..Draft::default() }.check(NOON), Err(SignatureProblem::KeyId(key_id.into())));
    }
}

#[test]
fn messages_are_believed_as_wordpress_and_fedify_sign_them() {
    let parameters = format!(r#";created={NOON};keyid="{KEY_ID}""#);
    for message in [
        Message::default(),
        Message { parameters, ..Message::default() },
        Message { list: r#""@method" "@target-uri" "@authority" "content-digest""#, ..Message::default() },
        Message {
            list: r#""@method" "@target-uri" "@authority" "host" "date" "content-digest""#,
            ..Message::default()
        },
        Message { list: r#""@method" "@authority" "@path" "content-digest""#, ..Message::default() },
        Message {
            list: r#""@method" "@scheme" "@authority" "@request-target" "@query" "content-digest""#,
            ..Message::default()
        },
    ] {
        assert_eq!(message.check(NOON + 9), Ok(true), "{}", message.list);
    }
}

#[test]
fn a_message_that_covers_too_little_is_refused() {
    for (list, missing) in [
        (r#""content-digest""#, "@method"),
        (r#""@target-uri" "content-digest""#, "@method"),
        (r#""@method" "content-digest""#, "@target-uri"),
        (r#""@method" "@path" "content-digest""#, "@target-uri"),
        (r#""@method" "@authority" "content-digest""#, "@target-uri"),
        (r#""@method" "@target-uri""#, "content-digest"),
    ] {
        assert_eq!(Message { list, ..Message::default() }.check(NOON), Err(SignatureProblem::Uncovered(missing)));
    }
    let undated = Message { parameters: format!(r#";keyid="{KEY_ID}""#), ..Message::default() };
    assert_eq!(undated.check(NOON), Err(SignatureProblem::Uncovered("created")));
}

#[test]
fn a_message_for_another_target_or_body_is_not_believed() {
    assert_eq!(Message { target: "https://victim.example/inbox", ..Message::default() }.check(NOON), Ok(false));
    assert_eq!(Message { body: b"{}", ..Message::default() }.check(NOON), Err(SignatureProblem::Digest));
    for digest in [format!("sha-256=:{SHA256}:, sha-512=:AAAA:"), "sha-512=:AAAA:".into(), "sha-256=1".into()] {
        let message = Message { content_digest: digest, ..Message::default() };
        assert_eq!(message.check(NOON), Err(SignatureProblem::Digest));
    }
}

#[test]
fn of_two_signatures_none_is_believed() {
    let mut headers = Message::default().headers();
    let input = headers["signature-input"].to_str().unwrap().to_owned();
    let two = format!("{input}, evil=(\"@method\");created={NOON};keyid=\"{KEY_ID}\"");
    headers.insert("signature-input", HeaderValue::from_str(&two).unwrap());
    let refused = Err(SignatureProblem::Unreadable("more than one signature"));
    assert_eq!(check("POST", "/inbox", &headers, BODY, NOON), refused);
}

#[test]
fn odd_messages_are_refused() {
    let parameters = |text: &str| Message { parameters: text.to_owned(), ..Message::default() };
    let rsa_pss = parameters(&format!(r#";created={NOON};keyid="{KEY_ID}";alg="rsa-pss-sha512""#));
    assert_eq!(rsa_pss.check(NOON), Err(SignatureProblem::Algorithm("rsa-pss-sha512".into())));
    assert_eq!(parameters(&format!(";created={NOON}")).check(NOON), Err(SignatureProblem::Unreadable("no keyid")));
    assert!(parameters(&format!(r#";created="x";keyid="{KEY_ID}""#)).check(NOON).is_err());
    let request = r#""@method" "@target-uri" "content-digest";req"#;
    assert!(Message { list: request, ..Message::default() }.check(NOON).is_err());
    let status = r#""@method" "@target-uri" "@status" "content-digest""#;
    assert!(Message { list: status, ..Message::default() }.check(NOON).is_err());
    let mut other_label = Message::default().headers();
    other_label.insert("signature", HeaderValue::from_static("other=:AAAA:"));
    assert!(check("POST", "/inbox", &other_label, BODY, NOON).is_err());
}

proptest::proptest! {
    #[test]
    fn no_header_makes_the_reader_panic(signature in "[ -~]{0,200}", input in proptest::option::of("[ -~]{0,200}")) {
        let mut headers = headers(&[("host", "books.example"), ("date", DATE), ("signature", &signature)]);
        if let Some(input) = input {
            headers.insert("signature-input", HeaderValue::from_str(&input).unwrap());
        }
        let _ = check("POST", "/inbox", &headers, BODY, NOON);
    }
}
