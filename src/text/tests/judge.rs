//! Ammonia as the judge of what we write: with an allow-list for each destination it must find nothing to remove.

use std::collections::HashMap;
use std::sync::LazyLock;

use ammonia::Builder;

use super::*;

static PAGE: LazyLock<Builder<'static>> = LazyLock::new(|| {
    allow(
        &[
            ("p", &[]),
            ("br", &[]),
            ("hr", &[]),
            ("pre", &[]),
            ("code", &["class"]),
            ("blockquote", &[]),
            ("h2", &["id"]),
            ("h3", &["id"]),
            ("h4", &["id"]),
            ("h5", &["id"]),
            ("h6", &["id"]),
            ("ul", &[]),
            ("ol", &["start"]),
            ("li", &["id"]),
            ("div", &["class"]),
            ("section", &["class", "role"]),
            ("details", &["class"]),
            ("summary", &[]),
            ("table", &[]),
            ("thead", &[]),
            ("tbody", &[]),
            ("tr", &[]),
            ("th", &["scope"]),
            ("td", &[]),
            ("figure", &[]),
            ("figcaption", &[]),
            ("img", &["src", "alt", "width", "height", "loading", "decoding"]),
            ("a", &["href", "rel", "class", "aria-label", "role"]),
            ("abbr", &["title"]),
            ("em", &[]),
            ("strong", &[]),
            ("del", &[]),
            ("ins", &[]),
            ("u", &[]),
            ("mark", &[]),
            ("small", &[]),
            ("cite", &[]),
            ("q", &[]),
            ("kbd", &[]),
            ("sub", &[]),
            ("sup", &["id", "class"]),
            ("ruby", &[]),
            ("rt", &[]),
            ("rp", &[]),
        ],
        &["http", "https", "mailto"],
    )
});

static FEED: LazyLock<Builder<'static>> = LazyLock::new(|| {
    allow(
        &[
            ("p", &[]),
            ("br", &[]),
            ("hr", &[]),
            ("pre", &[]),
            ("code", &[]),
            ("blockquote", &[]),
            ("h2", &[]),
            ("h3", &[]),
            ("h4", &[]),
            ("h5", &[]),
            ("h6", &[]),
            ("ul", &[]),
            ("ol", &["start"]),
            ("li", &[]),
            ("table", &[]),
            ("thead", &[]),
            ("tbody", &[]),
            ("tr", &[]),
            ("th", &[]),
            ("td", &[]),
            ("figure", &[]),
            ("figcaption", &[]),
            ("img", &["src", "alt", "width", "height"]),
            ("a", &["href"]),
            ("abbr", &["title"]),
            ("em", &[]),
            ("strong", &[]),
            ("s", &[]),
            ("cite", &[]),
            ("q", &[]),
            ("sub", &[]),
            ("sup", &[]),
        ],
        &["http", "https", "mailto"],
    )
});

fn allow(elements: &[(&'static str, &[&'static str])], schemes: &[&'static str]) -> Builder<'static> {
    let mut builder = Builder::empty();
    builder
        .tags(elements.iter().map(|(tag, _)| *tag).collect())
        .tag_attributes(elements.iter().map(|(tag, names)| (*tag, names.iter().copied().collect())).collect())
        .allowed_classes(HashMap::new())
        .url_schemes(schemes.iter().copied().collect())
        .url_relative(ammonia::UrlRelative::PassThrough)
        .link_rel(None);
    builder
}

/// Asserts that every rendering of the text is safe and well-formed: what ammonia parses, cleans and writes again is
/// the same.
pub(super) fn check_safe(text: &Text) {
    let again = |allowed: &Builder<'_>, html: &SafeHtml| allowed.clean(html.as_str()).to_string();
    let page = page_html(text, &PLACE);
    assert_eq!(again(&PAGE, &page), as_html5ever_writes(page.as_str()), "page");
    let feed = feed_html(text, &PLACE);
    assert_eq!(again(&FEED, &feed), as_html5ever_writes(feed.as_str()), "feed");
    let remote = remote_html(&text.source);
    assert_eq!(again(&PAGE, &remote).is_empty(), remote.as_str().is_empty(), "remote");
}

/// The only thing it writes differently: U+00A0 as an entity.
fn as_html5ever_writes(html: &str) -> String {
    html.replace('\u{a0}', "&nbsp;")
}
