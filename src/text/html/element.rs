//! What single elements of HTML are and hold.

use scraper::ElementRef;

use crate::text::tree::{Block, Inline, push_text};

pub(super) fn is_container(name: &str) -> bool {
    matches!(
        name,
        "html"
            | "body"
            | "div"
            | "section"
            | "article"
            | "main"
            | "header"
            | "footer"
            | "aside"
            | "nav"
            | "center"
            | "address"
            | "hgroup"
            | "fieldset"
            | "legend"
            | "dl"
            | "dd"
            | "figcaption"
            | "summary"
            | "dialog"
            | "search"
            | "tbody"
            | "thead"
            | "tfoot"
            | "tr"
            | "td"
            | "th"
            | "caption"
            | "colgroup"
            | "col"
            | "dir"
            | "frame"
    )
}

pub(super) fn has_block(element: ElementRef<'_>) -> bool {
    element.descendent_elements().skip(1).any(|element| {
        let name = element.value().name();
        is_container(name)
            || matches!(
                name,
                "p" | "h1"
                    | "h2"
                    | "h3"
                    | "h4"
                    | "h5"
                    | "h6"
                    | "blockquote"
                    | "ul"
                    | "ol"
                    | "menu"
                    | "li"
                    | "pre"
                    | "listing"
                    | "xmp"
                    | "hr"
                    | "table"
                    | "figure"
                    | "details"
                    | "dt"
            )
    })
}

pub(super) fn has_class(element: ElementRef<'_>, class: &str) -> bool {
    element.attr("class").is_some_and(|classes| classes.split_ascii_whitespace().any(|name| name == class))
}

pub(super) fn nearest<'a>(element: ElementRef<'a>, name: &str) -> Option<ElementRef<'a>> {
    element.ancestors().filter_map(ElementRef::wrap).find(|ancestor| ancestor.value().name() == name)
}

/// A checkbox at the beginning of a list item, alone or in its paragraph or label.
pub(super) fn task(item: ElementRef<'_>) -> Option<bool> {
    let first = item.child_elements().next()?;
    let first = match first.value().name() {
        "p" | "label" => first.child_elements().next()?,
        _ => first,
    };
    (first.value().name() == "input" && first.attr("type") == Some("checkbox")).then(|| first.attr("checked").is_some())
}

pub(super) fn code_block(element: ElementRef<'_>) -> Block {
    let classes = element.descendent_elements().filter_map(|element| element.attr("class"));
    let language = classes
        .flat_map(str::split_ascii_whitespace)
        .find_map(|class| class.strip_prefix("language-").or_else(|| class.strip_prefix("lang-")))
        .map(super::language)
        .unwrap_or_default();
    Block::Code { language, text: element.text().collect() }
}

pub(super) fn picture(element: ElementRef<'_>) -> Option<Inline> {
    let src = ["src", "data-src"].iter().find_map(|name| element.attr(name)).unwrap_or_default().trim().to_owned();
    let alt = element.attr("alt").unwrap_or_default().trim().to_owned();
    (!src.is_empty() || !alt.is_empty()).then_some(Inline::Picture { src, alt })
}

pub(super) fn recording(element: ElementRef<'_>, name: &str) -> Option<Inline> {
    let src = element.attr("src").or_else(|| element.child_elements().find_map(|source| source.attr("src")))?;
    let label = if name == "audio" { "Audio" } else { "Video" };
    Some(Inline::link(src.trim(), vec![Inline::Text(label.to_owned())]))
}

/// Appends text with its white space collapsed as a browser would; U+00A0 stays.
pub(super) fn push_collapsed(words: &mut Vec<Inline>, text: &str) {
    let starts_line = match words.last() {
        None | Some(Inline::Break) => true,
        Some(Inline::Text(last)) => last.ends_with(' '),
        Some(_) => false,
    };
    let mut out = String::with_capacity(text.len());
    let mut was_space = starts_line && !words.is_empty();
    for c in text.chars() {
        let is_space = matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}');
        if !(is_space && was_space) {
            out.push(if is_space { ' ' } else { c });
        }
        was_space = is_space;
    }
    push_text(words, &out);
}
