//! What a boost by somebody with many followers brings: their servers fetch the page, the cover and the Note, all within
//! minutes, while a review goes out to everybody. 1,200 fetches a minute, and ten times that.
//!
//! `cargo bench --bench stampede -- [--seconds 20] [--inboxes 1000]`; the last line is JSON.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench measures real time and stops at whatever is wrong"
)]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::daemon::Daemon;
use common::http::Connection;
use common::sink::{Sink, follow};
use common::{folder, milliseconds, option, percentile};
use serde_json::{Value, json};

/// Fetches a second: 1,200 a minute, and ten times that.
const RATES: [usize; 2] = [20, 200];
/// Servers that fetch at the same time, each over a connection of its own.
const VISITORS: usize = 16;
const REVIEW_BYTES: usize = 3_000;
/// What nobody waiting for a page notices.
const AIM_MS: f64 = 50.0;
const FANOUT_MAX: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(10);
const ACTIVITY: &str = "application/activity+json";

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    let (inboxes, load) = (option("inboxes", 1_000_usize), common::load());
    let home = tempfile::tempdir().unwrap();
    let reviews = home.path().join("reviews");
    folder::write_reviews(&reviews, 20, REVIEW_BYTES);
    with_cover(&reviews);
    let settings = [("REVIEWD_PUBLISH__SETTLE", "1s")];
    let mut daemon = Daemon::start(home.path(), &settings);
    daemon.serves("/feed.xml", |feed| feed.contains("A Book with a Cover") && feed.contains("/media/"));
    let sink = Sink::open(inboxes).await;
    let store = follow(home.path(), &daemon, inboxes, |number| sink.inbox(number, inboxes)).await;
    let wanted = Arc::new(wanted(&daemon));

    let mut table = Vec::new();
    for (round, rate) in RATES.into_iter().enumerate() {
        for fans_out in [false, true] {
            sink.clear();
            if fans_out {
                folder::write_review(&reviews, 20 + round, REVIEW_BYTES, "News.");
                let saved = Instant::now();
                while sink.arrived() == 0 {
                    assert!(saved.elapsed() < FANOUT_MAX, "the review does not go out");
                    tokio::time::sleep(PAUSE).await;
                }
            }
            table.push(stampede(&daemon, &wanted, rate, fans_out).await);
            let waited = Instant::now();
            while fans_out && sink.arrived() < inboxes {
                assert!(waited.elapsed() < FANOUT_MAX, "not everybody has the review");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    store.close().await;
    daemon.stop();
    println!(
        "{}",
        json!({ "bench": "stampede", "inboxes": inboxes, "stampedes": table, "load_before": load,
            "machine": common::machine() })
    );
}

/// A review whose cover has the size of a real one.
fn with_cover(reviews: &Path) {
    let cover = image::RgbImage::from_fn(800, 1_200, |x, y| image::Rgb([(x ^ y) as u8, (x / 3) as u8, (y / 5) as u8]));
    cover.save(reviews.join("cover.jpg")).unwrap();
    let text =
        "---\ntitle: A Book with a Cover\nauthor: Ada Writer\ndate: 2026-01-02\ncover: cover.jpg\n---\n\nWords.\n";
    std::fs::write(reviews.join("with-cover.md"), text).unwrap();
}

/// The page, the cover and the Note of the review, and what each is asked for as.
fn wanted(daemon: &Daemon) -> [(String, &'static str); 3] {
    let feed = daemon.connect().get("/feed.json", &[]).unwrap();
    let feed: Value = serde_json::from_slice(&feed.body).unwrap();
    let items = feed["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["title"].as_str().unwrap().contains("with a Cover")).unwrap();
    let path = |address: &Value| format!("/{}", address.as_str().unwrap().splitn(4, '/').nth(3).unwrap());
    [(path(&item["url"]), "text/html"), (path(&item["image"]), "image/*"), (path(&item["_review"]["note"]), ACTIVITY)]
}

/// Fetches at a steady rate, each at its own moment whether the one before was answered or not, as strangers do.
async fn stampede(daemon: &Daemon, wanted: &Arc<[(String, &'static str); 3]>, rate: usize, fans_out: bool) -> Value {
    let count = rate * option("seconds", 20_usize);
    let (port, next, began) = (daemon.port, Arc::new(AtomicUsize::new(0)), Instant::now());
    let visitors: Vec<_> = (0..VISITORS)
        .map(|_| {
            let (next, wanted) = (Arc::clone(&next), Arc::clone(wanted));
            std::thread::spawn(move || {
                let mut connection = Connection::open(port).unwrap();
                let mut times = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return times;
                    }
                    let due = began + Duration::from_secs_f64(number as f64 / rate as f64);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let (path, accept) = &wanted[number % wanted.len()];
                    let answer = connection.get(path, &[("Accept", accept)]).unwrap();
                    assert_eq!(answer.status, 200, "{path}");
                    times.push(milliseconds(due.elapsed()));
                }
            })
        })
        .collect();
    let mut times = Vec::new();
    for visitor in visitors {
        times.extend(tokio::task::spawn_blocking(move || visitor.join().unwrap()).await.unwrap());
    }
    let [half, most, worst] = [50, 99, 100].map(|share| percentile(&times, share));
    let beside = if fans_out { "while a review goes out" } else { "with nothing beside it" };
    println!(
        "{rate} fetches a second {beside}: median {half:.1} ms, p99 {most:.1} ms, slowest {worst:.1} ms; no error"
    );
    json!({ "fetches_a_second": rate, "fans_out": fans_out, "fetches": count, "errors": 0, "median_ms": half,
        "p99_ms": most, "slowest_ms": worst, "p99_of_aim": (most / AIM_MS * 100.0).round() / 100.0 })
}
