//! The three dialects are read back by strict and by lenient readers nobody here wrote.

mod anything;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::domain::{
    Book, Cover as BookCover, Format, Handle, Isbn, Origin, Picture, Published, Rating, Review, ReviewId, Reviewer,
    Series, Site, Slug, Text,
};

/// What no text may do to a feed: control characters, the ends of CDATA and comments, entities, quotes, markup, bidi
/// overrides, characters outside the basic plane, and those that XML forbids.
const HOSTILE: &str = "a\u{0}b\u{1}c]]>d]]\u{2}>e&nbsp;&amp;<b a=\"x\">'y'</b><!-- -- -->\u{202E}rtl\u{2066} 🦊👩🏽‍🚀 \
                       \u{FFFE}\u{FFFF}\u{B}\u{C}\u{1F}<![CDATA[z]]>?><?php \u{85}\u{2028}\r\nnew\tline&#1;&#x0;";

fn site() -> Site {
    Site {
        origin: Origin::parse("https://books.example").unwrap(),
        title: "Ana’s books".into(),
        description: "Reviews & ratings by Ana Reader.".into(),
        language: "en".into(),
        source_url: "https://code.example/reviewd".into(),
    }
}

fn reviewer() -> Reviewer {
    Reviewer {
        handle: Handle::parse("ana").unwrap(),
        name: "Ana Reader".into(),
        bio: String::new(),
        avatar: Some(picture("a7a7")),
        links: Vec::new(),
        also_known_as: Vec::new(),
    }
}

fn picture(key: &str) -> Picture {
    Picture {
        key: key.into(),
        media_type: "image/jpeg".into(),
        width: 600,
        height: 900,
        thumb_width: 400,
        thumb_height: 600,
        blurhash: String::new(),
    }
}

fn rating(value: f64, best: f64) -> Rating {
    Rating { raw: format!("{value}/{best}"), value: Some(value), best: Some(best) }
}

fn dune() -> Published {
    let body = "Sand gets everywhere.\n\nPower & worms: a book about \"both\".";
    Published {
        reviewer: Handle::parse("ana").unwrap(),
        id: ReviewId::parse("dune").unwrap(),
        guid: "urn:uuid:0193a5f0-0000-7000-8000-000000000001".into(),
        slug: Slug::from_text("dune"),
        published: "2026-11-19T09:00:00Z".parse().unwrap(),
        updated: Some("2026-11-20T09:30:01Z".parse().unwrap()),
        review: Review {
            book: Book {
                title: "Dune".into(),
                authors: vec!["Frank Herbert".into()],
                isbn: Isbn::parse("9780441172719"),
                year: Some(1965),
                series: Some(Series { name: "Dune".into(), position: Some("1".into()) }),
                cover: Some(BookCover { source: "dune.jpg".into(), alt: None }),
                pages: Some(412),
                publisher: Some("Chilton".into()),
            },
            headline: None,
            rating: Some(rating(4.5, 5.0)),
            body: Text::new(Format::Plain, body),
            synopsis: Some(Text::new(Format::Plain, "The publisher's blurb.")),
            summary: Some("A desert & its worms.".into()),
            date: None,
            updated: None,
            read: vec!["2026-11-01".parse().unwrap()],
            started: None,
            tags: vec!["Science fiction".into(), "deserts".into()],
            language: None,
            spoilers: false,
            draft: false,
            slug: Slug::from_text("dune"),
            aliases: Vec::new(),
            id: None,
            imported: false,
            replies_closed: false,
            comments: Vec::new(),
        },
        cover: Some(picture("c0ffee")),
        pictures: BTreeMap::new(),
    }
}

/// A review in another language with nothing but words.
fn prince() -> Published {
    let mut prince = dune();
    prince.id = ReviewId::parse("le-petit-prince").unwrap();
    prince.guid = "urn:uuid:0193a5f0-0000-7000-8000-000000000002".into();
    prince.slug = Slug::from_text("le-petit-prince");
    prince.published = "2026-11-18T09:00:00Z".parse().unwrap();
    prince.updated = None;
    prince.cover = None;
    prince.review = Review {
        book: Book {
            title: "Le Petit Prince".into(),
            authors: vec!["Antoine de Saint-Exupéry".into()],
            isbn: None,
            year: None,
            series: None,
            cover: None,
            pages: None,
            publisher: None,
        },
        headline: Some("Des roses".into()),
        rating: None,
        body: Text::new(Format::Plain, "On ne voit bien qu’avec le cœur."),
        summary: None,
        read: Vec::new(),
        tags: Vec::new(),
        language: Some("fr".into()),
        ..prince.review
    };
    prince
}

fn entry(published: &Published) -> Entry {
    Entry::new(published, &reviewer(), &site())
}

fn feed(entries: Vec<Entry>) -> Feed {
    let (site, reviewer) = (site(), reviewer());
    Feed {
        title: site.title.clone(),
        description: site.description.clone(),
        home: site.origin.home(),
        address: Addresses::under(site.origin.as_str()),
        id: "tag:books.example,2026:reviews".into(),
        language: site.language.clone(),
        updated: newest_change(&entries, Timestamp::UNIX_EPOCH),
        authors: vec![Author::new(&reviewer, &site.origin)],
        icons: vec![icon(144), icon(512), icon(32)],
        hubs: vec![site.origin.at("/websub")],
        entries: fit(entries, ITEMS_MAX, BYTES_MAX),
        archive: Archive::Current { prev: None },
        next_page: None,
        source_url: site.source_url,
    }
}

fn icon(size: u32) -> Icon {
    let url = format!("https://books.example/icon-{size}.png");
    Icon { url, media_type: "image/png".into(), width: size, height: size }
}

fn small_feed() -> Feed {
    feed(vec![entry(&prince()), entry(&dune()).with_replies(2)])
}

/// What a reader gets of an item, whatever the dialect.
#[derive(Debug, PartialEq)]
struct Got {
    id: String,
    title: String,
    link: String,
    author: String,
    published: i64,
    content: String,
    tags: Vec<String>,
}

/// Reads a document with feed-rs, after a strict parser found nothing wrong with it.
fn read(feed: &Feed, dialect: Dialect) -> Vec<Got> {
    let document = feed.write(dialect);
    match dialect {
        Dialect::Atom | Dialect::Rss => drop(roxmltree::Document::parse(&document).unwrap()),
        Dialect::Json => drop(serde_json::from_str::<Value>(&document).unwrap()),
    }
    let parser = feed_rs::parser::Builder::new().sanitize_content(false).build();
    let read = parser.parse(document.as_bytes()).unwrap();
    assert_eq!(read.title.map_or(String::new(), |title| title.content), line(&feed.title));
    let got = |entry: feed_rs::model::Entry| Got {
        id: entry.id,
        title: entry.title.unwrap().content,
        link: entry
            .links
            .iter()
            .find(|link| link.rel.as_deref().is_none_or(|rel| rel == "alternate"))
            .map_or(String::new(), |link| link.href.clone()),
        author: entry.authors.iter().filter_map(|author| author.name.clone()).collect(),
        published: entry.published.unwrap().timestamp(),
        content: entry.content.unwrap().body.unwrap(),
        tags: entry.categories.into_iter().map(|category| category.label.unwrap_or(category.term)).collect(),
    };
    read.entries.into_iter().map(got).collect()
}

fn expected(feed: &Feed) -> Vec<Got> {
    let got = |entry: &Entry| Got {
        id: entry.guid.clone(),
        title: entry.title.clone(),
        link: entry.page.clone(),
        author: entry.author.name.clone(),
        published: entry.published.as_second(),
        content: entry.content.clone(),
        tags: entry.tags.iter().map(|tag| tag.name.clone()).collect(),
    };
    feed.entries.iter().map(got).collect()
}

fn check(feed: &Feed) {
    for dialect in Dialect::ALL {
        assert_eq!(read(feed, dialect), expected(feed), "{dialect:?}");
    }
}

/// A document with a line for each element, to be looked at.
fn lines(document: &str) -> String {
    document.replace("><", ">\n<")
}

#[test]
fn a_small_feed_in_rss() {
    insta::assert_snapshot!(lines(&small_feed().write(Dialect::Rss)));
}

#[test]
fn a_small_feed_in_atom() {
    insta::assert_snapshot!(lines(&small_feed().write(Dialect::Atom)));
}

#[test]
fn a_small_feed_in_json() {
    let json: Value = serde_json::from_str(&small_feed().write(Dialect::Json)).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());
}

#[test]
fn every_dialect_gives_back_what_went_in() {
    check(&small_feed());
    check(&feed(Vec::new()));
}

#[test]
fn the_same_reviews_give_the_same_bytes() {
    for dialect in Dialect::ALL {
        assert_eq!(small_feed().write(dialect), small_feed().write(dialect));
        let turned = feed(vec![entry(&dune()).with_replies(2), entry(&prince())]);
        assert_eq!(small_feed().write(dialect), turned.write(dialect), "the order of arrival means nothing");
    }
}

#[test]
fn a_feed_changes_only_with_its_reviews() {
    let epoch = "2026-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(newest_change(&[], epoch), epoch);
    let entries = [entry(&prince()), entry(&dune())];
    assert_eq!(newest_change(&entries, epoch).to_string(), "2026-11-20T09:30:01Z");
}

/// Puts a text into every field of the review, its reviewer, its site and its feed that a person fills.
fn everywhere(text: &str) -> Feed {
    let mut published = dune();
    let review = &mut published.review;
    review.book.title = text.into();
    review.book.authors = vec![text.into(), text.into()];
    review.book.publisher = Some(text.into());
    review.book.series = Some(Series { name: text.into(), position: Some(text.into()) });
    review.book.cover = Some(BookCover { source: text.into(), alt: Some(text.into()) });
    review.headline = Some(text.into());
    review.summary = Some(text.into());
    review.tags = vec![text.into()];
    review.language = Some(text.into());
    review.body = Text::new(Format::Plain, text);
    let (mut reviewer, mut site) = (reviewer(), site());
    reviewer.name = text.into();
    site.title = text.into();
    site.source_url = text.into();
    let mut worded = published.clone();
    worded.guid = "urn:uuid:0193a5f0-0000-7000-8000-000000000003".into();
    worded.review.rating = Some(Rating { raw: text.into(), value: None, best: None });
    worded.review.spoilers = true;
    let entries = [published, worded].iter().map(|published| Entry::new(published, &reviewer, &site)).collect();
    Feed {
        title: text.into(),
        description: text.into(),
        authors: vec![Author::new(&reviewer, &site.origin)],
        language: text.into(),
        source_url: text.into(),
        ..feed(entries)
    }
}

#[test]
fn no_text_can_break_a_feed() {
    check(&everywhere(HOSTILE));
    for dialect in Dialect::ALL {
        let document = everywhere(HOSTILE).write(dialect);
        assert_eq!(document, text::xml_clean(&document), "{dialect:?}");
    }
    let json: Value = serde_json::from_str(&everywhere(HOSTILE).write(Dialect::Json)).unwrap();
    let name = json["items"][0]["authors"][0]["name"].as_str().unwrap();
    assert!(!name.contains(|c: char| c.is_control() || c == '\u{FFFF}'), "{name:?}");
}

#[test]
fn a_long_text_is_whole() {
    let long = format!("<p>{}</p>", "A word &amp; another ]]&gt;\n".repeat(50_000));
    let mut entry = entry(&dune());
    entry.content.push_str(&long);
    check(&feed(vec![entry]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_review_gives_feeds_that_parse_back_with_the_same_ids(text in any::<String>(), markdown in any::<bool>()) {
        let mut published = dune();
        let format = if markdown { Format::Markdown } else { Format::Html };
        published.review.body = Text::new(format, text.clone());
        published.review.book.title = text.clone();
        published.review.headline = Some(text);
        let feed = feed(vec![entry(&published), entry(&prince())]);
        for dialect in Dialect::ALL {
            let ids: Vec<_> = read(&feed, dialect).into_iter().map(|got| got.id).collect();
            prop_assert_eq!(ids, [dune().guid, prince().guid]);
        }
    }
}

fn check_title(change: impl Fn(&mut Review), expected: &str) {
    let mut published = dune();
    change(&mut published.review);
    assert_eq!(entry(&published).title, expected);
}

#[test]
fn titles_name_the_book_and_the_stars() {
    let headline = |headline: &str| Some(headline.to_owned());
    let worded = |raw: &str| Some(Rating { raw: raw.into(), value: None, best: None });
    check_title(|_| (), "Dune by Frank Herbert — ★★★★½");
    check_title(|review| review.rating = None, "Dune by Frank Herbert");
    check_title(|review| review.rating = Some(rating(0.0, 5.0)), "Dune by Frank Herbert — 0 out of 5");
    check_title(|review| review.rating = Some(rating(7.0, 10.0)), "Dune by Frank Herbert — ★★★½");
    check_title(|review| review.rating = worded("A-"), "Dune by Frank Herbert — A-");
    check_title(|review| review.rating = worded(" "), "Dune by Frank Herbert");
    check_title(|review| review.headline = headline("Why DUNE lasts"), "Why DUNE lasts — ★★★★½");
    check_title(|review| review.headline = headline("Sand"), "Sand · Dune by Frank Herbert — ★★★★½");
    check_title(|review| review.book.title = "x < y & z > <b>".into(), "x ‹ y & z › ‹b› by Frank Herbert — ★★★★½");
    check_title(|review| (review.book.title, review.book.authors) = ("\u{1}".into(), vec![]), "A review — ★★★★½");
    check_title(|review| review.book.title = "Two\r\nlines".into(), "Two lines by Frank Herbert — ★★★★½");
}

#[test]
fn a_review_that_gives_the_plot_away_stays_on_its_page() {
    let mut published = dune();
    published.review.spoilers = true;
    published.review.headline = Some("The butler did it".into());
    published.review.summary = Some("It was the butler.".into());
    published.review.body = Text::new(Format::Plain, "The butler held the knife.");
    let feed = feed(vec![entry(&published)]);
    check(&feed);
    for dialect in Dialect::ALL {
        assert!(!feed.write(dialect).contains("butler"), "{dialect:?}");
    }
    assert_eq!(feed.entries[0].title, "Dune by Frank Herbert — ★★★★½");
    assert!(feed.entries[0].content.contains(r#"<a href="https://books.example/@ana/dune">"#));
    assert!(feed.entries[0].content.contains("<p>Rating: 4.5 out of 5</p>"));
}

#[test]
fn marked_spoilers_are_in_no_dialect() {
    let mut published = dune();
    published.review.headline = Some("The ||butler|| of Arrakis".into());
    published.review.summary = Some("It was the ||butler||, of course.".into());
    published.review.body =
        Text::new(Format::Markdown, "Sand.\n\n||The butler|| did it.\n\n>! And the butler again.\n\nWorms.");
    let feed = feed(vec![entry(&published)]);
    check(&feed);
    for dialect in Dialect::ALL {
        assert!(!feed.write(dialect).contains("butler"), "{dialect:?}");
    }
    assert!(feed.entries[0].title.contains("of Arrakis · Dune by Frank Herbert"), "{}", feed.entries[0].title);
    assert!(feed.entries[0].content.contains("<p>Worms.</p>"), "{}", feed.entries[0].content);
}

#[test]
fn no_address_in_a_text_can_run_a_script() {
    let mut published = dune();
    for scheme in
        ["java&#1;script", "java\u{1}script", "&#1;javascript", "java\tscript", "JAVASCRIPT", "data", "vbscript"]
    {
        let html = format!("<p><a href=\"{scheme}:alert(1)\">x</a><img src='{scheme}:alert(1)' onerror=alert(1)></p>");
        published.review.body = Text::new(Format::Html, html);
        let content = entry(&published).content.to_lowercase();
        assert!(!content.contains("javascript:") && !content.contains("onerror"), "{content}");
        for (at, name) in content.match_indices("href=\"") {
            assert!(content[at + name.len()..].starts_with("https://"), "{content}");
        }
    }
}

#[test]
fn the_publishers_blurb_is_never_sent() {
    for dialect in Dialect::ALL {
        assert!(!small_feed().write(dialect).contains("blurb"));
    }
}

#[test]
fn summaries_say_the_rating_and_a_sentence() {
    assert_eq!(entry(&dune()).summary, "4.5 out of 5. A desert & its worms.");
    assert_eq!(entry(&prince()).summary, "On ne voit bien qu’avec le cœur.");
    let mut worded = dune();
    worded.review.rating = Some(Rating { raw: "👍".into(), value: None, best: None });
    worded.review.summary = Some("word ".repeat(99));
    let summary = entry(&worded).summary;
    assert!(summary.starts_with("Rating: 👍. word word") && summary.ends_with("word…"), "{summary}");
    assert!(summary.chars().count() < 300);
}

#[test]
fn the_cover_in_the_text_is_the_one_for_programs() {
    let feed = small_feed();
    let url = "https://books.example/media/c0ffee.jpg";
    let image = r#"alt="Cover of Dune by Frank Herbert" width="300" height="450">"#;
    assert!(feed.entries[0].content.starts_with(&format!(r#"<p><img src="{url}" {image}"#)));
    for dialect in [Dialect::Rss, Dialect::Atom] {
        let document = feed.write(dialect);
        let document = roxmltree::Document::parse(&document).unwrap();
        let media = ("http://search.yahoo.com/mrss/", "content");
        let content: Vec<_> = document.descendants().filter(|node| node.has_tag_name(media)).collect();
        assert_eq!(content.len(), 1);
        assert_eq!(content[0].attribute("url"), Some(url));
        assert!(!document.descendants().any(|node| node.has_tag_name("enclosure")));
    }
    let json: Value = serde_json::from_str(&feed.write(Dialect::Json)).unwrap();
    assert_eq!(json["items"][0]["image"], url);
}

#[test]
fn programs_find_the_rating_and_the_isbn_as_flat_text() {
    for dialect in [Dialect::Rss, Dialect::Atom] {
        let document = small_feed().write(dialect);
        let document = roxmltree::Document::parse(&document).unwrap();
        for (name, value) in [("ratingValue", "4.5"), ("bestRating", "5"), ("isbn", "9780441172719")] {
            let found: Vec<_> =
                document.descendants().filter(|node| node.has_tag_name(("https://schema.org/", name))).collect();
            assert_eq!(found.len(), 1, "{dialect:?} {name}");
            assert_eq!((found[0].text(), found[0].attributes().len()), (Some(value), 0));
        }
    }
    let json: Value = serde_json::from_str(&small_feed().write(Dialect::Json)).unwrap();
    assert_eq!(json["items"][0]["_review"]["rating"].to_string(), "4.5");
    assert_eq!(json["items"][0]["_review"]["best"].to_string(), "5");
    assert_eq!(json["items"][1]["_review"].get("rating"), None);
}

#[test]
fn no_foreign_element_takes_the_name_of_an_items_own() {
    let own = ["author", "title", "link", "description", "category", "guid", "enclosure"];
    let document = everywhere(HOSTILE).write(Dialect::Rss);
    let document = roxmltree::Document::parse(&document).unwrap();
    for item in document.descendants().filter(|node| node.has_tag_name("item")) {
        for node in item.descendants().filter(|node| node.tag_name().namespace().is_some()) {
            assert!(!own.contains(&node.tag_name().name()), "{:?}", node.tag_name());
        }
    }
    let document = everywhere(HOSTILE).write(Dialect::Atom);
    let document = roxmltree::Document::parse(&document).unwrap();
    for node in document.descendants().filter(|node| node.is_element()) {
        let foreign = node.tag_name().namespace() != Some("http://www.w3.org/2005/Atom");
        assert!(!(foreign && own.contains(&node.tag_name().name())), "{:?}", node.tag_name());
    }
}

/// Relations and addresses of the links of a feed itself, in their order.
fn feed_links(feed: &Feed, dialect: Dialect) -> Vec<(String, String)> {
    let document = feed.write(dialect);
    let document = roxmltree::Document::parse(&document).unwrap();
    let link = ("http://www.w3.org/2005/Atom", "link");
    let links = document.descendants().filter(|node| node.has_tag_name(link));
    let top = links.filter(|node| !node.ancestors().any(|node| ["entry", "item"].contains(&node.tag_name().name())));
    top.map(|node| (node.attribute("rel").unwrap().to_owned(), node.attribute("href").unwrap().to_owned())).collect()
}

fn pairs(links: &[(&str, &str)]) -> Vec<(String, String)> {
    links.iter().map(|(rel, href)| (rel.to_string(), format!("https://books.example{href}"))).collect()
}

#[test]
fn a_current_feed_leads_to_its_archive() {
    let prev = Addresses::under("https://books.example/feed/archive/7");
    let feed = Feed { archive: Archive::Current { prev: Some(prev) }, ..small_feed() };
    let rss = [("self", "/feed.xml"), ("hub", "/websub"), ("prev-archive", "/feed/archive/7/feed.xml")];
    assert_eq!(feed_links(&feed, Dialect::Rss), pairs(&rss));
    let atom =
        [("self", "/atom.xml"), ("hub", "/websub"), ("prev-archive", "/feed/archive/7/atom.xml"), ("alternate", "/")];
    assert_eq!(feed_links(&feed, Dialect::Atom), pairs(&atom));
    let json: Value = serde_json::from_str(&feed.write(Dialect::Json)).unwrap();
    assert_eq!(json["next_url"], "https://books.example/feed/archive/7/feed.json");
    assert!(!feed.write(Dialect::Rss).contains("<fh:archive"));
    check(&feed);
}

#[test]
fn an_archive_document_says_so_and_leads_both_ways() {
    let at = |n| Addresses::under(&format!("https://books.example/feed/archive/{n}"));
    let current = Addresses::under("https://books.example");
    let archive = Archive::Document { prev: Some(at(1)), current, next: Some(at(3)) };
    let feed = Feed { archive, address: at(2), hubs: Vec::new(), ..small_feed() };
    let rss = [
        ("self", "/feed/archive/2/feed.xml"),
        ("current", "/feed.xml"),
        ("prev-archive", "/feed/archive/1/feed.xml"),
        ("next-archive", "/feed/archive/3/feed.xml"),
    ];
    assert_eq!(feed_links(&feed, Dialect::Rss), pairs(&rss));
    for dialect in [Dialect::Rss, Dialect::Atom] {
        let document = feed.write(dialect);
        let document = roxmltree::Document::parse(&document).unwrap();
        let archive = ("http://purl.org/syndication/history/1.0", "archive");
        assert_eq!(document.descendants().filter(|node| node.has_tag_name(archive)).count(), 1, "{dialect:?}");
    }
    check(&feed);
}

#[test]
fn only_an_icon_that_rss_allows_is_the_channels_image() {
    let document = small_feed().write(Dialect::Rss);
    assert!(document.contains("<image><url>https://books.example/icon-144.png</url>"), "{document}");
    let feed = Feed { icons: vec![icon(512)], ..small_feed() };
    assert!(!feed.write(Dialect::Rss).contains("<image>"));
    assert!(feed.write(Dialect::Atom).contains("<logo>https://books.example/icon-512.png</logo>"));
}

#[test]
fn a_browser_is_told_of_the_style_sheet_right_after_the_declaration() {
    for dialect in [Dialect::Rss, Dialect::Atom] {
        let document = small_feed().write(dialect);
        let start = r#"<?xml version="1.0" encoding="utf-8"?><?xml-stylesheet type="text/css" href="/feed.css"?><"#;
        assert!(document.starts_with(start), "{document}");
    }
}

#[test]
fn the_oldest_items_go_first_until_the_feed_fits() {
    let nth = |n: u32, words: usize| {
        let mut published = dune();
        published.guid = format!("urn:uuid:{n}");
        published.published = Timestamp::from_second(i64::from(n) * 60).unwrap();
        let mut entry = entry(&published);
        entry.content = "<p>&amp;word \"</p>".repeat(words);
        entry
    };
    let ids = |entries: &[Entry]| entries.iter().map(|entry| entry.guid.clone()).collect::<Vec<_>>();
    let kept = fit((0..60).map(|n| nth(n, 1)).collect(), ITEMS_MAX, BYTES_MAX);
    assert_eq!((kept.len(), kept[0].guid.as_str(), kept[49].guid.as_str()), (50, "urn:uuid:59", "urn:uuid:10"));
    let kept = fit((0..9).map(|n| nth(n, 20_000)).collect(), ITEMS_MAX, BYTES_MAX);
    assert!((1..9).contains(&kept.len()), "{}", kept.len());
    for dialect in Dialect::ALL {
        let bytes = feed(kept.clone()).write(dialect).len();
        assert!(bytes <= BYTES_MAX, "{dialect:?} {bytes}");
    }
    let huge = fit(vec![nth(1, 1), nth(2, 200_000)], ITEMS_MAX, BYTES_MAX);
    assert_eq!(ids(&huge), ["urn:uuid:2"]);
    assert!(fit(Vec::new(), ITEMS_MAX, BYTES_MAX).is_empty());
    assert!(fit(vec![nth(1, 1)], 0, BYTES_MAX).is_empty());
}
