//! What the reviewer should know of, as a feed of their own.

use ::rss::{Channel, Guid, Item};
use jiff::Timestamp;

use super::{clean, entry::escaped, line, rss::rfc822};

/// One thing to know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeEntry {
    /// Never used for another one.
    pub number: i64,
    /// `held`, `broken`, …
    pub kind: String,
    pub text: String,
    pub at: Timestamp,
}

/// A private feed in RSS: no address in it leads back to the feed, so that copying an item gives nothing away.
pub fn notices(site: &str, home: &str, entries: &[NoticeEntry]) -> String {
    let channel = Channel {
        title: line(&format!("{site}: for you only")),
        link: line(home),
        description: "What reviewd wants you to know of. This address is private: whoever has it can read this."
            .to_owned(),
        items: entries.iter().map(|entry| item(home, entry)).collect(),
        ..Channel::default()
    };
    channel.to_string()
}

/// The words stay when the state ends: readers would show a changed item as new.
fn item(home: &str, entry: &NoticeEntry) -> Item {
    Item {
        title: Some(line(title(entry))),
        // Readers take it for HTML.
        description: Some(escaped(&clean(&entry.text))),
        guid: Some(Guid { value: format!("{home}#notice-{}", entry.number), permalink: false }),
        pub_date: Some(rfc822(entry.at)),
        ..Item::default()
    }
}

fn title(entry: &NoticeEntry) -> &str {
    match entry.kind.as_str() {
        "held" => "Changes are held",
        "broken" => "A review cannot be understood",
        "folder" => "A folder is not there",
        "given_up" => "A server was given up",
        "undelivered" => "A review reached nobody",
        "reply" => "A reply waits",
        "follow" => "Somebody asks to follow",
        "certificate" => "The certificate wants a look",
        _ => "Notice",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_a_feed_that_readers_read_whatever_stands_in_them() {
        let entry = NoticeEntry {
            number: 7,
            kind: "broken".into(),
            text: "a<b>.md:2: <script>\u{1}&".into(),
            at: Timestamp::UNIX_EPOCH,
        };
        let text = notices("Ana's \"books\" & more", "https://books.example/", &[entry]);
        let document = roxmltree::Document::parse(&text).unwrap();
        let item = document.descendants().find(|node| node.has_tag_name("item")).unwrap();
        let of = |name: &str| item.children().find(|node| node.has_tag_name(name)).and_then(|node| node.text());
        assert_eq!(of("title"), Some("A review cannot be understood"));
        assert_eq!(of("description"), Some("a&lt;b&gt;.md:2: &lt;script&gt;&amp;"));
        assert_eq!(of("guid"), Some("https://books.example/#notice-7"));
    }
}
