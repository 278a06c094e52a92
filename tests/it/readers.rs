//! The folder of files of every kind, as its readers get it: feedparser, newsboat, and a person with a browser.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::peers::{Browser, Reviewd, newsboat, read_feed, websub_subscriber};

const FEEDS: [&str; 2] = ["/feed.xml", "/atom.xml"];
/// A phone's and a desktop's.
const WIDTHS: [u32; 2] = [390, 1280];

#[tokio::test]
async fn feedparser_understands_both_feeds_alike_and_is_told_when_nothing_changed() {
    let reviewd = of_every_kind().await;
    let addresses = FEEDS.map(|path| format!("{}{path}", reviewd.origin));
    let Some(read) = read_feed(&addresses.each_ref().map(String::as_str)).await else { return };
    for (address, feed) in addresses.iter().zip(read.as_array().unwrap()) {
        assert_eq!(feed["bozo"], false, "{address}: {}", feed["bozo_exception"]);
        assert_eq!(feed["not_modified"], true, "{address} was sent twice");
        for entry in feed["entries"].as_array().unwrap() {
            assert!(entry["content"][0]["value"].as_str().is_some_and(|html| !html.is_empty()), "{entry:#}");
            assert!(entry["published_parsed"].is_array(), "{entry:#}");
            let is_rss = feed["version"] == "rss20";
            assert!(!is_rss || entry["guidislink"] == false, "the id is no address: {entry:#}");
        }
    }
    assert_eq!(column(&read[0]["entries"], "id"), column(&read[1]["entries"], "id"));
    assert_eq!(column(&read[0]["entries"], "title"), column(&read[1]["entries"], "title"));
    assert!(column(&read[0]["entries"], "id").len() > 20, "the folder holds more reviews than that");
}

#[tokio::test]
async fn newsboat_keeps_every_article_of_a_feed() {
    let reviewd = of_every_kind().await;
    let address = format!("{}/feed.xml", reviewd.origin);
    let (Some(kept), Some(read)) = (newsboat(&[&address]).await, read_feed(&[&address]).await) else { return };
    assert_eq!(column(&kept["articles"], "guid"), column(&read[0]["entries"], "id"));
    assert!(column(&kept["articles"], "guid").len() > 20, "the folder holds more reviews than that");
    assert_eq!(kept["feeds"][0]["home"].as_str().map(|home| home.trim_end_matches('/')), Some(&*reviewd.origin));
}

#[tokio::test]
async fn every_page_fits_a_phone_and_the_browser_has_nothing_to_complain_about() {
    let reviewd = of_every_kind().await;
    let Some(browser) = Browser::start().await else { return };
    browser.open(&reviewd.origin).await;
    let pages = links_to_reviews(&browser).await;
    assert!(pages.len() > 10, "{pages:?}");
    for (name, page) in [("home", Some(&reviewd.origin)), ("review", pages.first())] {
        browser.open(page.unwrap()).await;
        for width in WIDTHS {
            browser.screenshot(name, width).await;
        }
    }
    for page in [&reviewd.origin, &format!("{}/archive", reviewd.origin)].into_iter().chain(&pages) {
        browser.open(page).await;
        for width in WIDTHS {
            browser.set_width(width).await;
            let wide = browser.client.execute("return document.documentElement.scrollWidth", vec![]).await.unwrap();
            assert!(wide.as_u64() <= Some(u64::from(width)), "{page} is {wide} wide on a screen of {width}");
        }
        assert_eq!(browser.complaints().await, Vec::<String>::new(), "{page}");
    }
}

#[tokio::test]
async fn a_save_reaches_the_reader_and_a_restart_changes_nothing() {
    let mut reviewd = adopting("", |folder| copy(&every_kind().join("piranesi.md"), folder)).await;
    let address = |reviewd: &Reviewd| format!("{}/atom.xml", reviewd.origin);
    let of = |feed: &Value, key: &str| column(&feed[0]["entries"], key);
    let Some(first) = read_feed(&[&address(&reviewd)]).await else { return };
    assert_eq!(of(&first, "id").len(), 1);

    let text = std::fs::read_to_string(every_kind().join("piranesi.md")).unwrap();
    reviewd.save("piranesi.md", &format!("{text}\nThe tides were right on time.\n"));
    reviewd.logged("changed in pages and feeds").await;
    let saved = read_feed(&[&address(&reviewd)]).await.unwrap();
    assert_eq!(of(&first, "id"), of(&saved, "id"));
    assert!(of(&saved, "content").first().unwrap().contains("The tides were right on time."), "{saved:#}");

    reviewd.stop().await;
    reviewd.start_again().await;
    let later = read_feed(&[&address(&reviewd)]).await.unwrap();
    assert_eq!(of(&saved, "title"), of(&later, "title"));
    assert_eq!(of(&saved, "updated"), of(&later, "updated"));
}

#[tokio::test]
async fn a_feed_opened_in_a_browser_is_readable() {
    let reviewd = of_every_kind().await;
    let Some(browser) = Browser::start().await else { return };
    for name in ["feed.xml", "atom.xml"] {
        browser.open(&format!("{}/{name}", reviewd.origin)).await;
        let script = "return getComputedStyle(document.documentElement).maxWidth";
        let width = browser.client.execute(script, vec![]).await.unwrap();
        assert_ne!(width, "none", "{name} is shown without its style sheet");
        browser.screenshot(name, 900).await;
    }
}

#[tokio::test]
async fn a_subscriber_by_websub_has_a_review_without_asking_for_it() {
    let reviewd = adopting("", |folder| copy(&every_kind().join("piranesi.md"), folder)).await;
    for path in FEEDS {
        let address = format!("{}{path}", reviewd.origin);
        let Some(mut subscriber) = websub_subscriber(&address).await else { return };
        let title = format!("Solaris, for {path}");
        reviewd
            .save(&format!("solaris{}.md", path.len()), &format!("---\ntitle: \"{title}\"\n---\n\nThe sea thinks.\n"));
        let pushed = subscriber.json_line().await;
        assert_eq!((&pushed["signed"], &pushed["bozo"]), (&Value::Bool(true), &Value::Bool(false)), "{pushed:#}");
        assert_eq!(pushed["links"]["self"], address);
        assert!(pushed["titles"][0].as_str().unwrap().contains(&title), "{pushed:#}");
    }
}

/// A daemon that has taken in the folder of files of every kind.
async fn of_every_kind() -> Reviewd {
    adopting("[feeds]\nitems = 100\n", |folder| copy_all(&every_kind(), folder)).await
}

/// It serves before it has read a folder it does not know.
async fn adopting(settings: &str, lay_out: impl FnOnce(&Path)) -> Reviewd {
    let mut reviewd = Reviewd::plain(settings, lay_out).await;
    reviewd.logged("taken in quietly").await;
    reviewd
}

fn every_kind() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/folder")
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &to.join(entry.file_name()));
        } else {
            copy(&entry.path(), to);
        }
    }
}

fn copy(file: &Path, folder: &Path) {
    std::fs::copy(file, folder.join(file.file_name().unwrap())).unwrap();
}

/// A field of every entry, as a set: feeds may differ in order, not in what they hold.
fn column(entries: &Value, key: &str) -> BTreeSet<String> {
    entries.as_array().unwrap().iter().map(|entry| entry[key].to_string()).collect()
}

/// The addresses of review pages that the open page links to.
async fn links_to_reviews(browser: &Browser) -> BTreeSet<String> {
    let script = "return [...document.links].map(link => link.href)";
    let links = browser.client.execute(script, vec![]).await.unwrap();
    let links = links.as_array().unwrap().iter().filter_map(Value::as_str);
    links
        .filter(|link| link.split_once("/@").is_some_and(|(_, path)| path.contains('/') && !path.contains(".")))
        .map(str::to_owned)
        .collect()
}
