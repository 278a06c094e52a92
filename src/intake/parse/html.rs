//! HTML documents: the work from headings, meta elements and JSON-LD; the article without the page around it.

use std::sync::LazyLock;

use scraper::{ElementRef, Html, Selector};
use serde_json::Value as Json;

use super::{
    front_matter::{Entry, Place, Value},
    markup,
};

/// A document read.
#[derive(Debug, Default)]
pub struct Document {
    pub entries: Vec<Entry>,
    /// The words of the `<h1>` or `<title>`, markup kept for its `<cite>`.
    pub heading: Option<String>,
    /// The inner HTML of the article.
    pub body: String,
    /// The article in words, one line for each block: for labelled lines.
    pub words: String,
}

/// Parts of a page that are not the article.
const AROUND: &str = "script, style, noscript, template, nav, body > header, footer, form, aside, head, title, meta, link, \
                      .header-container, .site-header, [role=banner], #comments, .comments, #respond, .comment-respond, \
                      .sharedaddy, .jp-relatedposts, .post-navigation, iframe, svg";

/// Where the article stands, the best place first.
const ARTICLE: &[&str] =
    &["[itemprop=reviewBody]", ".e-content", ".entry-content", ".post-content", "article", "main", "body"];

/// Deepest nesting that is read; a tree builder takes quadratic time below, and no page of words comes near.
pub const DEPTH_MAX: usize = 512;

/// Elements that need no end tag, or have none: they do not nest.
const FLAT: &[&str] = &[
    "p", "li", "br", "hr", "img", "meta", "link", "input", "option", "tr", "td", "th", "dt", "dd", "tbody", "thead",
    "area", "base", "col", "source", "track", "wbr", "embed", "param", "path", "circle", "rect", "use",
];

/// The byte at which a text is nested deeper than [`DEPTH_MAX`], counted without building a tree.
pub fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, _) in text.match_indices('<') {
        let rest = &text[at + 1..];
        let (closes, rest) = rest.strip_prefix('/').map_or((false, rest), |rest| (true, rest));
        let end = rest.bytes().take(12).position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len().min(12));
        let name = rest.get(..end).unwrap_or("").to_ascii_lowercase();
        if name.is_empty() || FLAT.contains(&name.as_str()) {
            continue;
        }
        depth = if closes { depth.saturating_sub(1) } else { depth + 1 };
        if depth > DEPTH_MAX {
            return Some(at);
        }
    }
    None
}

/// Selectors are read once.
struct Selectors {
    around: Option<Selector>,
    article: Vec<Selector>,
    h1: Option<Selector>,
    h1_of_article: Option<Selector>,
    title: Option<Selector>,
    json_ld: Option<Selector>,
    meta: Option<Selector>,
    time: Option<Selector>,
    /// Microformats, microdata and telling classes with the key each stands for.
    marked: Vec<(Selector, &'static str)>,
    cover: Option<Selector>,
}

static SELECTORS: LazyLock<Selectors> = LazyLock::new(|| {
    let one = |css: &str| Selector::parse(css).ok();
    Selectors {
        around: one(AROUND),
        article: ARTICLE.iter().filter_map(|css| one(css)).collect(),
        h1: one("h1"),
        h1_of_article: one("article h1, main h1, .h-entry h1, .post h1, .h-review h1"),
        title: one("title"),
        json_ld: one(r#"script[type="application/ld+json"]"#),
        meta: one("meta[content]"),
        time: one("article time[datetime], main time[datetime], time[pubdate], time.dt-published, time.published"),
        marked: [
            (".h-review .p-item .p-name, [itemprop=itemReviewed] [itemprop=name]", "book.title"),
            (".h-review .p-item .p-author, [itemprop=itemReviewed] [itemprop=author]", "book.author"),
            (".book-author, .book_author, .bookauthor, [class*=book] .author", "book.author"),
            (".h-review .p-rating, [itemprop=ratingValue]", "rating"),
        ]
        .into_iter()
        .filter_map(|(css, key)| Some((one(css)?, key)))
        .collect(),
        cover: one("img[class*=cover], [class*=cover] img, img[alt*=cover], img[alt*=Cover]"),
    }
});

/// Whether a text is a whole document, as opposed to a fragment that a site generator embeds.
pub fn is_document(text: &str) -> bool {
    let text = text.trim_start();
    if !text.starts_with('<') {
        return false;
    }
    let head: String = text.chars().take(200).collect::<String>().to_ascii_lowercase();
    head.starts_with("<!doctype html")
        || head.starts_with("<html")
        || (head.starts_with("<?xml") && head.contains("<html"))
}

/// Reads a document or a fragment.
pub fn read(text: &str) -> Document {
    let whole = is_document(text);
    let mut tree = if whole { Html::parse_document(text) } else { Html::parse_fragment(text) };
    let mut document = Document::default();
    if whole {
        read_head(&tree, &mut document.entries);
    }
    read_marked(&tree, &mut document.entries);
    let title = title_element(&tree);
    detach(&mut tree, SELECTORS.around.as_ref(), usize::MAX);
    let h1 = heading(&tree);
    let id = h1.map(|h1| h1.id());
    document.heading = h1.map(|h1| h1.inner_html()).or(title);
    if let Some(mut node) = id.and_then(|id| tree.tree.get_mut(id)) {
        node.detach();
    }
    let article = SELECTORS.article.iter().find_map(|selector| only(&tree, selector));
    let root = article.unwrap_or_else(|| tree.root_element());
    document.body = root.inner_html().trim().to_owned();
    document.words = lines(root);
    document
}

/// The only element of its kind; with several (a list of posts) none is the article.
fn only<'t>(tree: &'t Html, selector: &Selector) -> Option<ElementRef<'t>> {
    let mut found = tree.select(selector);
    match (found.next(), found.next()) {
        (Some(element), None) => Some(element),
        _ => None,
    }
}

fn first<'t>(tree: &'t Html, selector: Option<&Selector>) -> Option<ElementRef<'t>> {
    selector.and_then(|selector| tree.select(selector).next())
}

fn detach(tree: &mut Html, selector: Option<&Selector>, most: usize) {
    let Some(selector) = selector else { return };
    let ids: Vec<_> = tree.select(selector).take(most).map(|element| element.id()).collect();
    for id in ids {
        if let Some(mut node) = tree.tree.get_mut(id) {
            node.detach();
        }
    }
}

/// The article's `<h1>`, else the first of the page.
fn heading(tree: &Html) -> Option<ElementRef<'_>> {
    let h1 = first(tree, SELECTORS.h1_of_article.as_ref()).or_else(|| first(tree, SELECTORS.h1.as_ref()))?;
    h1.text().any(|text| !text.trim().is_empty()).then_some(h1)
}

/// The document's `<title>` without the site's name.
fn title_element(tree: &Html) -> Option<String> {
    let title: String = first(tree, SELECTORS.title.as_ref())?.text().collect();
    let parted = [" | ", " « ", " » ", " · ", " — "];
    let title = parted.iter().find_map(|bar| title.split_once(bar).map(|(work, _)| work)).unwrap_or(&title);
    let title = markup::visible(title);
    (!title.is_empty()).then_some(title)
}

fn add(entries: &mut Vec<Entry>, key: &str, text: &str) {
    let text = markup::visible(text);
    if !text.is_empty() && entries.iter().all(|entry| entry.key != key) {
        entries.push(Entry { key: key.to_owned(), place: Place::START, value: Value::plain(text, Place::START) });
    }
}

/// `<meta>`, `<html lang>`, JSON-LD. `<meta name="author">` is who wrote the page: the reviewer.
fn read_head(tree: &Html, entries: &mut Vec<Entry>) {
    if let Some(lang) = tree.root_element().value().attr("lang") {
        add(entries, "lang", lang);
    }
    for json in SELECTORS.json_ld.iter().flat_map(|selector| tree.select(selector)) {
        if let Ok(json) = serde_json::from_str::<Json>(&json.text().collect::<String>()) {
            read_json_ld(&json, entries, 0);
        }
    }
    for meta in SELECTORS.meta.iter().flat_map(|selector| tree.select(selector)) {
        let name = meta
            .value()
            .attr("name")
            .or_else(|| meta.value().attr("property"))
            .or_else(|| meta.value().attr("itemprop"));
        let content = meta.value().attr("content").unwrap_or("");
        match name.unwrap_or("").to_ascii_lowercase().as_str() {
            "book:author" => add(entries, "book.author", content),
            "book:isbn" | "isbn" => add(entries, "isbn", content),
            "date" | "article:published_time" | "dcterms.date" | "dc.date" | "datepublished" | "dcterms.created" => {
                add(entries, "date", content);
            }
            "article:modified_time" => add(entries, "updated", content),
            "description" => add(entries, "description", content),
            "keywords" => add(entries, "tags", content),
            "rating" | "book:rating" | "ratingvalue" => add(entries, "rating", content),
            "og:image" => add(entries, "cover", content),
            _ => {}
        }
    }
    if let Some(time) = first(tree, SELECTORS.time.as_ref()) {
        add(entries, "date", time.value().attr("datetime").unwrap_or(""));
    }
}

/// schema.org `Review`.
fn read_json_ld(json: &Json, entries: &mut Vec<Entry>, depth: usize) {
    if depth > 4 {
        return;
    }
    match json {
        Json::Array(items) => items.iter().for_each(|item| read_json_ld(item, entries, depth + 1)),
        Json::Object(object) => {
            if let Some(graph) = object.get("@graph") {
                read_json_ld(graph, entries, depth + 1);
            }
            if object.get("@type").and_then(Json::as_str).is_none_or(|kind| !kind.ends_with("Review")) {
                return;
            }
            let text = |pointer: &str| {
                json.pointer(pointer).map(|value| match value {
                    Json::String(text) => text.clone(),
                    Json::Number(number) => number.to_string(),
                    _ => String::new(),
                })
            };
            for (pointer, key) in [
                ("/itemReviewed/name", "book.title"),
                ("/itemReviewed/author/name", "book.author"),
                ("/itemReviewed/author/0/name", "book.author"),
                ("/itemReviewed/author", "book.author"),
                ("/itemReviewed/isbn", "isbn"),
                ("/datePublished", "date"),
            ] {
                add(entries, key, &text(pointer).unwrap_or_default());
            }
            if let Some(value) = text("/reviewRating/ratingValue") {
                let best = text("/reviewRating/bestRating").unwrap_or_else(|| "5".into());
                add(entries, "rating", &format!("{value}/{best}"));
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// h-review, schema.org microdata, and classes that name the work.
fn read_marked(tree: &Html, entries: &mut Vec<Entry>) {
    for (selector, key) in &SELECTORS.marked {
        let Some(element) = tree.select(selector).next() else { continue };
        let content = element.value().attr("content").or_else(|| element.value().attr("value"));
        add(entries, key, &content.map_or_else(|| element.text().collect(), ToOwned::to_owned));
    }
    if let Some(source) = first(tree, SELECTORS.cover.as_ref()).and_then(|img| img.value().attr("src")) {
        add(entries, "cover", source);
    }
}

/// The text of an element, each block on a line of its own.
fn lines(root: ElementRef<'_>) -> String {
    let mut text = String::new();
    for node in root.descendants() {
        if let Some(words) = node.value().as_text() {
            text.push_str(&words.replace('\n', " "));
        } else if let Some(element) = node.value().as_element()
            && matches!(
                element.name(),
                "p" | "br" | "div" | "li" | "h1" | "h2" | "h3" | "h4" | "tr" | "dt" | "section" | "blockquote"
            )
        {
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_gives_its_work_and_its_article() {
        let document = read(
            "<!DOCTYPE html><html lang=en><head><title>On Emma | My site</title><meta name=author content='Ana'>\
             <meta name=date content=2020-01-02></head><body><nav>Home</nav><article><h1>On <cite>Emma</cite></h1>\
             <p>Good.</p><script>x()</script></article><footer>(c)</footer></body></html>",
        );
        assert_eq!(document.heading.as_deref(), Some("On <cite>Emma</cite>"));
        assert_eq!(document.body, "<p>Good.</p>");
        assert!(document.entries.iter().all(|entry| entry.key != "author"));
        assert!(document.entries.iter().any(|entry| entry.key == "date"));
    }

    #[test]
    fn bottomless_nesting_is_seen_before_a_tree_is_built() {
        assert!(too_deep(&"<div>".repeat(600)).is_some());
        assert!(too_deep(&"<b><i>".repeat(600)).is_some());
        assert_eq!(too_deep(&"<p>a<br>b<li>".repeat(9000)), None);
        assert_eq!(too_deep(&"<div><b>x</b></div>".repeat(9000)), None);
    }

    #[test]
    fn json_ld_names_work_and_rating() {
        let document = read(
            r#"<html><head><script type="application/ld+json">{"@type":"Review","itemReviewed":{"name":"Emma","author":{"name":"Jane Austen"}},"reviewRating":{"ratingValue":4}}</script></head><body><p>x</p></body></html>"#,
        );
        let value =
            |key: &str| document.entries.iter().find(|e| e.key == key).map(|e| e.value.scalars()[0].text.clone());
        assert_eq!(value("book.title").as_deref(), Some("Emma"));
        assert_eq!(value("book.author").as_deref(), Some("Jane Austen"));
        assert_eq!(value("rating").as_deref(), Some("4/5"));
    }
}
