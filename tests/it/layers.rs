//! The architecture as a test: who may know whom, which library has which owner, and which modules are pure.
//!
//! The rules are the tables below; `layers/paths.rs` finds the paths that a source file names.

use std::{fmt, fs, path::Path};

#[path = "layers/paths.rs"]
mod paths;

use paths::{Named, named_paths, without_tests};

/// From the top down. A module knows those of lower layers, and never its siblings.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["app"],
    &["admin"],
    &["web", "control"],
    &["publish", "delivery", "mirror", "doctor", "backup", "export", "faces", "tls"],
    &["fediverse", "websub"],
    &["intake", "import", "store", "feed", "site", "net", "media"],
    &["clock", "config", "source", "telemetry", "text"],
    &["domain"],
];

/// Which modules may name a library. A library that is not here may be named anywhere.
const OWNERS: &[(&str, &[&str])] = &[
    ("activitypub_federation", &["fediverse", "web::fediverse"]),
    ("ammonia", &["text", "intake::parse"]),
    ("askama", &["site"]),
    ("axum", &["web", "app", "admin"]),
    ("blurhash", &["media"]),
    ("chardetng", &["intake", "import"]),
    ("chrono", &["fediverse", "web::fediverse"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("comfy_table", &["cli"]),
    ("comrak", &["text"]),
    ("csv", &["export", "import"]),
    ("encoding_rs", &["intake", "import"]),
    ("fast_image_resize", &["media"]),
    ("http_body_util", &["tls::acme"]),
    ("image", &["media"]),
    ("indicatif", &["cli"]),
    ("instant_acme", &["tls::acme"]),
    ("listenfd", &["app"]),
    ("metrics", &["telemetry"]),
    ("metrics_exporter_prometheus", &["telemetry"]),
    ("miette", &["cli"]),
    ("notify", &["intake::watcher"]),
    ("quick_xml", &["feed", "import"]),
    ("rcgen", &["tls::acme"]),
    ("reqwest", &["net"]),
    ("reqwest_middleware", &["net"]),
    ("rss", &["feed"]),
    ("rustix", &["app", "doctor", "store"]),
    ("scraper", &["text", "intake::parse"]),
    ("sd_notify", &["app"]),
    ("serde_saphyr", &["intake::parse"]),
    ("sqlx", &["store"]),
    ("tar", &["backup", "export", "import", "web::still"]),
    ("tokio_rustls", &["app", "tls"]),
    ("toml", &["config", "intake::parse"]),
    ("tracing_journald", &["telemetry"]),
    ("tracing_subscriber", &["telemetry"]),
    ("zip", &["import"]),
];

/// Values in, values out: no input or output, no clock, no tasks.
const PURE: &[&str] = &[
    "domain",
    "text",
    "feed",
    "site",
    "intake::kind",
    "intake::parse",
    "publish::diff",
    "delivery::schedule",
    "delivery::verdict",
    "mirror::diff",
    "mirror::file",
    "mirror::place",
    "tls::schedule",
    "tls::state",
];

/// What a pure module never names.
const IMPURE: &[&str] = &[
    "tokio",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "crate::clock",
];

/// Addresses are values; only connections are not.
const VALUES_OF_STD_NET: &[&str] = &["IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "SocketAddrV4", "SocketAddrV6"];

/// A file is something one can hold in one's head; tests are not counted.
const FILE_LINES_MAX: usize = 600;

/// A rule that a file breaks.
#[derive(Debug, PartialEq, Eq)]
struct Breach {
    file: String,
    line: usize,
    rule: String,
}

#[test]
fn every_module_keeps_to_its_layer_its_libraries_and_its_purity() {
    let mut files = Vec::new();
    collect(Path::new("src"), &mut files);
    assert!(files.len() > 20, "the source was not found: {} files", files.len());
    let breaches: Vec<_> = files.iter().flat_map(|(path, text)| breaches(path, text)).collect();
    let list: Vec<_> = breaches.iter().map(ToString::to_string).collect();
    assert!(
        breaches.is_empty(),
        "the architecture is broken (ARCHITECTURE.md says why it is as it is):\n{}",
        list.join("\n")
    );
}

/// Everything that a file of the source breaks.
fn breaches(path: &str, text: &str) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut breach = |line, rule: String| found.push(Breach { file: path.to_owned(), line, rule });
    let module = module_of(path);
    // A file of tests is for what its name says, and may know everybody.
    if is_test_file(&module) {
        return found;
    }
    if !text.starts_with("//!") {
        breach(1, "a file begins with a `//!` line that says what it is for".into());
    }
    let text = without_tests(text);
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        breach(lines, format!("a file has at most {FILE_LINES_MAX} lines without tests; split it by topic"));
    }
    for Named { path: named, line } in named_paths(&text, &module) {
        let name = named.join("::");
        if let Some(rule) = layer_rule(&module, &named) {
            breach(line, rule);
        }
        if let Some((library, owners)) = OWNERS.iter().find(|(library, _)| *library == named[0])
            && !owners.iter().any(|owner| lies_in(&module, owner))
        {
            breach(line, format!("`{library}` belongs to {}", owners.join(" and ")));
        }
        if let Some(pure) = PURE.iter().find(|pure| lies_in(&module, pure))
            && is_impure(&name)
        {
            breach(line, format!("`{pure}` is pure and does not know `{name}`"));
        }
    }
    found
}

/// Why `module` may not name a path of this crate, if it may not.
fn layer_rule(module: &[String], named: &[String]) -> Option<String> {
    let [root, target, ..] = named else { return None };
    let own = module.first()?;
    if root != "crate" || own == target {
        return None;
    }
    let Some(own_layer) = layer_of(own) else {
        return Some(format!("`{own}` has no place in LAYERS yet"));
    };
    match layer_of(target) {
        Some(layer) if layer > own_layer => None,
        Some(layer) if layer == own_layer => {
            Some(format!("`{own}` and `{target}` are siblings and do not know each other"))
        }
        Some(_) => Some(format!("`{own}` lies below `{target}` and does not know it")),
        None => Some(format!("`{target}` has no place in LAYERS yet")),
    }
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn is_impure(name: &str) -> bool {
    let starts_with = |prefix: &str| name == prefix || name.starts_with(&format!("{prefix}::"));
    let is_value = VALUES_OF_STD_NET.iter().any(|value| starts_with(&format!("std::net::{value}")));
    !is_value && IMPURE.iter().any(|impure| starts_with(impure))
}

/// `src/web/fediverse/inbox.rs` → `web`, `fediverse`, `inbox`; nothing for `lib.rs` and `main.rs`, which know everybody.
fn module_of(path: &str) -> Vec<String> {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    match path {
        "lib" | "main" => Vec::new(),
        path => path.split('/').map(str::to_owned).collect(),
    }
}

fn is_test_file(module: &[String]) -> bool {
    module.iter().any(|part| part == "tests")
}

fn lies_in(module: &[String], owner: &str) -> bool {
    let owner: Vec<_> = owner.split("::").collect();
    module.len() >= owner.len() && module.iter().zip(&owner).all(|(a, b)| a == b)
}

fn collect(directory: &Path, files: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.rule)
    }
}

/// The rules broken by a file with this text below its first line.
fn rules_broken(path: &str, text: &str) -> Vec<String> {
    breaches(path, &format!("//! For a test.\n{text}")).into_iter().map(|breach| breach.rule).collect()
}

#[test]
fn a_module_that_reaches_up_or_sideways_is_found() {
    for (path, text, expected) in [
        ("src/domain/book.rs", "use crate::store::Store;", "`domain` lies below `store` and does not know it"),
        (
            "src/feed/rss.rs",
            "fn f() { crate::site::page() }",
            "`feed` and `site` are siblings and do not know each other",
        ),
        ("src/feed/mod.rs", "use crate::{domain::Book, web};", "`feed` lies below `web` and does not know it"),
        ("src/feed/rss.rs", "use super::super::web;", "`feed` lies below `web` and does not know it"),
        ("src/feed/mod.rs", "use reviewd::web;", "`feed` lies below `web` and does not know it"),
        ("src/feed/mod.rs", "use crate::shop::Till;", "`shop` has no place in LAYERS yet"),
        ("src/shop.rs", "use crate::domain::Book;", "`shop` has no place in LAYERS yet"),
    ] {
        assert_eq!(rules_broken(path, text), [expected], "{path}: {text}");
    }
}

#[test]
fn a_library_named_away_from_its_owner_is_found() {
    assert_eq!(rules_broken("src/web/mod.rs", "use sqlx::Pool;"), ["`sqlx` belongs to store"]);
    assert_eq!(
        rules_broken("src/intake/folder.rs", "type W = notify::Watcher;"),
        ["`notify` belongs to intake::watcher"]
    );
    assert_eq!(rules_broken("src/cli/mod.rs", "use ::axum::Router;"), ["`axum` belongs to web and app and admin"]);
    assert_eq!(rules_broken("src/web/x.rs", "#[derive(askama::Template)]\nstruct T;"), ["`askama` belongs to site"]);
}

#[test]
fn a_pure_module_that_reads_the_world_is_found() {
    for (path, text, named) in [
        ("src/text/mod.rs", "use std::{fmt, fs};", "std::fs"),
        ("src/site/page.rs", "fn f() { std::fs::read(\"x\") }", "std::fs::read"),
        ("src/intake/parse/html.rs", "use tokio::fs;", "tokio::fs"),
        ("src/domain/address.rs", "use std::net::{IpAddr, TcpStream};", "std::net::TcpStream"),
        ("src/delivery/schedule.rs", "use std::time::{Duration, Instant};", "std::time::Instant"),
        ("src/publish/diff.rs", "use crate::clock::Clock;", "crate::clock::Clock"),
    ] {
        let broken = rules_broken(path, text);
        assert!(broken.iter().any(|rule| rule.ends_with(&format!("does not know `{named}`"))), "{path}: {broken:?}");
    }
}

#[test]
fn a_file_without_its_first_line_or_too_long_is_found() {
    assert_eq!(breaches("src/web/mod.rs", "fn f() {}\n").len(), 1);
    assert_eq!(breaches("src/main.rs", "fn f() {}\n").len(), 1);
    assert_eq!(rules_broken("src/web/mod.rs", &"fn f() {}\n".repeat(FILE_LINES_MAX)).len(), 1);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    fn f() {}\n".repeat(FILE_LINES_MAX));
    assert_eq!(rules_broken("src/web/mod.rs", &tests), [""; 0]);
}

#[test]
fn what_is_allowed_is_not_found() {
    for (path, text) in [
        ("src/cli/mod.rs", "use crate::{app, domain::Book, web::Routes};"),
        ("src/web/fediverse/inbox.rs", "use activitypub_federation::Object; use super::super::Routes;"),
        ("src/store/mod.rs", "use sqlx::Pool; use crate::domain::Review;"),
        ("src/domain/moment.rs", "enum M { Instant(u8) } fn f() { M::Instant(1) } use std::net::IpAddr;"),
        (
            "src/text/mod.rs",
            "// use std::fs;\n/* crate::web */ const A: &str = \"crate::web::x\"; const B: char = '\"';",
        ),
        ("src/text/mod.rs", "const A: &str = r#\"use \"sqlx::x\"#; fn f<'a>(x: &'a str) -> &'a str { x }"),
        ("src/text/mod.rs", "#[cfg(test)]\nmod tests {\n    use std::fs;\n    use crate::web;\n}\n"),
        ("src/store/tests.rs", "use crate::web;"),
        ("src/main.rs", "fn main() { reviewd::cli::run() }"),
        ("src/feed/mod.rs", "pub(crate) fn f(x: self::rss::Item) {} mod rss;"),
    ] {
        assert_eq!(rules_broken(path, text), [""; 0], "{path}: {text}");
    }
}
