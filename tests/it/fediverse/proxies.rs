//! The real nginx and the real Caddy in front, with the very files of `deploy/`: what federation needs gets through.

use std::{fs, path::Path};

use reqwest::header::{HeaderMap, HeaderValue};
use reviewd::domain::Spec;
use serde_json::json;
use tempfile::TempDir;

use super::{
    daemon::Daemon,
    neighbour::{Neighbour, Person},
    review,
};
use crate::peers::{Authority, Program, locate};

const MIB: usize = 1 << 20;

/// A web server with a certificate, that leads to the daemon.
struct Proxy {
    client: reqwest::Client,
    _program: Program,
    _home: TempDir,
    _authority: Authority,
}

/// A port for the proxy: the daemon has to know it before the proxy can know the daemon's.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A file of `deploy/` with other words in it; each of them has to be there.
fn shipped(name: &str, replace: &[(&str, String)]) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name);
    let mut text = fs::read_to_string(file).unwrap();
    for (old, new) in replace {
        assert!(text.contains(old), "{name} holds no `{old}`");
        text = text.replace(old, new);
    }
    text
}

async fn nginx(daemon: &Daemon, port: u16) -> Option<Proxy> {
    let program = locate("NGINX")?;
    Some(
        Proxy::start(&program, "start worker process", |home, authority, command| {
            let certificate = authority.issue("nginx");
            let site = shipped(
                "nginx.conf",
                &[
                    ("    listen 80;\n    listen [::]:80;\n", format!("    listen 127.0.0.1:{};\n", free_port())),
                    (
                        "    listen 443 ssl http2;\n    listen [::]:443 ssl http2;\n",
                        format!("    listen 127.0.0.1:{port} ssl http2;\n"),
                    ),
                    ("books.example;", "localhost;".to_owned()),
                    ("/etc/letsencrypt/live/books.example/fullchain.pem", certificate.chain.display().to_string()),
                    ("/etc/letsencrypt/live/books.example/privkey.pem", certificate.key.display().to_string()),
                    ("127.0.0.1:8080", daemon.running().addresses[0].to_string()),
                ],
            );
            fs::write(home.join("site.conf"), site).unwrap();
            let own = home.display();
            let whole = format!(
                "daemon off;\npid {own}/pid;\nerror_log stderr notice;\nevents {{}}\nhttp {{\n access_log off;\n \
             client_body_temp_path {own}/body;\n proxy_temp_path {own}/proxy;\n fastcgi_temp_path {own}/fastcgi;\n \
             uwsgi_temp_path {own}/uwsgi;\n scgi_temp_path {own}/scgi;\n include {own}/site.conf;\n}}\n"
            );
            fs::write(home.join("nginx.conf"), whole).unwrap();
            command.arg("-c").arg(home.join("nginx.conf")).arg("-p").arg(home).arg("-e").arg("stderr");
        })
        .await,
    )
}

async fn caddy(daemon: &Daemon, port: u16) -> Option<Proxy> {
    let program = locate("CADDY")?;
    Some(
        Proxy::start(&program, "serving initial configuration", |home, authority, command| {
            let certificate = authority.issue("caddy");
            let (chain, key) = (certificate.chain.display(), certificate.key.display());
            let site = shipped(
                "Caddyfile",
                &[
                    ("\nbooks.example {", format!("\nhttps://localhost:{port} {{\n\ttls {chain} {key}")),
                    ("127.0.0.1:8080", daemon.running().addresses[0].to_string()),
                ],
            );
            let whole =
                format!("{{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n}}\n{site}");
            fs::write(home.join("Caddyfile"), whole).unwrap();
            command.args(["run", "--adapter", "caddyfile", "--config"]).arg(home.join("Caddyfile"));
            command.env("XDG_DATA_HOME", home).env("XDG_CONFIG_HOME", home);
        })
        .await,
    )
}

impl Proxy {
    async fn start(
        program: &Path,
        ready: &str,
        configure: impl FnOnce(&Path, &Authority, &mut tokio::process::Command),
    ) -> Self {
        let (home, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        let mut program = Program::start(program, |command| configure(home.path(), &authority, command));
        program.line(|line| line.contains(ready).then_some(())).await;
        let trusted = reqwest::Certificate::from_pem(&fs::read(authority.bundle()).unwrap()).unwrap();
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([trusted])
            .no_gzip()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { client, _program: program, _home: home, _authority: authority }
    }

    async fn get(&self, url: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request = self.client.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// Posts an activity of this person, signed for the address that the world knows; the status.
    async fn post(&self, person: &Person, url: &str, spec: Spec, activity: String) -> u16 {
        let mut headers: HeaderMap = person.sign(spec, url, activity.as_bytes());
        headers.insert("content-type", HeaderValue::from_static("application/activity+json"));
        self.client.post(url).headers(headers).body(activity).send().await.unwrap().status().as_u16()
    }
}

/// What federation needs of whatever stands in front.
async fn check(daemon: Daemon, proxy: Proxy) {
    daemon.publish("dune.md", &review("Dune", "Words.")).await;
    let home = Neighbour::open(&daemon).await;
    let bob = home.person("bob");

    // Signed messages, in both ways of signing: path, Host, Date, Digest and Signature arrive as they were sent.
    for (number, spec) in [(1, Spec::Cavage), (2, Spec::Rfc9421)] {
        let follow = bob.activity("Follow", number, json!({"object": daemon.ana()})).to_string();
        assert_eq!(proxy.post(&bob, &daemon.url("/users/ana/inbox"), spec, follow).await, 202, "{spec:?}");
    }
    daemon.followers_when(1).await;

    // A message may have a megabyte, and no more.
    let padded = |bytes: usize| {
        let bare = bob.activity("Like", 9, json!({"object": daemon.ana(), "content": ""})).to_string().len();
        bob.activity("Like", 9, json!({"object": daemon.ana(), "content": "x".repeat(bytes - bare)})).to_string()
    };
    let inbox = daemon.url("/inbox");
    assert_eq!(proxy.post(&bob, &inbox, Spec::Cavage, padded(MIB)).await, 202);
    // Caddy finds the limit while it passes the message on, and may see reviewd hang up first.
    let refused = proxy.post(&bob, &inbox, Spec::Cavage, padded(MIB + 1)).await;
    assert!([413, 502].contains(&refused), "{refused}");

    // One address, two readers.
    let page = daemon.url("/@ana/dune");
    let note = proxy.get(&page, &[("accept", "application/activity+json")]).await;
    assert!(note.headers()["vary"].to_str().unwrap().to_lowercase().contains("accept"));
    let note: serde_json::Value = serde_json::from_str(&note.text().await.unwrap()).unwrap();
    assert_eq!(note["type"], "Note");
    assert!(proxy.get(&page, &[("accept", "text/html")]).await.text().await.unwrap().contains("<html"));

    // Found by its handle; what has not changed is not sent twice; compressed by us and nobody else.
    let host = daemon.running().origin.trim_start_matches("https://").to_owned();
    let webfinger = daemon.url(&format!("/.well-known/webfinger?resource=acct:ana@{host}"));
    assert_eq!(proxy.get(&webfinger, &[]).await.status(), 200);
    let feed = proxy.get(&daemon.url("/feed.xml"), &[("accept-encoding", "gzip")]).await;
    assert_eq!(feed.headers()["content-encoding"], "gzip");
    let tag = feed.headers()["etag"].to_str().unwrap().to_owned();
    let again = [("accept-encoding", "gzip"), ("if-none-match", tag.as_str())];
    assert_eq!(proxy.get(&daemon.url("/feed.xml"), &again).await.status(), 304);
}

#[tokio::test]
async fn nginx_lets_through_what_federation_needs() {
    let port = free_port();
    let daemon = Daemon::start_at(&format!("https://localhost:{port}"), "").await;
    let Some(proxy) = nginx(&daemon, port).await else { return };
    check(daemon, proxy).await;
}

#[tokio::test]
async fn caddy_lets_through_what_federation_needs() {
    let port = free_port();
    let daemon = Daemon::start_at(&format!("https://localhost:{port}"), "").await;
    let Some(proxy) = caddy(&daemon, port).await else { return };
    check(daemon, proxy).await;
}
