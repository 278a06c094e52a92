//! The fuzz targets without a fuzzer: every document of `fuzz/corpus`, and what chance makes of them, in every test run.
//!
//! Half a second for each target; `REVIEWD_TEST_FUZZ_SECONDS=3600 cargo test --test it fuzz::` is an hour each, and
//! `REVIEWD_TEST_SEED=N` begins elsewhere. The coverage-guided way is in CONTRIBUTING.md. What fails is kept in a file that
//! the message names; a fault becomes a document of the corpus, or a test beside the code.
#![allow(clippy::disallowed_methods, reason = "how long is real time here")]

#[path = "../../fuzz/src/targets.rs"]
mod targets;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::{Duration, Instant},
};

use reviewd::clock::Clock;
use targets::{TARGETS, Target};

const TIME: Duration = Duration::from_millis(500);
/// Longer documents find nothing more, only later.
const BYTES_MAX: usize = 16 << 10;
/// Changes made to a document at once, at most.
const CHANGES_MAX: usize = 6;

/// What has a meaning to one of the targets.
const WORDS: [&str; 64] = [
    "---\n",
    "+++\n",
    "\n\n",
    ": ",
    "- ",
    "&a ",
    "*a",
    "<<",
    "|\n",
    ">-\n",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "-1",
    "1e999",
    "0x",
    "NaN",
    "99999999999999999999",
    "2024-02-30",
    "★",
    "½",
    "4,5/5",
    "<",
    "</p>",
    "<script>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "&#x0;",
    "&amp;",
    "style=",
    "href=\"javascript:",
    "||",
    "**",
    "`",
    "```",
    "> ",
    "![](",
    "[^1]",
    "{{",
    "{%",
    "\t",
    "\r\n",
    "\u{202e}",
    "\u{feff}",
    "\u{0}",
    "\u{10ffff}",
    "@context",
    "https://",
    "#main-key",
    "created=",
    ";",
    "=:",
    "\u{301}",
    "\u{200d}",
];

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

struct Mutator {
    chance: Clock,
    corpus: Vec<Vec<u8>>,
}

impl Mutator {
    fn below(&self, limit: usize) -> usize {
        (self.chance.chance() * limit as f64) as usize
    }

    fn next(&self) -> Vec<u8> {
        let mut bytes = self.corpus[self.below(self.corpus.len())].clone();
        for _ in 0..=self.below(CHANGES_MAX) {
            self.change(&mut bytes);
        }
        bytes.truncate(BYTES_MAX);
        bytes
    }

    fn change(&self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        let to = at + self.below((bytes.len() - at).min(64) + 1);
        match self.below(9) {
            0 => bytes.insert(at, self.below(256) as u8),
            1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            2 => drop(bytes.drain(at..to)),
            3 => bytes.truncate(at),
            4 => {
                let part = bytes[at..to].repeat(1 + self.below(40));
                bytes.splice(at..at, part);
            }
            5 => {
                let other = &self.corpus[self.below(self.corpus.len())];
                let from = self.below(other.len() + 1);
                bytes.splice(at..to, other[from..].iter().copied());
            }
            6 => {
                let part = bytes[at..to].to_vec();
                let place = self.below(bytes.len() + 1);
                bytes.splice(place..place, part);
            }
            _ => {
                let word = WORDS[self.below(WORDS.len())];
                bytes.splice(at..at, word.bytes());
            }
        }
    }
}

fn fuzz(name: &str) {
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).unwrap();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(corpus.len() >= 3, "the corpus of {name} is gone");
    for (file, bytes) in files.iter().zip(&corpus) {
        attempt(name, target, bytes, &file.display().to_string());
    }
    let seed = setting("REVIEWD_TEST_SEED").unwrap_or(1);
    let time = setting("REVIEWD_TEST_FUZZ_SECONDS").map_or(TIME, Duration::from_secs);
    let mutator = Mutator { chance: Clock::turned(jiff::Timestamp::UNIX_EPOCH, seed).0, corpus };
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < time {
        attempt(name, target, &mutator.next(), &format!("number {count} of seed {seed}"));
        count += 1;
    }
    println!("{name}: {count} documents");
}

fn attempt(name: &str, target: Target, bytes: &[u8], which: &str) {
    if catch_unwind(AssertUnwindSafe(|| target(bytes))).is_err() {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
        fs::write(&file, bytes).unwrap();
        panic!("{name} failed on {which}, which is kept in {}", file.display());
    }
}

#[test]
fn no_metadata_breaks_the_parser() {
    fuzz("front_matter");
}

#[test]
fn no_html_gets_through_or_breaks_anything() {
    fuzz("html");
}

#[test]
fn no_export_breaks_the_import() {
    fuzz("import");
}

#[test]
fn no_activity_breaks_the_inbox() {
    fuzz("inbox");
}

#[test]
fn no_file_breaks_the_parser() {
    fuzz("review");
}

#[test]
fn no_settings_break_the_start() {
    fuzz("settings");
}

#[test]
fn no_signature_is_forged_and_none_breaks_the_door() {
    fuzz("signature");
}

#[test]
fn every_target_of_the_fuzzer_is_here() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut files: Vec<_> = fs::read_dir(targets).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, TARGETS.map(|(name, _)| std::ffi::OsString::from(format!("{name}.rs"))));
}
