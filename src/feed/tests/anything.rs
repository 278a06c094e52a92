//! Whatever stands in a text: current feeds, archive documents, replies and notices stay well-formed, and give back what
//! went in.

use proptest::prelude::*;

use super::*;
use crate::feed::{NoticeEntry, notices};

/// What no text may do to a feed, to be strung together in any order.
const TEETH: [&str; 24] = [
    "]]>",
    "]]",
    ">",
    "<![CDATA[",
    "<!--",
    "-->",
    "<?x?>",
    "&nbsp;",
    "&amp;lt;",
    "&#0;",
    "&#xFFFF;",
    "&",
    "\"",
    "'",
    "</content>",
    "<script>",
    "\u{0}",
    "\u{1}",
    "\u{1F}",
    "\u{7F}\u{85}",
    "\u{202E}\u{2066}",
    "\u{FFFE}\u{FFFF}",
    "\r\n\t",
    "👩🏽‍🚀\u{10FFFF}",
];

fn any_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![3 => proptest::sample::select(&TEETH[..]).prop_map(str::to_owned), 2 => ".{0,12}", 1 => any::<String>()];
    proptest::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

/// A reply with this text wherever a stranger can put one.
fn reply(text: &str) -> Entry {
    let content = text::remote_html(&format!("<p>{text}</p>"));
    let said = |warning| Said {
        id: "https://m.example/users/bob/statuses/1",
        page: "https://books.example/@ana/dune?reply=1#reply-1".into(),
        name: text,
        account: text,
        profile: Some(text),
        warning,
        content: &content,
        language: Some(text),
        published: "2026-11-20T09:00:00Z".parse().unwrap(),
        updated: Some("2026-11-20T10:00:00Z".parse().unwrap()),
        answers: Answers { guid: text.into(), page: text.into() },
    };
    let mut to = dune();
    to.review.book.title = text.into();
    let mut entry = Entry::reply(&said(None), &to, &site());
    let warned = Entry::reply(&said(Some(text)), &to, &site());
    entry.content.push_str(&warned.content);
    entry.summary.push_str(&warned.summary);
    entry
}

fn replies_feed(text: &str) -> Feed {
    let address = Addresses::of_replies("https://books.example");
    let (title, description) = (text.to_owned(), text.to_owned());
    Feed { title, description, address, authors: Vec::new(), icons: Vec::new(), ..feed(vec![reply(text)]) }
}

fn archive_of(text: &str) -> Feed {
    let at = |n| Addresses::archive("https://books.example", n);
    let current = Addresses::under("https://books.example");
    let archive = Archive::Document { prev: Some(at("1")), current, next: None };
    Feed { archive, address: at("2"), hubs: Vec::new(), ..everywhere(text) }
}

/// The private feed, strictly read: title and descriptions of its items.
fn noticed(text: &str) -> (String, Vec<String>) {
    let entry = |number, kind: &str| NoticeEntry {
        number,
        kind: kind.into(),
        text: text.into(),
        at: "2026-11-20T09:00:00Z".parse().unwrap(),
    };
    let document = notices(text, "https://books.example/", &[entry(1, "broken"), entry(2, text)]);
    assert_eq!(document, text::xml_clean(&document));
    let tree = roxmltree::Document::parse(&document).unwrap();
    let of = |name: &str| tree.descendants().find(|node| node.has_tag_name(name)).and_then(|node| node.text());
    let title = of("title").unwrap_or_default().to_owned();
    let items = tree.descendants().filter(|node| node.has_tag_name("item"));
    let words = |item: roxmltree::Node<'_, '_>| {
        let node = item.children().find(|node| node.has_tag_name("description"));
        node.and_then(|node| node.text().map(str::to_owned)).unwrap_or_default()
    };
    (title, items.map(words).collect())
}

fn check_everything(text: &str) {
    for feed in [everywhere(text), archive_of(text), replies_feed(text)] {
        check(&feed);
        for dialect in Dialect::ALL {
            let document = feed.write(dialect);
            assert_eq!(document, text::xml_clean(&document), "{dialect:?}");
        }
    }
    let (title, words) = noticed(text);
    assert_eq!(title, line(&format!("{text}: for you only")));
    // Readers take it for HTML: a text comes out of that as it went in.
    let expected = clean(text);
    for words in words {
        let shown = words.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        assert_eq!(shown, expected);
    }
}

#[test]
fn every_tooth_is_drawn_in_every_kind_of_document() {
    check_everything(HOSTILE);
    check_everything(&TEETH.concat());
    for tooth in TEETH {
        check_everything(tooth);
    }
}

#[test]
fn a_megabyte_is_whole_in_every_kind_of_document() {
    let long = "A word & another ]]> one\u{1}, and so on. ".repeat(28_000);
    assert!(long.len() > 1 << 20);
    let mut entry = entry(&dune());
    entry.content = format!("<p>{}</p>", clean(&long).replace('&', "&amp;").replace('>', "&gt;"));
    check(&feed(vec![entry.clone()]));
    let archive = Archive::Document { prev: None, current: Addresses::under("https://books.example"), next: None };
    check(&Feed { archive, ..feed(vec![entry]) });
    let (_, words) = noticed(&long);
    assert!(words.iter().all(|words| words.len() > 1 << 20));
    // Of a stranger's words as much is kept as a page shows.
    check(&replies_feed(&long));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_anywhere_gives_documents_that_read_back_equal(text in any_text()) {
        check_everything(&text);
    }
}
