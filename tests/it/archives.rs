//! What stands behind the current feed: archive documents (RFC 5005) that keep their bytes, and the feeds of parts.

use std::{collections::BTreeMap, time::Duration};

use crate::world::{Answer, ORIGIN, World, review, review_with};

const ATOM: &str = "http://www.w3.org/2005/Atom";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A folder that was adopted with so many reviews.
async fn of_reviews(count: usize) -> World {
    let files: Vec<(String, String)> = (1..=count).map(|number| file(number, "As it was.")).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    World::of(&files).await
}

fn file(number: usize, words: &str) -> (String, String) {
    let date = format!("date: {}-{:02}-{:02}", 2015 + number / 300, number / 25 % 12 + 1, number % 25 + 1);
    (format!("book-{number:03}.md"), review_with(&format!("Book {number:03}"), words, &[&date]))
}

/// A feed and everything behind it, as a reader finds it: path and document.
async fn follow(world: &World, feed: &str) -> Vec<(String, Answer)> {
    let mut found: Vec<(String, Answer)> = Vec::new();
    let mut next = Some(feed.to_owned());
    while let Some(path) = next {
        let answer = world.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        next = link(answer.text(), "prev-archive");
        found.push((path, answer));
        assert!(found.len() < 100, "the archive goes round in circles");
    }
    found
}

fn link(document: &str, relation: &str) -> Option<String> {
    let document = roxmltree::Document::parse(document).unwrap();
    let link = document
        .descendants()
        .find(|node| node.has_tag_name((ATOM, "link")) && node.attribute("rel") == Some(relation))?;
    Some(link.attribute("href").unwrap().strip_prefix(ORIGIN).unwrap().to_owned())
}

/// Ids with the newest change, over all documents; each id once in each.
fn entries(documents: &[(String, Answer)]) -> BTreeMap<String, String> {
    let mut entries = BTreeMap::new();
    for (_, answer) in documents {
        let document = roxmltree::Document::parse(answer.text()).unwrap();
        for entry in document.descendants().filter(|node| node.has_tag_name((ATOM, "entry"))) {
            let text = |name| entry.children().find(|c| c.has_tag_name((ATOM, name))).and_then(|c| c.text());
            let (id, updated) = (text("id").unwrap().to_owned(), text("updated").unwrap().to_owned());
            let newest = entries.entry(id).or_insert_with(|| updated.clone());
            *newest = updated.max(newest.clone());
        }
    }
    entries
}

fn count(documents: &[(String, Answer)]) -> usize {
    documents.iter().map(|(_, answer)| answer.text().matches("<entry").count()).sum()
}

#[tokio::test]
async fn whoever_follows_the_archive_gets_every_review_once() {
    let world = of_reviews(123).await;
    for feed in ["/atom.xml", "/@ana/atom.xml"] {
        let documents = follow(&world, feed).await;
        assert_eq!(entries(&documents).len(), 123);
        assert_eq!(count(&documents), 123, "each review stands in one place");
        assert_eq!(documents[0].1.text().matches("<entry").count(), 50);
        let paths: Vec<&str> = documents[1..].iter().map(|(path, _)| path.as_str()).collect();
        let base = feed.trim_end_matches(".xml");
        assert_eq!(paths, [format!("{base}/archive/2-23.xml"), format!("{base}/archive/1.xml")]);
        for (path, answer) in &documents[1..] {
            assert!(answer.text().contains("<fh:archive/>"), "{path} does not say that it is an archive document");
            assert_eq!(link(answer.text(), "current").as_deref(), Some(feed));
            assert_eq!(link(answer.text(), "self").as_ref(), Some(path));
        }
    }
    let rss = world.get("/feed.xml").await;
    assert_eq!(link(rss.text(), "prev-archive").as_deref(), Some("/feed/archive/2-23.xml"));
    let json = world.get("/feed.json").await.json();
    assert_eq!(json["next_url"], format!("{ORIGIN}/feed/archive/2-23.json"));
    let oldest = world.get("/feed/archive/1.json").await.json();
    assert_eq!(oldest["items"].as_array().unwrap().len(), 50);
    assert!(oldest["next_url"].is_null());
}

#[tokio::test]
async fn an_archive_document_keeps_its_bytes_whatever_happens_to_the_folder() {
    let world = of_reviews(123).await;
    let mut read = BTreeMap::new();
    for feed in ["/atom.xml", "/feed.xml"] {
        for (path, answer) in follow(&world, feed).await.into_iter().skip(1) {
            read.insert(path, answer.body);
        }
    }
    // An edit of an archived review, a new review, an old one that arrives late, a new title of the site.
    let (name, text) = file(3, "As I see it now.");
    world.save(&name, text);
    world.save("new.md", review("A new book", "Just read."));
    let (late, text) = file(7, "Found in a drawer.");
    world.save(
        &late.replace("book", "late"),
        text.replace("Book 007", "A late book").replace("date:", "reviewd_import: goodreads\ndate:"),
    );
    world.settle().await;
    for (path, body) in &read {
        assert_eq!(&world.get(path).await.body, body, "{path} changed");
    }
    let documents = follow(&world, "/atom.xml").await;
    assert_eq!(entries(&documents).len(), 125);
    let current = documents[0].1.text();
    assert!(current.contains("As I see it now.") && current.contains("A new book"));
    assert!(!current.contains("A late book"), "what comes under an old date goes behind the feed at once");
}

#[tokio::test]
async fn an_archive_document_keeps_its_bytes_across_a_restart_and_another_title() {
    let mut world = of_reviews(123).await;
    let before = world.get("/atom/archive/1.xml").await;
    world.settings(Some(ORIGIN), "", "[feeds]\nfull_text = false\n");
    world.restart().await;
    let after = world.get("/atom/archive/1.xml").await;
    assert_eq!(after.body, before.body);
    assert_eq!(after.header("etag"), before.header("etag"));
}

#[tokio::test]
async fn a_document_that_was_not_full_leads_to_the_full_one() {
    let world = of_reviews(123).await;
    let partial = world.get("/atom/archive/2-23.xml").await;
    assert_eq!(
        world.ask(reqwest::Method::GET, "/atom/archive/2.xml", &[]).await.header("location"),
        "/atom/archive/2-23.xml"
    );
    for number in 200..240 {
        let (name, _) = file(number, "");
        world.save(&name, review(&format!("Later {number}"), "Words."));
        world.pass(DAY).await;
    }
    let moved = world.get("/atom/archive/2-23.xml").await;
    assert_eq!((moved.status, moved.header("location").as_str()), (301, "/atom/archive/2.xml"));
    let full = world.get("/atom/archive/2.xml").await;
    let ids = |answer: Answer| entries(&[(String::new(), answer)]);
    let (some, all) = (ids(partial), ids(full));
    assert_eq!((some.len(), all.len()), (23, 50));
    assert!(some.keys().all(|id| all.contains_key(id)));
}

#[tokio::test]
async fn a_review_taken_back_leaves_the_archive_and_the_rest_stays() {
    let world = of_reviews(123).await;
    assert!(world.get("/feed/archive/1.xml").await.text().contains("Book 003"));
    world.retract("book-003.md").await;
    let document = world.get("/feed/archive/1.xml").await;
    assert!(!document.text().contains("Book 003"));
    assert_eq!(document.text().matches("<item>").count(), 49);
    assert_eq!(entries(&follow(&world, "/atom.xml").await).len(), 122);
}

#[tokio::test]
async fn tags_authors_and_ratings_have_feeds_of_their_own() {
    let world = World::of(&[
        ("dune.md", "---\ntitle: Dune\nauthor: Frank Herbert\nrating: 4.5/5\ntags: [space]\n---\n\nSand.\n"),
        ("emma.md", "---\ntitle: Emma\nauthor: Jane Austen\nrating: 9/10\n---\n\nMatches.\n"),
    ])
    .await;
    for (path, titles) in [
        ("/tags/space/feed.json", vec!["Dune"]),
        ("/authors/jane-austen/feed.json", vec!["Emma"]),
        ("/ratings/4.5/feed.json", vec!["Dune", "Emma"]),
    ] {
        let mut found: Vec<String> = world.feed_at(path).await.into_iter().map(|item| item.title).collect();
        found.sort();
        assert_eq!(found.len(), titles.len(), "{path}: {found:?}");
        assert!(found.iter().zip(&titles).all(|(found, title)| found.contains(title)), "{path}: {found:?}");
        let page = world.page(path.trim_end_matches("/feed.json")).await;
        for dialect in ["feed.xml", "atom.xml"] {
            let path = path.replace("feed.json", dialect);
            let document = world.get(&path).await;
            assert_eq!(document.status, 200, "{path}");
            assert_eq!(link(document.text(), "self").as_deref(), Some(path.as_str()));
            assert!(page.contains(&path), "the page does not name {path}");
        }
    }
    assert_eq!(world.status("/ratings/2/feed.xml").await, 404);
    let feeds = world.page("/feeds").await;
    for path in ["/tags/space/atom.xml", "/authors/jane-austen/feed.xml", "/ratings/4.5/feed.json"] {
        assert!(feeds.contains(path), "/feeds does not list {path}");
    }
}

#[tokio::test]
async fn a_reader_and_a_browser_get_the_same_feed_under_the_type_each_understands() {
    let world = of_reviews(3).await;
    for path in ["/feed.xml", "/atom.xml"] {
        let reader = world.get(path).await;
        let person = world.ask(reqwest::Method::GET, path, &[("sec-fetch-dest", "document")]).await;
        assert_eq!(person.body, reader.body);
        assert!(reader.header("content-type").starts_with("application/"));
        assert_eq!(person.header("content-type"), "text/xml; charset=utf-8");
        assert!(person.header("cache-control").starts_with("private"), "a cache would give it to readers");
        assert_eq!(reader.header("vary"), "Accept-Encoding");
    }
}

#[tokio::test]
async fn a_restart_after_removals_within_a_second_makes_no_feed_an_older_one() {
    let mut world = World::of(&[]).await;
    for name in ["dune", "emma", "solaris"] {
        world.save(&format!("{name}.md"), review(name, "Words."));
    }
    world.settle().await;
    for name in ["dune.md", "emma.md"] {
        world.remove(name);
        world.look().await;
    }
    let before = world.feed_bytes().await;
    world.restart().await;
    assert_eq!(world.feed_bytes().await, before);
}
