//! The markup of exports as Markdown: HTML, and the BBCode of Goodreads and its like.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::{
    domain::{Format, Text},
    text::{self, Place},
};

/// `[b:Dune|44767458]`, `[a:Frank Herbert|58]`, `[bc:…]`: Goodreads' links to itself; the words stay.
static GOODREADS_LINK: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\[(?:b|a|bc|s|g):([^\]|]*)\|[^\]]*\]").ok());
static URL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?is)\[url=?([^\]]*)\](.*?)\[/url\]").ok());
static SIMPLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)\[(/?)(b|i|u|s|quote|spoiler)\]").ok());
/// What WordPress' editor leaves behind: `<!-- wp:paragraph {"a":1} -->`.
static BLOCK_COMMENT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?s)<!--\s*/?wp:.*?-->").ok());
static CAPTION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?is)\[caption[^\]]*\](.*?)\[/caption\]").ok());
/// Shortcodes that stand for something the export does not hold.
static SHORTCODE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\[/?(?:gallery|embed|audio|video|playlist|sharing|contact-form|polldaddy|youtube|vimeo)[^\]]*\]")
        .ok()
});

/// An element with attributes; of these, an address alone is kept.
static ATTRIBUTES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"<([a-z0-9]+)((?:\s+[a-z-]+="[^"]*")+)\s*/?>"#).ok());
/// How a spoiler in a line is written where nothing folds.
static SPOILER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\[Spoiler:\s*([^\]]*?)\s*\]").ok());
static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"\shref="[^"]*""#).ok());

/// HTML whose line ends mean nothing.
pub fn from_html(html: &str) -> String {
    text::markdown_source(&Text::new(Format::Html, html)).trim().to_owned()
}

/// What people type into the text field of a review site: paragraphs by blank lines or `<br/>`, some HTML, some BBCode.
pub fn from_field(field: &str) -> String {
    from_html(&paragraphs(&bbcode(field)))
}

/// A WordPress post: block comments, captions and shortcodes besides HTML, and paragraphs by blank lines where it has none.
pub fn from_wordpress(post: &str) -> String {
    let post = replaced(&BLOCK_COMMENT, post, |_| String::new());
    let post = replaced(&CAPTION, &post, |found| format!("<figure>{}</figure>", &found[1]));
    let post = replaced(&SHORTCODE, &post, |_| String::new());
    let has_paragraphs = post.contains("<p>") || post.contains("<p ");
    from_html(&if has_paragraphs { post } else { paragraphs(&post) })
}

/// Markdown as Goodreads' text field holds it: `<br/>` for line ends, plain elements, `<spoiler>`; in one line.
pub fn to_field(markdown: &str, page: Option<&str>) -> String {
    let place = Place { page: page.unwrap_or_default(), picture: &|_| None };
    let html = text::fediverse_html(&Text::new(Format::Markdown, markdown), &place).to_string();
    let mut field = replaced(&ATTRIBUTES, &html, |found| {
        let address = ADDRESS.as_ref().and_then(|address| address.find(&found[2])).map_or("", |one| one.as_str());
        format!("<{}{address}>", &found[1])
    });
    field = replaced(&SPOILER, &field, |found| format!("<spoiler>{}</spoiler>", &found[1]));
    for (ours, theirs) in [
        ("<p><strong>[Spoiler]</strong></p>", "<spoiler>"),
        ("<p><strong>[End of spoiler]</strong></p>", "</spoiler>"),
        ("[Spoiler]", "<spoiler>"),
        ("[End of spoiler]", "</spoiler>"),
        ("\n", " "),
        ("<p>", ""),
        ("</p>", "<br/><br/>"),
        ("<br>", "<br/>"),
        ("<br />", "<br/>"),
        ("<strong>", "<b>"),
        ("</strong>", "</b>"),
        ("<em>", "<i>"),
        ("</em>", "</i>"),
        ("<del>", "<s>"),
        ("</del>", "</s>"),
    ] {
        field = field.replace(ours, theirs);
    }
    let mut field = field.as_str();
    while let Some(shorter) = field.trim().strip_suffix("<br/>") {
        field = shorter;
    }
    field.trim().to_owned()
}

/// The words alone, in one line.
pub fn words(html: &str) -> String {
    text::plain(&Text::new(Format::Html, html)).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn bbcode(field: &str) -> String {
    let field = replaced(&GOODREADS_LINK, field, |found| found[1].to_owned());
    let field = replaced(&URL, &field, |found| {
        let (address, words) = (found[1].trim().trim_matches('"'), &found[2]);
        let address = if address.is_empty() { words.trim() } else { address };
        format!("<a href=\"{}\">{words}</a>", address.replace('"', "%22").replace('<', "%3C"))
    });
    replaced(&SIMPLE, &field, |found| {
        let name = found[2].to_lowercase();
        let element = if name == "quote" { "blockquote" } else { name.as_str() };
        format!("<{}{element}>", &found[1])
    })
}

/// Blank lines part paragraphs and line ends are kept, as the site showed them.
fn paragraphs(field: &str) -> String {
    let field = field.replace("\r\n", "\n").replace('\r', "\n");
    let is_block = |part: &str| {
        let part = part.trim_start().to_lowercase();
        ["<ul", "<ol", "<blockquote", "<h1", "<h2", "<h3", "<h4", "<pre", "<table", "<figure", "<div", "<hr"]
            .iter()
            .any(|tag| part.starts_with(tag))
    };
    let mut html = String::new();
    let mut in_pre = false;
    for part in field.split("\n\n").map(str::trim).filter(|part| !part.is_empty()) {
        if in_pre || is_block(part) {
            in_pre = part.rfind("<pre").is_some_and(|open| part.rfind("</pre").is_none_or(|close| close < open))
                || (in_pre && !part.contains("</pre"));
            html.push_str(part);
            html.push_str("\n\n");
        } else {
            html.push_str(&format!("<p>{}</p>\n", part.replace('\n', "<br>\n")));
        }
    }
    html
}

fn replaced(pattern: &LazyLock<Option<Regex>>, text: &str, with: impl Fn(&Captures<'_>) -> String) -> String {
    match &**pattern {
        Some(pattern) => pattern.replace_all(text, |found: &Captures<'_>| with(found)).into_owned(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_becomes_markdown() {
        for (field, expected) in [
            ("One.<br/><br/>Two <b>bold</b>.", "One.\n\nTwo **bold**."),
            ("One.\n\nTwo [i]it[/i].", "One.\n\nTwo *it*."),
            ("Like [b:Dune|44767458] by [a:Frank Herbert|58].", "Like Dune by Frank Herbert."),
            ("See [url=https://a.example]this[/url].", "See [this](https://a.example)."),
            ("He <spoiler>dies</spoiler>.", "He >! dies !<."),
            ("5 < 6 & 7", "5 \\< 6 & 7"),
            (
                "One.\n# two\n1. three\n- four\n+ five\n===",
                "One.\\\n\\# two\\\n1\\. three\\\n\\- four\\\n\\+ five\\\n\\=\\=\\=",
            ),
            ("Write &amp;copy; &amp;#233; R&amp;D; AT&amp;T", "Write \\&copy; \\&#233; R\\&D; AT&T"),
            ("a || b == c, ~5 and so~", "a \\|\\| b \\=\\= c, ~5 and so\\~"),
        ] {
            assert_eq!(from_field(field), expected, "{field}");
        }
    }

    #[test]
    fn a_wordpress_post_loses_its_editors_marks() {
        let post = "<!-- wp:paragraph -->\n<p>One.</p>\n<!-- /wp:paragraph -->\n[gallery ids=\"1\"]";
        assert_eq!(from_wordpress(post), "One.");
        assert_eq!(from_wordpress("One.\n\nTwo\nlines."), "One.\n\nTwo\\\nlines.");
        assert!(
            from_wordpress("[caption id=\"1\"]<img src=\"https://a.example/b.jpg\" alt=\"B\"> Words[/caption]")
                .contains("Words")
        );
    }
}
