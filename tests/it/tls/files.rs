//! A certificate from files that somebody else renews.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use jiff::civil::date;
use reqwest::{StatusCode, Version, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::version;

use super::{PATIENCE, Site, Stranger};
use crate::peers::{Authority, Certificate};

const HOST: &str = "books.example";

/// Where the settings name them.
struct Files {
    authority: Authority,
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Files {
        let files = Files { authority: Authority::new(), folder: tempfile::tempdir().unwrap() };
        files.renew("first", &[HOST]);
        files
    }

    fn chain(&self) -> std::path::PathBuf {
        self.folder.path().join("chain.pem")
    }

    fn key(&self) -> std::path::PathBuf {
        self.folder.path().join("key.pem")
    }

    fn settings(&self) -> String {
        format!(
            "origin = \"https://{HOST}\"\nlisten = \"127.0.0.1:0\"\n[tls]\ncertificate = \"{}\"\nkey = \"{}\"\n\
             listen_http = \"127.0.0.2:0\"",
            self.chain().display(),
            self.key().display()
        )
    }

    /// Lays another certificate there.
    fn renew(&self, name: &str, hosts: &[&str]) {
        self.lay(&self.authority.issue_for(name, hosts, None));
    }

    fn lay(&self, certificate: &Certificate) {
        place(&certificate.chain, &self.chain());
        place(&certificate.key, &self.key());
    }

    fn stranger(&self) -> Stranger {
        Stranger::who_believes(&self.authority.bundle())
    }
}

/// Moved into place, as certbot does.
fn place(from: &Path, to: &Path) {
    let aside = to.with_extension("new");
    fs::copy(from, &aside).unwrap();
    fs::set_permissions(&aside, fs::Permissions::from_mode(0o640)).unwrap();
    fs::rename(aside, to).unwrap();
}

#[tokio::test]
async fn the_site_is_served_over_https_in_both_versions_of_http_and_stays_there() {
    let files = Files::new();
    let site = Site::start(&files.settings()).await;
    let stranger = files.stranger();
    let client = stranger.client(HOST, site.https());
    let feed = client.get(format!("https://{HOST}/feed.xml")).send().await.unwrap();
    assert_eq!((feed.status(), feed.version()), (StatusCode::OK, Version::HTTP_2));
    assert_eq!(feed.headers()[header::STRICT_TRANSPORT_SECURITY], "max-age=31536000");
    assert!(feed.text().await.unwrap().contains("Dune"));
    for (offered, agreed) in [(&[b"http/1.1".as_slice()][..], Some(b"http/1.1".as_slice())), (&[][..], None)] {
        let mut stream = stranger.greet(site.https(), HOST, offered, &[&version::TLS12]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed);
        let request = format!("GET /feed.xml HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("Dune"), "{answer}");
    }
    site.stop().await;
}

#[tokio::test]
async fn plain_http_leads_to_the_same_page_over_https_and_nowhere_else() {
    let files = Files::new();
    let site = Site::start(&files.settings()).await;
    let client = files.stranger().client("films.example", site.http());
    for (method, path) in [("GET", "/feed.xml?a=1&b=%20"), ("POST", "/inbox"), ("GET", "//evil.example/")] {
        let url = format!("http://films.example{path}");
        let answer = client.request(method.parse().unwrap(), url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT, "{path}");
        assert_eq!(answer.headers()[header::LOCATION], format!("https://{HOST}{path}"));
        assert!(!answer.headers().contains_key(header::STRICT_TRANSPORT_SECURITY), "only https may say so");
    }
    let challenge = client.get("http://films.example/.well-known/acme-challenge/x").send().await.unwrap();
    assert_eq!(challenge.status(), StatusCode::PERMANENT_REDIRECT, "nobody asked for a proof");
    site.stop().await;
}

#[tokio::test]
async fn whoever_names_no_site_is_shown_the_certificate_and_whoever_names_another_gets_no_page() {
    let files = Files::new();
    files.renew("with an address", &[HOST, "127.0.0.1"]);
    let site = Site::start(&files.settings()).await;
    let stranger = files.stranger();
    let mut nameless = stranger.greet(site.https(), "127.0.0.1", &[b"http/1.1"], &[&version::TLS13]).await.unwrap();
    for (host, path, status) in
        [(HOST, "/feed.xml", "200"), ("films.example", "/feed.xml", "421"), ("127.0.0.1", "/healthz", "200")]
    {
        nameless.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = vec![0; 1 << 16];
        let length = nameless.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}{path}: {answer}");
        if status == "200" && path == "/feed.xml" {
            nameless = stranger.greet(site.https(), "127.0.0.1", &[b"http/1.1"], &[&version::TLS13]).await.unwrap();
        }
    }
    let challenge = stranger.greet(site.https(), HOST, &[b"acme-tls/1"], &[&version::TLS13]).await;
    assert!(challenge.is_err(), "no authority is expected, and no page is served that way");
    site.stop().await;
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_within_a_minute_and_a_bad_one_never() {
    let files = Files::new();
    let mut site = Site::start(&files.settings()).await;
    let stranger = files.stranger();
    let first = stranger.shown(site.https(), HOST).await.unwrap();
    let until = site.state().validity.unwrap().not_after;

    // A pair that does not belong together: half of a renewal, or a mistake.
    let other = files.authority.issue_for("other", &[HOST], None);
    place(&other.chain, &files.chain());
    let ill = site.turns_to(super::GLANCE * 1200, |state| state.ailment.is_some()).await;
    assert!(ill.ailment.as_ref().unwrap().contains("is not the one that the certificate in"), "{ill:?}");
    assert_eq!(ill.validity.unwrap().not_after, until);
    assert!(ill.alarm(site.clock.now()).unwrap().contains("the certificate is the old one"));
    assert_eq!(stranger.shown(site.https(), HOST).await.unwrap(), first);

    // Also a reload, as certbot's hook may make one, goes on with the old one.
    site.reload().await;
    assert!(site.state().ailment.is_some());
    assert_eq!(stranger.shown(site.https(), HOST).await.unwrap(), first);

    // The other half arrives.
    place(&other.key, &files.key());
    site.turns_to(super::GLANCE * 1200, |state| state.ailment.is_none()).await;
    let second = stranger.shown(site.https(), HOST).await.unwrap();
    assert_ne!(first, second);

    // A reload looks at once.
    files.renew("third", &[HOST]);
    site.reload().await;
    assert_ne!(stranger.shown(site.https(), HOST).await.unwrap(), second);
    site.stop().await;
}

#[tokio::test]
async fn a_certificate_that_has_ended_is_shown_and_told() {
    let files = Files::new();
    files.lay(&files.authority.issue_for("ended", &[HOST], Some(date(2026, 1, 1))));
    let site = Site::start(&files.settings()).await;
    let alarm = site.state().alarm(site.clock.now()).unwrap();
    assert!(alarm.starts_with("the certificate ended at 2026-01-01T00:00:00Z"), "{alarm}");
    let refused = files.stranger().shown(site.https(), HOST).await.unwrap_err().to_string();
    assert!(refused.contains("certificate expired"), "{refused}");
    site.stop().await;
}

#[tokio::test]
async fn files_that_cannot_be_used_at_the_start_are_an_error_with_its_cure() {
    let files = Files::new();
    let refusal = async || format!("{:#}", Site::try_start(&files.settings()).await.err().unwrap());
    files.renew("other", &["films.example"]);
    assert!(refusal().await.contains("is for another name than books.example; get one for the host of [site] origin"));
    files.renew("open", &[HOST]);
    fs::set_permissions(files.key(), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refusal().await.contains("can be read by everybody on this machine (mode 644): run `chmod 640"));
    fs::remove_file(files.key()).unwrap();
    let said = refusal().await;
    assert!(said.contains("serve https: read the key") && said.contains("correct `certificate` and `key`"), "{said}");
}

#[tokio::test]
async fn a_stop_hears_out_whoever_is_in_the_middle_of_a_handshake() {
    let files = Files::new();
    let site = Site::start(&files.settings()).await;
    let stranger = files.stranger();
    let mut stream = stranger.greet(site.https(), HOST, &[b"http/1.1"], &[&version::TLS13]).await.unwrap();
    let asked = async {
        stream.write_all(format!("GET /feed.xml HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    };
    let (answer, ()) = tokio::time::timeout(PATIENCE, async { tokio::join!(asked, site.stop()) }).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("Dune"), "{answer}");
}
