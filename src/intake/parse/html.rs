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
const AROUND: &str = "script, style, noscript, template, nav, header nav, footer, form, aside, head, title, meta, link, \
                      #comments, .comments, #respond, .comment-respond, .sharedaddy, .jp-relatedposts, .post-navigation, iframe";

/// Whether a text is a whole document, as opposed to a fragment that a site generator embeds.
pub fn is_document(text: &str) -> bool {
    let head: String = text.trim_start().chars().take(200).collect::<String>().to_ascii_lowercase();
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
    read_microformats(&tree, &mut document.entries);
    document.heading = heading(&tree);
    remove(&mut tree, AROUND);
    remove_first_heading(&mut tree);
    let article = ["[itemprop=reviewBody]", ".e-content", ".entry-content", ".post-content", "article", "main", "body"]
        .iter()
        .find_map(|css| select(css).and_then(|selector| only(&tree, &selector)));
    let root = article.unwrap_or_else(|| tree.root_element());
    document.body = root.inner_html().trim().to_owned();
    document.words = lines(root);
    document
}

fn select(css: &str) -> Option<Selector> {
    Selector::parse(css).ok()
}

/// The only element of its kind; with several (a list of posts) none is the article.
fn only<'t>(tree: &'t Html, selector: &Selector) -> Option<ElementRef<'t>> {
    let mut found = tree.select(selector);
    match (found.next(), found.next()) {
        (Some(element), None) => Some(element),
        _ => None,
    }
}

fn remove(tree: &mut Html, css: &str) {
    static AROUND_SELECTOR: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse(AROUND).ok());
    let ids: Vec<_> = match (css == AROUND, AROUND_SELECTOR.as_ref()) {
        (true, Some(selector)) => tree.select(selector).map(|element| element.id()).collect(),
        _ => {
            select(css).map(|selector| tree.select(&selector).map(|element| element.id()).collect()).unwrap_or_default()
        }
    };
    for id in ids {
        if let Some(mut node) = tree.tree.get_mut(id) {
            node.detach();
        }
    }
}

fn remove_first_heading(tree: &mut Html) {
    let id = select("h1").and_then(|selector| tree.select(&selector).next().map(|element| element.id()));
    if let Some(mut node) = id.and_then(|id| tree.tree.get_mut(id)) {
        node.detach();
    }
}

/// The `<h1>`, else the document's `<title>` without the site's name.
fn heading(tree: &Html) -> Option<String> {
    let h1 = select("h1").and_then(|selector| tree.select(&selector).next());
    if let Some(h1) = h1.filter(|h1| h1.text().any(|text| !text.trim().is_empty())) {
        return Some(h1.inner_html());
    }
    let title: String = select("title").and_then(|selector| tree.select(&selector).next())?.text().collect();
    let title = [" | ", " « ", " » ", " · ", " — "]
        .iter()
        .find_map(|bar| title.split_once(bar).map(|(work, _)| work))
        .unwrap_or(&title);
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
    for json in select(r#"script[type="application/ld+json"]"#).iter().flat_map(|s| tree.select(s)) {
        if let Ok(json) = serde_json::from_str::<Json>(&json.text().collect::<String>()) {
            read_json_ld(&json, entries, 0);
        }
    }
    for meta in select("meta[content]").iter().flat_map(|selector| tree.select(selector)) {
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
    let time = select("article time[datetime], main time[datetime], time[pubdate], time.dt-published, time.published");
    if let Some(time) = time.and_then(|selector| tree.select(&selector).next()) {
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

/// h-review and schema.org microdata.
fn read_microformats(tree: &Html, entries: &mut Vec<Entry>) {
    for (css, key) in [
        (".h-review .p-item .p-name, [itemprop=itemReviewed] [itemprop=name]", "book.title"),
        (".h-review .p-item .p-author, [itemprop=itemReviewed] [itemprop=author]", "book.author"),
        (".h-review .p-rating, [itemprop=ratingValue]", "rating"),
    ] {
        let Some(element) = select(css).and_then(|selector| tree.select(&selector).next()) else { continue };
        let content = element.value().attr("content").or_else(|| element.value().attr("value"));
        add(entries, key, &content.map_or_else(|| element.text().collect(), ToOwned::to_owned));
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
