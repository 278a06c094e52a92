//! Atom 1.0 (RFC 4287), with replies (RFC 4685) and archives (RFC 5005).
//!
//! Written here and not by `atom_syndication`, which leaves the attributes of extensions unescaped and knows no language of
//! an entry.

use super::{Author, Dialect, Entry, Feed, rfc3339, xml::Xml};

const NAMESPACES: [(&str, &str); 7] = [
    ("xmlns", "http://www.w3.org/2005/Atom"),
    ("xmlns:dc", "http://purl.org/dc/elements/1.1/"),
    ("xmlns:dcterms", "http://purl.org/dc/terms/"),
    ("xmlns:fh", "http://purl.org/syndication/history/1.0"),
    ("xmlns:media", "http://search.yahoo.com/mrss/"),
    ("xmlns:schema", "https://schema.org/"),
    ("xmlns:thr", "http://purl.org/syndication/thread/1.0"),
];

/// The feed as Atom.
pub fn atom(feed: &Feed) -> String {
    let mut xml = Xml::new();
    let mut attributes = NAMESPACES.to_vec();
    attributes.push(("xml:lang", &feed.language));
    xml.open("feed", &attributes);
    head(&mut xml, feed);
    for item in &feed.entries {
        entry(&mut xml, item);
    }
    xml.close("feed");
    xml.finish()
}

fn head(xml: &mut Xml, feed: &Feed) {
    xml.text("title", &[], &feed.title);
    xml.text("subtitle", &[], &feed.description);
    xml.text("id", &[], &feed.id);
    xml.text("updated", &[], &rfc3339(feed.updated));
    links(xml, feed);
    if feed.is_archive_document() {
        xml.empty("fh:archive", &[]);
    }
    for person in &feed.authors {
        author(xml, person);
    }
    if let Some(icon) = feed.smallest_icon() {
        xml.text("icon", &[], &icon.url);
    }
    if let Some(logo) = feed.largest_icon() {
        xml.text("logo", &[], &logo.url);
    }
    xml.text("generator", &[("uri", &feed.source_url)], "reviewd");
}

/// `alternate` comes last: Liferea takes the last link for the home page.
fn links(xml: &mut Xml, feed: &Feed) {
    let media_type = Dialect::Atom.media_type();
    xml.empty("link", &[("rel", "self"), ("type", media_type), ("href", &feed.address.atom)]);
    for hub in &feed.hubs {
        xml.empty("link", &[("rel", "hub"), ("href", hub)]);
    }
    for (rel, href) in feed.archive_links(Dialect::Atom) {
        xml.empty("link", &[("rel", rel), ("type", media_type), ("href", href)]);
    }
    xml.empty("link", &[("rel", "alternate"), ("type", "text/html"), ("href", &feed.home)]);
}

fn author(xml: &mut Xml, author: &Author) {
    xml.open("author", &[]);
    xml.text("name", &[], &author.name);
    if let Some(url) = &author.url {
        xml.text("uri", &[], url);
    }
    xml.close("author");
}

fn entry(xml: &mut Xml, entry: &Entry) {
    xml.open("entry", &[("xml:lang", &entry.language)]);
    xml.text("title", &[], &entry.title);
    xml.text("id", &[], &entry.guid);
    xml.text("published", &[], &rfc3339(entry.published));
    xml.text("updated", &[], &rfc3339(entry.updated));
    entry_links(xml, entry);
    // In every entry, since sfeed and Liferea do not look at the feed's.
    author(xml, &entry.author);
    for tag in &entry.tags {
        xml.empty("category", &[("term", &tag.key), ("scheme", &tag.scheme), ("label", &tag.name)]);
    }
    xml.text("summary", &[], &entry.summary);
    // The language again, because NetNewsWire reads it here.
    xml.lines("content", &[("type", "html"), ("xml:lang", &entry.language)], &entry.content);
    book(xml, entry);
    xml.close("entry");
}

fn entry_links(xml: &mut Xml, entry: &Entry) {
    if let Some(replies) = &entry.replies {
        let count = replies.count.to_string();
        let rss = Dialect::Rss.media_type();
        xml.empty("link", &[("rel", "replies"), ("type", rss), ("href", &replies.feed), ("thr:count", &count)]);
        xml.text("thr:total", &[], &count);
    }
    if let Some(answers) = &entry.answers {
        let reference = [("ref", answers.guid.as_str()), ("type", "text/html"), ("href", &answers.page)];
        xml.empty("thr:in-reply-to", &reference);
    }
    if let Some(reviewed) = &entry.reviewed {
        let (page, title) = (reviewed.book_page.as_str(), reviewed.book.title.as_str());
        xml.empty("link", &[("rel", "related"), ("type", "text/html"), ("href", page), ("title", title)]);
    }
    xml.empty("link", &[("rel", "alternate"), ("type", "text/html"), ("href", &entry.page)]);
}

/// Cover, rating and book for programs. The elements of schema.org are flat text: that namespace is the only one that
/// carries a rating past the W3C validator without a warning.
fn book(xml: &mut Xml, entry: &Entry) {
    if let Some(cover) = &entry.cover {
        let (width, height) = (cover.width.to_string(), cover.height.to_string());
        let (thumb_width, thumb_height) = (cover.thumb_width.to_string(), cover.thumb_height.to_string());
        xml.empty("media:thumbnail", &[("url", &cover.thumb_url), ("width", &thumb_width), ("height", &thumb_height)]);
        let kind = [("url", cover.url.as_str()), ("medium", "image"), ("type", &cover.media_type)];
        xml.empty("media:content", &[&kind[..], &[("width", &width), ("height", &height)]].concat());
    }
    if let Some(isbn) = entry.isbn() {
        xml.text("dc:identifier", &[], &format!("urn:isbn:{isbn}"));
    }
    if let Some(citation) = entry.citation() {
        xml.text("dcterms:bibliographicCitation", &[], &citation);
    }
    for (property, value) in entry.schema() {
        xml.text(&format!("schema:{property}"), &[], &value);
    }
}
