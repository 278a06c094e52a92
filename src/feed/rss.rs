//! RSS 2.0 with the elements of Atom, Dublin Core and Media RSS that readers read.
//!
//! No element of ours is named `author`, `title`, `link`, `description`, `category`, `guid` or `enclosure` in any namespace:
//! Liferea and others match local names and take it for the item's own.

use std::collections::BTreeMap;

use ::rss::extension::atom::{AtomExtension, Link};
use ::rss::extension::dublincore::DublinCoreExtension;
use ::rss::extension::{Extension, ExtensionMap};
use ::rss::{Category, Channel, Guid, Image, Item};
use jiff::Timestamp;

use super::{Dialect, Entry, Feed, clean, entry::escaped, line, rfc3339, xml};

/// Minutes a reader may wait before it asks again.
const TTL_MINUTES: &str = "60";

/// What the RSS profile allows a channel's image to be, in pixels.
const IMAGE_WIDTH_MAX: u32 = 144;
const IMAGE_HEIGHT_MAX: u32 = 400;

/// Declared in every feed, since the crate declares those of extensions in none.
const NAMESPACES: [(&str, &str); 10] = [
    ("atom", "http://www.w3.org/2005/Atom"),
    ("content", "http://purl.org/rss/1.0/modules/content/"),
    ("dc", "http://purl.org/dc/elements/1.1/"),
    ("dcterms", "http://purl.org/dc/terms/"),
    ("fh", "http://purl.org/syndication/history/1.0"),
    ("media", "http://search.yahoo.com/mrss/"),
    ("podcast", "https://podcastindex.org/namespace/1.0"),
    ("schema", "https://schema.org/"),
    ("slash", "http://purl.org/rss/1.0/modules/slash/"),
    ("wfw", "http://wellformedweb.org/CommentAPI/"),
];

/// The feed as RSS.
pub fn rss(feed: &Feed) -> String {
    let channel = Channel {
        title: line(&feed.title),
        link: line(&feed.home),
        description: line(&feed.description),
        language: Some(line(&feed.language)),
        last_build_date: Some(rfc822(feed.updated)),
        generator: Some(line(&format!("reviewd (+{})", feed.source_url))),
        docs: Some("https://www.rssboard.org/rss-specification".to_owned()),
        ttl: Some(TTL_MINUTES.to_owned()),
        image: image(feed),
        atom_ext: Some(AtomExtension { links: links(feed) }),
        extensions: channel_extensions(feed),
        namespaces: NAMESPACES.iter().map(|(prefix, uri)| (prefix.to_string(), uri.to_string())).collect(),
        items: feed.entries.iter().map(item).collect(),
        ..Channel::default()
    };
    // The crate writes no processing instruction, so the style sheet is put in after the declaration.
    channel.to_string().replacen(xml::DECLARATION, &format!("{}{}", xml::DECLARATION, xml::STYLE_SHEET), 1)
}

fn links(feed: &Feed) -> Vec<Link> {
    let typed = Some(Dialect::Rss.media_type().to_owned());
    let link = |rel: &str, href: &str, mime_type: &Option<String>| Link {
        rel: rel.to_owned(),
        href: line(href),
        mime_type: mime_type.clone(),
        ..Link::default()
    };
    let mut links = vec![link("self", &feed.address.rss, &typed)];
    links.extend(feed.hubs.iter().map(|hub| link("hub", hub, &None)));
    links.extend(feed.archive_links(Dialect::Rss).into_iter().map(|(rel, href)| link(rel, href, &typed)));
    links
}

/// The largest icon that the RSS profile allows; the validator refuses others, and other titles and links than the channel's.
fn image(feed: &Feed) -> Option<Image> {
    let fits = |media_type: &str| matches!(media_type, "image/gif" | "image/jpeg" | "image/png");
    let icon = feed
        .icons
        .iter()
        .filter(|icon| icon.width <= IMAGE_WIDTH_MAX && icon.height <= IMAGE_HEIGHT_MAX && fits(&icon.media_type))
        .max_by_key(|icon| icon.pixels())?;
    Some(Image {
        url: line(&icon.url),
        title: line(&feed.title),
        link: line(&feed.home),
        width: Some(icon.width.to_string()),
        height: Some(icon.height.to_string()),
        description: None,
    })
}

fn channel_extensions(feed: &Feed) -> ExtensionMap {
    let mut extensions = ExtensionMap::new();
    if feed.is_archive_document() {
        put(&mut extensions, "fh:archive", Extension::default());
    }
    extensions
}

fn item(entry: &Entry) -> Item {
    Item {
        title: Some(line(&entry.title)),
        link: Some(line(&entry.page)),
        guid: Some(Guid { value: line(&entry.guid), permalink: false }),
        pub_date: Some(rfc822(entry.published)),
        categories: entry.tags.iter().map(|tag| category(&tag.name, &tag.scheme)).collect(),
        // RSS takes descriptions for HTML.
        description: Some(escaped(&clean(&entry.summary))),
        content: Some(clean(&entry.content)),
        dublin_core_ext: Some(dublin_core(entry)),
        extensions: item_extensions(entry),
        ..Item::default()
    }
}

fn category(name: &str, domain: &str) -> Category {
    Category { name: line(name), domain: Some(line(domain)) }
}

/// The writer is named here and not in `<author>`, which must hold a mail address.
fn dublin_core(entry: &Entry) -> DublinCoreExtension {
    DublinCoreExtension {
        creators: vec![line(&entry.author.name)],
        languages: vec![line(&entry.language)],
        identifiers: entry.isbn().map(|isbn| line(&format!("urn:isbn:{isbn}"))).into_iter().collect(),
        ..DublinCoreExtension::default()
    }
}

fn item_extensions(entry: &Entry) -> ExtensionMap {
    let mut extensions = ExtensionMap::new();
    put(&mut extensions, "atom:updated", text(&rfc3339(entry.updated)));
    put(&mut extensions, "dcterms:modified", text(&rfc3339(entry.updated)));
    if let Some(citation) = entry.citation() {
        put(&mut extensions, "dcterms:bibliographicCitation", text(&citation));
    }
    if let Some(media) = media(entry) {
        put(&mut extensions, "media:content", media);
    }
    for (property, value) in entry.schema() {
        put(&mut extensions, &format!("schema:{property}"), text(&value));
    }
    // A comment from an old blog is nowhere in the fediverse.
    if !entry.account.is_empty() {
        let interact = [("uri", entry.note.as_str()), ("protocol", "activitypub"), ("accountId", &entry.account)];
        put(&mut extensions, "podcast:socialInteract", empty(&interact));
    }
    if let Some(replies) = &entry.replies {
        put(&mut extensions, "slash:comments", text(&replies.count.to_string()));
        put(&mut extensions, "wfw:commentRss", text(&replies.feed));
    }
    extensions
}

fn media(entry: &Entry) -> Option<Extension> {
    let cover = entry.cover.as_ref()?;
    let (width, height) = (cover.width.to_string(), cover.height.to_string());
    let (thumb_width, thumb_height) = (cover.thumb_width.to_string(), cover.thumb_height.to_string());
    let mut content = empty(&[
        ("url", &cover.url),
        ("medium", "image"),
        ("type", &cover.media_type),
        ("width", &width),
        ("height", &height),
    ]);
    let mut thumbnail = empty(&[("url", &cover.thumb_url), ("width", &thumb_width), ("height", &thumb_height)]);
    thumbnail.name = "media:thumbnail".to_owned();
    content.children.insert("thumbnail".to_owned(), vec![thumbnail]);
    Some(content)
}

fn text(value: &str) -> Extension {
    Extension { value: Some(line(value)), ..Extension::default() }
}

fn empty(attributes: &[(&str, &str)]) -> Extension {
    let attrs: BTreeMap<_, _> = attributes.iter().map(|(name, value)| (name.to_string(), line(value))).collect();
    Extension { attrs, ..Extension::default() }
}

/// Adds an element under its qualified name.
fn put(extensions: &mut ExtensionMap, name: &str, extension: Extension) {
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    let named = Extension { name: name.to_owned(), ..extension };
    extensions.entry(prefix.to_owned()).or_default().entry(local.to_owned()).or_default().push(named);
}

/// RFC 822 with a year of four digits: `Fri, 20 Nov 2026 09:30:00 GMT`.
pub(super) fn rfc822(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
