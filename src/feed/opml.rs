//! OPML 2.0: a list of feeds that every reader takes (<http://opml.org/spec2.opml>).

use super::{Addresses, xml::Xml};

/// A feed in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub title: String,
    pub address: Addresses,
    /// The page whose feed this is.
    pub home: String,
    /// BCP 47.
    pub language: String,
}

/// The list; Atom is the dialect that most readers read best, and RSS the word that the format has for all.
pub fn opml(title: &str, subscriptions: &[Subscription]) -> String {
    let mut xml = Xml::bare();
    xml.open("opml", &[("version", "2.0")]);
    xml.open("head", &[]);
    xml.text("title", &[], title);
    xml.close("head");
    xml.open("body", &[]);
    for one in subscriptions {
        let attributes = [
            ("type", "rss"),
            ("text", one.title.as_str()),
            ("title", one.title.as_str()),
            ("xmlUrl", one.address.atom.as_str()),
            ("htmlUrl", one.home.as_str()),
            ("language", one.language.as_str()),
        ];
        xml.empty("outline", &attributes);
    }
    xml.close("body");
    xml.close("opml");
    xml.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_feeds_is_well_formed_whatever_they_are_called() {
        let subscription = Subscription {
            title: "Ana & \"friends\" <3".to_owned(),
            address: Addresses::under("https://books.example/@ana"),
            home: "https://books.example/@ana".to_owned(),
            language: "en".to_owned(),
        };
        let text = opml("Ana's books", &[subscription]);
        let document = roxmltree::Document::parse(&text).unwrap();
        let outline = document.descendants().find(|node| node.has_tag_name("outline")).unwrap();
        assert_eq!(outline.attribute("text"), Some("Ana & \"friends\" <3"));
        assert_eq!(outline.attribute("xmlUrl"), Some("https://books.example/@ana/atom.xml"));
        assert_eq!(outline.attribute("htmlUrl"), Some("https://books.example/@ana"));
    }
}
