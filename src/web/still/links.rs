//! The addresses in our own documents, to be read and to be changed. Pure.
//!
//! What is read here was written by our templates and feeds: attributes are quoted, and `<` in a text is escaped. So it is
//! enough to know where a tag begins and ends.

/// How an address stands in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Somewhere to go, or something to load: a browser follows it from where the page lies.
    Follows,
    /// The document's own name in the world, which is absolute.
    Names,
}

/// Attributes that hold addresses.
const ADDRESSES: [&str; 4] = ["href", "src", "action", "poster"];

/// A page with each address replaced by what `changed` makes of it; `None` leaves it.
pub fn in_html(html: &str, changed: &mut dyn FnMut(Use, &str) -> Option<String>) -> String {
    let mut out = String::with_capacity(html.len() + html.len() / 8);
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(end) = rest.strip_prefix("<!--").and_then(|inside| inside.find("-->")) {
            let length = end + "<!--".len() + "-->".len();
            out.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        let length = tag_length(rest);
        let tag = &rest[..length];
        out.push_str(&in_tag(tag, changed));
        rest = &rest[length..];
        // What stands in these is no markup.
        for raw in ["script", "style"] {
            if name_of(tag).eq_ignore_ascii_case(raw) {
                let end = rest.find(&format!("</{raw}")).unwrap_or(rest.len());
                out.push_str(&in_text(&rest[..end], &mut |address| changed(Use::Names, address)));
                rest = &rest[end..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// Any other text with each absolute address in it replaced. `changed` is given everything that begins like one.
pub fn in_text(text: &str, changed: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("http") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let scheme = ["https://", "http://"].iter().find(|scheme| from.starts_with(**scheme));
        let Some(scheme) = scheme else {
            let (word, after) = from.split_at("http".len());
            out.push_str(word);
            rest = after;
            continue;
        };
        let ends = |c: char| c.is_whitespace() || c.is_control() || "\"'<>\\)(]&,|".contains(c);
        let length = from[scheme.len()..].find(ends).map_or(from.len(), |end| scheme.len() + end);
        let address = &from[..length];
        match changed(address) {
            Some(other) => out.push_str(&other),
            None => out.push_str(address),
        }
        rest = &from[length..];
    }
    out.push_str(rest);
    out
}

/// A style sheet with each `url("…")` replaced.
pub fn in_style(style: &str, changed: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(style.len());
    let mut rest = style;
    while let Some(at) = rest.find("url(\"") {
        let start = at + "url(\"".len();
        let length = rest[start..].find('"').unwrap_or(0);
        out.push_str(&rest[..start]);
        let address = &rest[start..start + length];
        out.push_str(&changed(address).unwrap_or_else(|| address.to_owned()));
        rest = &rest[start + length..];
    }
    out.push_str(rest);
    out
}

/// Up to and with the `>` that is in no attribute.
fn tag_length(text: &str) -> usize {
    let mut quote = None;
    for (index, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return index + 1,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    text.len()
}

fn name_of(tag: &str) -> &str {
    let inner = tag.trim_start_matches('<');
    &inner[..inner.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inner.len())]
}

fn in_tag(tag: &str, changed: &mut dyn FnMut(Use, &str) -> Option<String>) -> String {
    if !tag.contains('=') {
        return tag.to_owned();
    }
    let is_name = tag.contains("rel=\"canonical\"");
    let mut out = String::with_capacity(tag.len());
    let mut rest = tag;
    while let Some(at) = rest.find("=\"") {
        let start = at + "=\"".len();
        let Some(length) = rest[start..].find('"') else { break };
        let key = rest[..at].rsplit(|c: char| c.is_whitespace()).next().unwrap_or_default();
        let value = &rest[start..start + length];
        out.push_str(&rest[..start]);
        let mut used = |used, address: &str| {
            let plain = address.replace("&amp;", "&").replace("&#38;", "&");
            changed(used, &plain).map(|other| other.replace('&', "&amp;").replace('"', "%22"))
        };
        let new = match key {
            "srcset" => Some(in_srcset(value, &mut |address| used(Use::Follows, address))),
            "content" => Some(in_text(value, &mut |address| used(Use::Names, address))),
            key if ADDRESSES.contains(&key) => used(if is_name { Use::Names } else { Use::Follows }, value),
            _ => None,
        };
        out.push_str(new.as_deref().unwrap_or(value));
        out.push('"');
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    out
}

fn in_srcset(value: &str, changed: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let candidates = value.split(", ").map(|candidate| {
        let (address, size) = candidate.trim().split_once(' ').unwrap_or((candidate.trim(), ""));
        let address = changed(address).unwrap_or_else(|| address.to_owned());
        format!("{address} {size}").trim_end().to_owned()
    });
    candidates.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_a_page_are_found_and_its_words_are_not() {
        let html = r#"<!doctype html><link rel="canonical" href="https://b.example/x?a=1&amp;b=2"><img alt="a > b" src="/m.jpg" srcset="/s.jpg 1w, /l.jpg 2w">
<!-- <a href="/hidden"> --><meta content="See https://b.example/y.">
<script type="application/ld+json">{"url":"https://b.example/z"}</script><p>Write &lt;a href="/prose"> or https://b.example/said</p><a data-x="1" href="/go">/go</a>"#;
        let mut found = Vec::new();
        let changed = in_html(html, &mut |used, address| {
            found.push((used, address.to_owned()));
            Some("NEW".to_owned())
        });
        let expected = [
            (Use::Names, "https://b.example/x?a=1&b=2"),
            (Use::Follows, "/m.jpg"),
            (Use::Follows, "/s.jpg"),
            (Use::Follows, "/l.jpg"),
            (Use::Names, "https://b.example/y."),
            (Use::Names, "https://b.example/z"),
            (Use::Follows, "/go"),
        ];
        assert_eq!(found, expected.map(|(used, address)| (used, address.to_owned())));
        assert!(changed.contains(r#"srcset="NEW 1w, NEW 2w""#) && changed.contains("href=\"/prose\""), "{changed}");
        assert!(changed.ends_with(r#"<a data-x="1" href="NEW">/go</a>"#));
        assert_eq!(in_html(html, &mut |_, _| None), html);
    }

    #[test]
    fn addresses_in_feeds_end_where_their_quotes_do() {
        let mut found = Vec::new();
        let text = r#"<a>https://b.example/1</a> &lt;a href=&quot;https://b.example/2&quot;&gt; {"u":"http://b.example/3?from=5"} httpd"#;
        let same = in_text(text, &mut |address| {
            found.push(address.to_owned());
            None
        });
        assert_eq!(same, text);
        assert_eq!(found, ["https://b.example/1", "https://b.example/2", "http://b.example/3?from=5"]);
    }

    #[test]
    fn a_style_sheet_names_its_files() {
        let style = r#"a { src: url("/static/a.woff2"); b: url("x.svg") }"#;
        let new = in_style(style, &mut |address| address.strip_prefix('/').map(str::to_owned));
        assert_eq!(new, r#"a { src: url("static/a.woff2"); b: url("x.svg") }"#);
    }
}
