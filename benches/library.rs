//! A large library: 10,000 reviews of 3 kB. How long from the start of the program until its feed is there, cold
//! (nothing known) and warm (everything known), and how much memory it holds. Then what an edit costs, beside the same edit
//! in a library of as many reviews as the feed holds: the limit, since the feed is made anew in both.
//!
//! `cargo bench --bench library -- [--reviews 10000] [--bytes 3000] [--pages 200] [--edits 20]`; the last line is JSON.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench measures real time and stops at whatever is wrong"
)]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::daemon::{Daemon, program};
use common::{folder, milliseconds, option, percentile};
use serde_json::{Value, json};

/// Reviews in the current feed.
const FEED_ITEMS: usize = 50;
/// After an edit is seen, until what it stirred up is over: writes, and the second look at what was read.
const CALM: Duration = Duration::from_millis(1_500);

fn main() {
    let (reviews, bytes, pages) = (option("reviews", 10_000), option("bytes", 3_000), option("pages", 200));
    let load = common::load();
    let home = tempfile::tempdir().unwrap();
    folder::write_reviews(&home.path().join("reviews"), reviews, bytes);
    println!("{reviews} reviews of about {bytes} bytes in {}", home.path().display());

    let cold = start("cold", home.path(), reviews, pages);
    let warm = start("warm", home.path(), reviews, pages);
    let (large, small) = edits(home.path(), reviews, bytes, option("edits", 20));
    let ratio =
        |figure: &str| (small[figure].as_f64().unwrap() / large[figure].as_f64().unwrap() * 100.0).round() / 100.0;
    let edit =
        json!({ "of_many": large, "of_few": small, "ratio_ms": ratio("median_ms"), "ratio_cpu": ratio("cpu_ms") });
    println!(
        "{}",
        json!({ "bench": "library", "reviews": reviews, "cold": cold, "warm": warm, "edit": edit, "data_megabytes":
        megabytes(&home.path().join("data")), "program_megabytes": megabytes(&program()),
        "load_before": load, "machine": common::machine() })
    );
}

fn start(name: &str, home: &Path, reviews: usize, pages: usize) -> Value {
    let mut daemon = Daemon::start(home, &[]);
    let listening = daemon.serves("/healthz", |_| true);
    let serving = daemon.serves("/feed.xml", |feed| feed.contains(&folder::title(0)));
    // The oldest one too, or it might have read only what the first page of the feed needs.
    let complete = daemon.serves("/sitemap.xml", |sitemap| addresses(sitemap).len() >= reviews);
    let after_start = daemon.memory_megabytes("VmRSS");
    read_pages(&mut daemon, pages);
    let after_pages = daemon.memory_megabytes("VmRSS");
    let peak = daemon.memory_megabytes("VmHWM");
    let stopped = daemon.stop();
    println!(
        "{name:5} listening {:>8} ms   feed {:>8} ms   all {:>8} ms   resident {after_start} MB, {after_pages} MB after \
         {pages} pages, peak {peak} MB   stopped in {} ms",
        milliseconds(listening),
        milliseconds(serving),
        milliseconds(complete),
        milliseconds(stopped),
    );
    json!({ "listening_ms": milliseconds(listening), "feed_ms": milliseconds(serving), "all_ms": milliseconds(complete),
        "resident_megabytes": after_start, "resident_after_pages_megabytes": after_pages, "peak_megabytes": peak,
        "stop_ms": milliseconds(stopped) })
}

/// What an edit costs among all reviews, and where there are no others; alternating, so that both meet the same machine.
fn edits(home: &Path, reviews: usize, bytes: usize, count: usize) -> (Value, Value) {
    let few = tempfile::tempdir().unwrap();
    folder::write_reviews(&few.path().join("reviews"), FEED_ITEMS, bytes);
    let homes = [home, few.path()];
    let mut daemons = homes.map(|home| Daemon::start(home, &[]));
    for (daemon, there) in daemons.iter_mut().zip([reviews, FEED_ITEMS]) {
        daemon.serves("/sitemap.xml", |sitemap| addresses(sitemap).len() >= there);
    }
    std::thread::sleep(2 * CALM);
    let mut measured = [Vec::new(), Vec::new()];
    for round in 0..count {
        for ((daemon, home), measured) in daemons.iter().zip(homes).zip(&mut measured) {
            measured.push(edit(daemon, home, bytes, round));
        }
    }
    let [large, small] = [0, 1].map(|which: usize| {
        let of = |figure: fn(&Edit) -> f64| percentile(&measured[which].iter().map(figure).collect::<Vec<_>>(), 50);
        let (ms, cpu, feed) = (of(|one| one.milliseconds), of(|one| one.cpu_milliseconds), of(|one| one.feed_bytes));
        let there = [reviews, FEED_ITEMS][which];
        println!("an edit among {there:>6}: {ms:>6.0} ms to the feed of {feed} bytes, {cpu:.0} ms of processor; median of {count}");
        json!({ "reviews": there, "median_ms": ms, "cpu_ms": cpu, "feed_bytes": feed })
    });
    for daemon in daemons {
        daemon.stop();
    }
    (large, small)
}

struct Edit {
    milliseconds: f64,
    /// All that follows, the looks of a reader every 5 ms included.
    cpu_milliseconds: f64,
    feed_bytes: f64,
}

fn edit(daemon: &Daemon, home: &Path, bytes: usize, round: usize) -> Edit {
    let mut connection = daemon.connect();
    let remark = format!("Remark number {round} of the edits");
    let cpu = daemon.cpu_seconds();
    folder::write_review(&home.join("reviews"), round % FEED_ITEMS, bytes, &remark);
    let saved = Instant::now();
    let (milliseconds, feed_bytes) = loop {
        let feed = connection.get("/feed.xml", &[]).unwrap().body;
        if String::from_utf8_lossy(&feed).contains(&remark) {
            break (milliseconds(saved.elapsed()), feed.len() as f64);
        }
        assert!(saved.elapsed() < CALM * 20, "the edit is not in the feed");
        std::thread::sleep(Duration::from_millis(5));
    };
    std::thread::sleep(CALM);
    Edit { milliseconds, cpu_milliseconds: (daemon.cpu_seconds() - cpu) * 1e3, feed_bytes }
}

/// Reads `pages` reviews, spread evenly over the library.
fn read_pages(daemon: &mut Daemon, pages: usize) {
    let mut connection = daemon.connect();
    let sitemap = connection.get("/sitemap.xml", &[]).unwrap();
    let sitemap = String::from_utf8(sitemap.body).unwrap();
    let addresses = addresses(&sitemap);
    for page in addresses.iter().step_by((addresses.len() / pages).max(1)).take(pages) {
        let answer = connection.get(page, &[]).unwrap();
        assert_eq!(answer.status, 200, "{page}");
    }
}

/// The paths of review pages, `/@handle/slug`, in a sitemap.
fn addresses(sitemap: &str) -> Vec<&str> {
    let locations = sitemap.split("<loc>").skip(1).filter_map(|rest| rest.split("</loc>").next());
    let paths = locations.filter_map(|location| location.find("/@").map(|at| &location[at..]));
    paths.filter(|path| path.matches('/').count() == 2 && !path.ends_with('/')).collect()
}

fn megabytes(path: &Path) -> f64 {
    fn bytes(path: &Path) -> u64 {
        match std::fs::read_dir(path) {
            Ok(entries) => entries.flatten().map(|entry| bytes(&entry.path())).sum(),
            Err(_) => path.metadata().map_or(0, |metadata| metadata.len()),
        }
    }
    (bytes(path) as f64 / 1e4).round() / 100.0
}
