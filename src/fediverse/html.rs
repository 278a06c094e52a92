//! The little HTML that surrounds a review's own text in a Note.

/// Text as it may stand in an element or in a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A link; both parts are escaped here.
pub fn link(href: &str, words: &str) -> String {
    format!(r#"<a href="{}">{}</a>"#, escape(href), escape(words))
}

/// A hashtag as Mastodon writes it; `name` without `#`. The classes keep it from becoming the link card.
pub fn hashtag(href: &str, name: &str) -> String {
    format!(r#"<a href="{}" class="mention hashtag" rel="tag">#<span>{}</span></a>"#, escape(href), escape(name))
}
