//! Readers of feeds as real subscribers use them, feedparser and newsboat, and those of traces and metrics: each by a script
//! of `tests/peers/python/`.

use std::ffi::OsString;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use super::{Program, locate, repository};

/// What feedparser understands of these addresses, one object each: `version`, `bozo` (malformed) with its
/// `bozo_exception`, `status`, `etag`, `not_modified` (a second, conditional request got 304), `feed`, `entries`.
/// `None` where feedparser is not installed.
pub async fn read_feed(addresses: &[&str]) -> Option<Value> {
    let addresses = addresses.iter().map(OsString::from);
    run_python("read_feed.py", addresses).await
}

/// What newsboat keeps after a reload of these addresses: `feeds` (`address`, `home`, `title`) and `articles`
/// (`address`, `guid`, `title`, `author`, `link`, `published` in Unix seconds, `content`). `None` where it, or
/// Python, is not installed.
pub async fn newsboat(addresses: &[&str]) -> Option<Value> {
    let program = locate("NEWSBOAT")?.into_os_string();
    run_python("read_newsboat.py", std::iter::once(program).chain(addresses.iter().map(OsString::from))).await
}

/// What a reader of telemetry understands of a file: `spans` by OpenTelemetry's schema, `metrics` by Prometheus' client
/// library. `None` where Python is not installed.
pub async fn read_telemetry(kind: &str, file: &std::path::Path) -> Option<Value> {
    run_python("read_telemetry.py", [OsString::from(kind), file.into()].into_iter()).await
}

/// A subscriber by WebSub to this feed, which has confirmed its subscription. Its next lines tell of pushes. `None` where
/// Python is not installed.
pub async fn websub_subscriber(feed: &str) -> Option<Program> {
    let mut subscriber = Program::start(&locate("PYTHON")?, |command| {
        command.arg(repository().join("tests/peers/python/websub_subscriber.py")).arg(feed);
    });
    let first = subscriber.json_line().await;
    assert!(first["subscribed"].is_string(), "{first}");
    Some(subscriber)
}

async fn run_python(script: &str, arguments: impl Iterator<Item = OsString>) -> Option<Value> {
    let python = locate("PYTHON")?;
    let output = Command::new(python)
        .arg(repository().join("tests/peers/python").join(script))
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("python starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {said}");
    Some(serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{script}: {error}: {said}")))
}

#[tokio::test]
async fn both_readers_see_the_same_review_in_a_feed() {
    let feed = r#"<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>
        <title>Reviews</title><link>http://localhost/</link><description>Books</description>
        <item><title>Dune</title><guid isPermaLink="false">urn:reviewd:1</guid><link>http://localhost/dune</link>
        <pubDate>Sun, 22 Nov 2026 12:00:00 GMT</pubDate><description>Sand.</description></item></channel></rss>"#;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://127.0.0.1:{}/feed.xml", listener.local_addr().unwrap().port());
    let content_type = [("content-type", "application/rss+xml")];
    let app = axum::Router::new().fallback(move || async move { (content_type, feed) });
    let both = async { (read_feed(&[&address]).await, newsboat(&[&address]).await) };
    let (parsed, kept) = tokio::select! {
        _ = axum::serve(listener, app).into_future() => unreachable!("a server does not end"),
        both = both => both,
    };
    if let Some(parsed) = parsed {
        assert_eq!(parsed[0]["bozo"], false, "{parsed:#}");
        assert_eq!(parsed[0]["version"], "rss20");
        assert_eq!(parsed[0]["entries"][0]["id"], "urn:reviewd:1");
    }
    if let Some(kept) = kept {
        assert_eq!(kept["feeds"][0]["title"], "Reviews");
        assert_eq!(kept["articles"][0]["guid"], "urn:reviewd:1", "{kept:#}");
        assert_eq!(kept["articles"][0]["published"], 1_795_348_800);
    }
}
