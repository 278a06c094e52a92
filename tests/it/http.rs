//! What clients of every kind get: validators, codings, refusals, and every address of the site.

use std::{io::Read, time::Duration};

use reqwest::Method;
use reviewd::web::conditional::parse_http_date;

use crate::world::{Answer, ORIGIN, Setup, World, picture, review, review_with};

const SECOND: Duration = Duration::from_secs(1);

/// Three announced reviews; the first has a cover, a tag and long words.
async fn library() -> World {
    let world = World::empty().await;
    world.save("cover.jpg", picture([120, 40, 40]));
    let long = "Sand gets into everything in this book, even the sentences.\n\n".repeat(40);
    let facts =
        ["date: 2024-03-01", "rating: 4.5/5", "tags: [science fiction]", "cover: cover.jpg", "isbn: 9780441172719"];
    world.save("dune.md", review_with("Dune", &long, &facts));
    world.save("emma.md", review_with("Emma", "Matches & <marriages>.", &["tags: [classics, science fiction]"]));
    world.save("nachtzug.md", review_with("Nachtzug", "Über Lissabon.", &["language: de"]));
    world.settle().await;
    world
}

async fn head(world: &World, path: &str, headers: &[(&str, &str)]) -> Answer {
    world.ask(Method::HEAD, path, headers).await
}

const DOCUMENTS: &[&str] = &["/", "/@ana", "/@ana/dune", "/feed.xml", "/atom.xml", "/feed.json", "/archive"];

#[tokio::test]
async fn a_client_that_has_a_document_is_sent_nothing() {
    let world = library().await;
    for path in DOCUMENTS {
        let full = world.get(path).await;
        let (tag, modified) = (full.header("etag"), full.header("last-modified"));
        assert!(tag.starts_with('"') && !modified.is_empty(), "{path}: {:?}", full.headers);
        for condition in [("if-none-match", &tag), ("if-modified-since", &modified)] {
            let fresh = world.ask(Method::GET, path, &[(condition.0, condition.1)]).await;
            assert_eq!((fresh.status, fresh.body.len()), (304, 0), "{path} {condition:?}");
            assert_eq!(fresh.header("etag"), tag);
        }
        let other = world.ask(Method::GET, path, &[("if-none-match", "\"other\"")]).await;
        assert_eq!(other.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_head_tells_what_a_get_would_send() {
    let world = library().await;
    for path in DOCUMENTS.iter().chain(&["/robots.txt", "/sitemap.xml", "/nothing-here", "/source.tar.gz"]) {
        let (got, told) = (world.get(path).await, head(&world, path, &[]).await);
        assert_eq!((told.status, told.body.len()), (got.status, 0), "{path}");
        for name in ["content-type", "content-length", "etag", "last-modified", "cache-control", "vary"] {
            assert_eq!(told.header(name), got.header(name), "{path}: {name}");
        }
    }
}

#[tokio::test]
async fn every_coding_holds_the_same_document() {
    let world = library().await;
    for path in ["/feed.xml", "/@ana/dune"] {
        let plain = world.get(path).await;
        assert_eq!(plain.header("content-encoding"), "");
        let mut tags = vec![plain.header("etag")];
        for coding in ["gzip", "br", "zstd"] {
            let coded = world.ask(Method::GET, path, &[("accept-encoding", coding)]).await;
            assert_eq!(coded.header("content-encoding"), coding, "{path}");
            assert!(coded.header("vary").to_lowercase().contains("accept-encoding"), "{path}");
            assert!(coded.body.len() * 2 < plain.body.len(), "{path}: {coding} saves nothing");
            assert_eq!(decoded(coding, &coded.body), plain.body, "{path}: {coding}");
            tags.push(coded.header("etag"));
        }
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), 4, "each coding has a tag of its own: {tags:?}");
    }
}

fn decoded(coding: &str, coded: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match coding {
        "gzip" => flate2::read::GzDecoder::new(coded).read_to_end(&mut plain).map(drop).unwrap(),
        "br" => brotli::Decompressor::new(coded, 4096).read_to_end(&mut plain).map(drop).unwrap(),
        other => {
            assert_eq!(other, "zstd");
            plain = zstd::stream::decode_all(coded).unwrap();
        }
    }
    plain
}

#[tokio::test]
async fn a_page_is_read_and_not_written() {
    let world = library().await;
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        for path in ["/", "/feed.xml", "/@ana/dune"] {
            let refused = world.ask(method.clone(), path, &[]).await;
            let told = (refused.status, refused.header("allow"), refused.text());
            assert_eq!(
                told,
                (405, "GET, HEAD, OPTIONS".to_owned(), "only reading is possible here\n"),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn a_reader_in_a_browser_may_ask_a_feed_conditionally() {
    let world = library().await;
    for (path, origin) in [("/feed.xml", "*"), ("/@ana/atom.xml", "*"), ("/replies.json", "*"), ("/", "")] {
        let asked = world.ask(Method::OPTIONS, path, &[("access-control-request-method", "GET")]).await;
        assert_eq!((asked.status, asked.header("allow")), (204, "GET, HEAD, OPTIONS".to_owned()), "{path}");
        assert_eq!(asked.header("access-control-allow-origin"), origin, "{path}");
        assert_eq!(asked.header("access-control-allow-headers").contains("If-None-Match"), origin == "*", "{path}");
    }
}

#[tokio::test]
async fn a_trial_on_this_machine_answers_to_no_other_name() {
    let world = World::open(Setup { origin: None, ..Setup::default() }).await;
    let port = world.running().addresses[0].port();
    assert_eq!(world.running().origin, format!("http://localhost:{port}"), "the origin follows the port");
    for (host, status) in [
        (format!("localhost:{port}"), 200),
        (format!("127.0.0.1:{port}"), 200),
        (format!("evil.example:{port}"), 421),
        ("evil.example".to_owned(), 421),
        ("localhost:1".to_owned(), 421),
    ] {
        for path in ["/", "/feed.xml"] {
            assert_eq!(world.ask(Method::GET, path, &[("host", &host)]).await.status, status, "{host}{path}");
        }
    }
}

#[tokio::test]
async fn pages_allow_nothing_but_themselves() {
    let world = library().await;
    let pages = ["/", "/@ana", "/@ana/dune", "/archive", "/search?q=sand", "/tags/classics", "/feeds", "/nothing-here"];
    for path in pages {
        let page = world.get(path).await;
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
        let text = page.text();
        let scripts = text.matches("<script").count() - text.matches("<script type=\"application/ld+json\">").count();
        assert_eq!((scripts, text.matches(" style=").count(), text.matches(" onclick=").count()), (0, 0, 0), "{path}");
    }
}

#[tokio::test]
async fn every_kind_of_page_is_there_and_names_its_reviews() {
    let world = library().await;
    for (path, told) in [
        ("/", "/@ana/nachtzug"),
        ("/@ana", "/@ana/emma"),
        ("/@ana/dune", "Sand gets into everything"),
        ("/@ana/emma", "Matches &amp; "),
        ("/tags/science-fiction", "/@ana/emma"),
        ("/tags/science%20fiction", "/@ana/dune"),
        ("/authors/ada-writer", "/@ana/dune"),
        ("/books/9780441172719", "/@ana/dune"),
        ("/archive", "/@ana/nachtzug"),
        ("/archive?year=2024", "/@ana/dune"),
        ("/search?q=sand", "/@ana/dune"),
        ("/search?q=SENTENCES+dune", "/@ana/dune"),
        ("/search?q=%C3%BCber", "/@ana/nachtzug"),
        ("/feeds", "/feed.xml"),
        ("/opensearch.xml", "/search"),
        ("/feed.xml?utm_source=x", "/@ana/dune"),
        ("/@ana/atom.xml", "/@ana/dune"),
        ("/tags/classics/feed.json", "/@ana/emma"),
    ] {
        assert!(world.page(path).await.contains(told), "{path} does not name {told}");
    }
    assert!(!world.page("/search?q=sand+marriages").await.contains("/@ana/dune"), "every word has to be there");
    assert!(!world.page("/search?q=%25").await.contains("/@ana/dune"), "no character is a wildcard");
    assert!(!world.page("/tags/classics/feed.json").await.contains("/@ana/dune"));
}

#[tokio::test]
async fn what_is_not_there_is_a_page_that_says_so() {
    let world = library().await;
    for path in [
        "/nothing-here",
        "/@ana/no-such-review",
        "/@nobody",
        "/@nobody/dune",
        "/tags/none",
        "/tags/none/feed.xml",
        "/authors/none",
        "/books/none",
        "/archive?year=1999",
        "/?page=99",
        "/media/0123456789abcdef0123456789abcdef.jpg",
        "/../../etc/passwd",
        "/wp-login.php",
    ] {
        let missing = world.get(path).await;
        assert_eq!(
            (missing.status, missing.header("content-type").as_str()),
            (404, "text/html; charset=utf-8"),
            "{path}"
        );
        assert!(missing.text().contains("<!doctype html>") || missing.text().contains("<!DOCTYPE html>"), "{path}");
    }
}

#[tokio::test]
async fn a_needless_slash_is_redirected_within_the_site() {
    let world = library().await;
    for (path, to) in [("/@ana/dune/", "/@ana/dune"), ("/archive/", "/archive"), ("//evil.example/", "/evil.example")] {
        let moved = world.get(path).await;
        assert_eq!((moved.status, moved.header("location").as_str()), (301, to), "{path}");
    }
}

#[tokio::test]
async fn a_reviews_page_names_its_note_its_feeds_and_itself() {
    let world = library().await;
    let page = world.get("/@ana/dune").await;
    let note = format!("{ORIGIN}/users/ana/reviews/{}", world.entry("dune.md").await.id);
    let link = page.header("link");
    assert!(link.contains(&format!("<{note}>; rel=\"alternate\"; type=\"application/activity+json\"")), "{link}");
    assert!(page.header("vary").to_lowercase().contains("accept"));
    let text = page.text();
    for told in [
        format!("<link rel=\"canonical\" href=\"{ORIGIN}/@ana/dune\""),
        "href=\"/feed.xml\"".to_owned(),
        "application/rss+xml".to_owned(),
        "application/atom+xml".to_owned(),
        "application/feed+json".to_owned(),
        "og:title".to_owned(),
        "\"@type\":\"Review\"".to_owned(),
        "h-review".to_owned(),
        "/source.tar.gz".to_owned(),
    ] {
        assert!(text.contains(&told), "{told} is not there");
    }
    assert!(!text.contains("http://localhost") && !text.contains("127.0.0.1"), "the page knows its public address");
}

#[tokio::test]
async fn robots_and_the_sitemap_lead_to_every_page() {
    let world = library().await;
    let robots = world.page("/robots.txt").await;
    assert!(robots.contains(&format!("Sitemap: {ORIGIN}/sitemap.xml")), "{robots}");
    let sitemap = world.page("/sitemap.xml").await;
    let sitemap = roxmltree::Document::parse(&sitemap).unwrap();
    let locations = sitemap.descendants().filter(|node| node.tag_name().name() == "loc");
    let addresses: Vec<&str> = locations.filter_map(|node| node.text()).collect();
    for page in ["/", "/@ana", "/@ana/dune", "/@ana/emma", "/@ana/nachtzug"] {
        assert!(addresses.contains(&format!("{ORIGIN}{page}").as_str()), "{page}: {addresses:?}");
        assert_eq!(world.status(page).await, 200);
    }
}

#[tokio::test]
async fn the_program_hands_out_its_own_source() {
    let world = World::empty().await;
    let archive = world.get("/source.tar.gz").await;
    assert_eq!((archive.status, archive.header("content-type").as_str()), (200, "application/gzip"));
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive.body.as_slice()));
    let names: Vec<String> =
        archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
    for file in ["Cargo.toml", "Cargo.lock", "src/main.rs", "LICENSE"] {
        assert!(names.iter().any(|name| name.ends_with(&format!("/{file}"))), "{file}: {names:?}");
    }
}

#[tokio::test]
async fn pictures_and_statics_may_be_kept_for_ever() {
    let world = library().await;
    let page = world.page("/@ana/dune").await;
    let address = |start: &str| {
        let from = page.find(start).unwrap_or_else(|| panic!("{start} is not in the page"));
        page[from..].split(['"', ' ', ')', ',']).next().unwrap().to_owned()
    };
    for path in [address("/media/"), address("/static/")] {
        let kept = world.get(&path).await;
        assert_eq!((kept.status, kept.header("cache-control").contains("immutable")), (200, true), "{path}");
        assert_eq!(kept.header("x-content-type-options"), "nosniff", "{path}");
        let again = world.ask(Method::GET, &path, &[("if-none-match", &kept.header("etag"))]).await;
        assert_eq!(again.status, 304, "{path}");
    }
    let picture = world.get(&address("/media/")).await;
    assert_eq!(picture.header("content-type"), "image/jpeg");
    assert!(image::load_from_memory(&picture.body).is_ok());
    for path in ["/feed.xml", "/@ana/dune"] {
        assert!(!world.get(path).await.header("cache-control").contains("immutable"), "{path}");
    }
}

#[tokio::test]
async fn feeds_say_what_they_are() {
    let world = library().await;
    for (path, kind) in [
        ("/feed.xml", "application/rss+xml"),
        ("/atom.xml", "application/atom+xml"),
        ("/feed.json", "application/feed+json"),
    ] {
        let feed = world.get(path).await;
        assert!(feed.header("content-type").starts_with(kind), "{path}: {}", feed.header("content-type"));
        assert!(feed.header("link").contains(&format!("<{ORIGIN}{path}>; rel=\"self\"")), "{}", feed.header("link"));
        assert_eq!(feed.header("access-control-allow-origin"), "*", "{path}");
        assert!(feed_rs::parser::parse(feed.body.as_slice()).unwrap().entries.len() == 3, "{path}");
    }
}

#[tokio::test]
async fn a_reader_that_knows_only_dates_misses_no_change() {
    let mut world = library().await;
    let dune = world.read("dune.md");
    let mut modified = world.get("/feed.xml").await.header("last-modified");
    for step in 0..8 {
        world.pass(100 * SECOND).await;
        match step {
            0 => world.save("emma.md", review("Emma", "More matches.")),
            1 => world.remove("dune.md"),
            2 => world.save("dune.md", &dune),
            3 => world.save("nachtzug.md", review_with("Nachtzug", "Über Lissabon.", &["draft: true"])),
            4 => drop(world.retract("emma").await),
            5 => world
                .save("old.md", review_with("Old", "x", &["reviewd_import: {from: goodreads}", "date: 2001-02-03"])),
            6 => world.save("dune.md", dune.replace("tags:", "slug: arrakis\ntags:")),
            _ => world.restart().await,
        }
        world.look().await;
        let since = [("if-modified-since", modified.as_str())];
        let status = world.ask(Method::GET, "/feed.xml", &since).await.status;
        assert_eq!(status, if step < 7 { 200 } else { 304 }, "step {step}");
        let now = world.get("/feed.xml").await.header("last-modified");
        assert!(parse_http_date(&now).unwrap() >= parse_http_date(&modified).unwrap(), "step {step}: {now} {modified}");
        modified = now;
    }
}

#[tokio::test]
async fn long_lists_have_pages() {
    let mut world = World::prepare(Setup::default());
    for n in 0..45 {
        let date = format!("date: 2020-01-{:02}T{:02}:00:00Z", n % 28 + 1, n % 24);
        world.save(&format!("book-{n}.md"), review_with(&format!("Book {n}"), "Words.", &[&date]));
    }
    world.start().await;
    let mut found = std::collections::BTreeSet::new();
    for page in ["/", "/?page=2", "/?page=3"] {
        let text = world.page(page).await;
        found.extend((0..45).filter(|n| {
            text.contains(&format!("\"/@ana/book-{n}\"")) || text.contains(&format!("{ORIGIN}/@ana/book-{n}\""))
        }));
    }
    assert_eq!(found.len(), 45, "{found:?}");
    assert!(world.page("/").await.contains("?page=2"));
    assert_eq!(world.status("/?page=4").await, 404);
    assert_eq!(world.feed().await.len(), 45);
}

#[tokio::test]
async fn a_feed_holds_as_many_reviews_as_the_settings_say() {
    let mut world = World::prepare(Setup { settings: "[feeds]\nitems = 3\n", ..Setup::default() });
    for n in 0..5 {
        world.save(&format!("book-{n}.md"), review_with(&format!("Book {n}"), "x", &[&format!("date: 202{n}-01-01")]));
    }
    world.start().await;
    assert_eq!(world.titles().await, ["Book 4 by Ada Writer", "Book 3 by Ada Writer", "Book 2 by Ada Writer"]);
}

#[tokio::test]
async fn a_reader_that_keeps_a_connection_gets_every_answer() {
    let world = library().await;
    for _ in 0..200 {
        assert_eq!(world.status("/feed.xml").await, 200);
    }
    assert_eq!((world.status("/healthz").await, world.status("/readyz").await), (200, 200));
}

#[tokio::test]
async fn the_pages_of_a_feed_hold_every_review_once() {
    let world = World::empty().await;
    for number in 0..23 {
        world
            .save(&format!("book-{number:02}.md"), review_with(&format!("Book {number}"), "Words.", &["tags: [sand]"]));
    }
    world.settings(Some(ORIGIN), "[[reviewer]]\nhandle = \"ana\"\nfolder = \"reviews\"\n", "[feeds]\nitems = 10\n");
    let mut world = world;
    world.restart().await;
    world.look().await;
    let (mut seen, mut path) = (Vec::new(), "/tags/sand/feed.json".to_owned());
    loop {
        let page: serde_json::Value = serde_json::from_str(&world.page(&path).await).unwrap();
        assert_eq!(page["feed_url"], format!("{ORIGIN}{path}"));
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()));
        let Some(next) = page["next_url"].as_str() else { break };
        path = next.strip_prefix(ORIGIN).unwrap().to_owned();
    }
    assert_eq!(seen.len(), 23);
    assert_eq!(seen.iter().collect::<std::collections::BTreeSet<_>>().len(), 23);
    assert!(world.page("/tags/sand/feed.xml").await.contains("rel=\"next\""));
    assert_eq!(world.status("/tags/sand/feed.xml?from=23").await, 404);
}

#[tokio::test]
async fn a_client_behind_our_proxy_that_floods_is_told_when_to_come_again() {
    let world = library().await;
    let flood = [("x-forwarded-for", "203.0.113.7")];
    let mut refused = None;
    for _ in 0..700 {
        let answer = world.ask(Method::GET, "/robots.txt", &flood).await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("six hundred a minute are enough");
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").parse::<u32>().is_ok(), "whole seconds, never a date");
    let reader = [("x-forwarded-for", "203.0.113.8")];
    assert_eq!(world.ask(Method::GET, "/robots.txt", &reader).await.status, 200);
    assert_eq!(world.get("/feed.xml").await.status, 200);
}
