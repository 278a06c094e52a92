//! Programs nobody of reviewd wrote, started for a test and ended with it: a fediverse server (Fedify), a browser
//! (Chromium), readers of feeds (feedparser, newsboat), and TLS in front of a server that has none.
//!
//! `tests/run` installs them and says where they are. A peer that is not there gives `None`, and the test that
//! wanted it returns: the reason is printed as `SKIPPED: …` and gathered by `tests/run`. With
//! `REVIEWD_TEST_REQUIRE_PEERS=1`, as in CI, it is a failure instead.
//!
//! Nothing here sleeps: the first line a program prints says that it listens, and questions about what has
//! arrived are held by the peer until something did.
#![allow(
    dead_code,
    unused_imports,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: it fails by panicking, speaks HTTP as a stranger would, and no test uses all of it"
)]

mod authority;
mod browser;
mod fedify;
mod program;
mod readers;
mod reviewd;

pub use authority::{Authority, Certificate};
pub use browser::Browser;
pub use fedify::{Fedify, Front, Received};
pub use program::Program;
pub use readers::{newsboat, read_feed, read_telemetry, websub_subscriber};
pub use reviewd::Reviewd;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where `tests/run` found what it calls `name`, from the environment or from the note it left of its last run.
/// `None`, told aloud, where it is not to be had.
pub fn locate(name: &str) -> Option<PathBuf> {
    let variable = format!("REVIEWD_TEST_{name}");
    let noted = std::env::var(&variable).ok().or_else(|| from_last_run(&variable));
    let found = noted.filter(|path| !path.is_empty()).map(PathBuf::from).filter(|path| path.exists());
    if found.is_none() {
        skip(&format!("{variable} names no program; tests/run installs it and sets it"));
    }
    found
}

fn from_last_run(variable: &str) -> Option<String> {
    let found = std::fs::read_to_string(repository().join("target/peers/found.env")).ok()?;
    found.lines().find_map(|line| Some(line.strip_prefix(variable)?.strip_prefix('=')?.to_owned()))
}

/// Says that the running test is not run, and why: past the harness, which keeps what passing tests print.
fn skip(why: &str) {
    if std::env::var("REVIEWD_TEST_REQUIRE_PEERS").is_ok_and(|value| value == "1") {
        panic!("every peer is required here, but {why}");
    }
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("SKIPPED: {test}: {why}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Ok(gathered) = std::env::var("REVIEWD_TEST_SKIPPED")
        && let Ok(mut file) = OpenOptions::new().create(true).append(true).open(gathered)
    {
        let _ = file.write_all(line.as_bytes());
    }
}

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
