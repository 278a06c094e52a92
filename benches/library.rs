//! A large library: 10,000 reviews of 3 kB. How long from the start of the program until its feed is there, cold
//! (nothing known) and warm (everything known), and how much memory it holds.
//!
//! `cargo bench --bench library -- [--reviews 10000] [--bytes 3000] [--pages 200]`; the last line is JSON.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench measures real time and stops at whatever is wrong"
)]

mod common;

use std::path::Path;

use common::daemon::{Daemon, program};
use common::{folder, milliseconds, option};
use serde_json::{Value, json};

fn main() {
    let (reviews, bytes, pages) = (option("reviews", 10_000), option("bytes", 3_000), option("pages", 200));
    let load = common::load();
    let home = tempfile::tempdir().unwrap();
    folder::write_reviews(&home.path().join("reviews"), reviews, bytes);
    println!("{reviews} reviews of about {bytes} bytes in {}", home.path().display());

    let cold = start("cold", home.path(), reviews, pages);
    let warm = start("warm", home.path(), reviews, pages);
    println!(
        "{}",
        json!({ "bench": "library", "reviews": reviews, "cold": cold, "warm": warm, "data_megabytes":
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
