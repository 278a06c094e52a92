//! Mastodon's allow-list (`MASTODON_STRICT` in its `lib/sanitize_ext/sanitize_config.rb`), written anew as a judge:
//! what we send must pass it unchanged.

use scraper::{ElementRef, Html, Node};

const ELEMENTS: [&str; 28] = [
    "p",
    "br",
    "span",
    "a",
    "abbr",
    "del",
    "s",
    "pre",
    "blockquote",
    "code",
    "b",
    "strong",
    "u",
    "sub",
    "sup",
    "i",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "ul",
    "ol",
    "li",
    "ruby",
    "rt",
    "rp",
];
const SCHEMES: [&str; 10] = ["http", "https", "dat", "dweb", "ipfs", "ipns", "ssb", "gopher", "xmpp", "magnet"];

/// Asserts that Mastodon's sanitiser would leave the HTML as it is.
pub(super) fn check_survives(html: &str) {
    let parsed = Html::parse_fragment(html);
    let (mut as_sent, mut as_kept) = (String::new(), String::new());
    write(parsed.root_element(), &mut as_sent, &|_| Fate::Kept, &|_, _, value| Some(value.to_owned()));
    write(parsed.root_element(), &mut as_kept, &fate, &attribute);
    assert_eq!(as_kept, as_sent, "Mastodon would change this");
}

enum Fate {
    Kept,
    /// Replaced by its content.
    Unwrapped,
    /// Replaced by its words.
    Text,
    Gone,
}

fn fate(element: ElementRef<'_>) -> Fate {
    match element.value().name() {
        "script" | "style" | "iframe" | "noscript" => Fate::Gone,
        "a" => {
            let href = element.attr("href").unwrap_or_default();
            let scheme = href.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default();
            if SCHEMES.contains(&scheme.as_str()) { Fate::Kept } else { Fate::Text }
        }
        name if ELEMENTS.contains(&name) => Fate::Kept,
        _ => Fate::Unwrapped,
    }
}

fn attribute(element: &str, name: &str, value: &str) -> Option<String> {
    match (element, name) {
        (_, "lang")
        | ("a", "href" | "rel" | "title" | "translate")
        | ("span", "translate")
        | ("abbr", "title")
        | ("blockquote", "cite")
        | ("ol", "start" | "reversed")
        | ("li", "value") => Some(value.to_owned()),
        ("a" | "span" | "p", "class") => {
            let kept: Vec<&str> = value.split_ascii_whitespace().filter(|class| is_kept(class)).collect();
            (!kept.is_empty()).then(|| kept.join(" "))
        }
        _ => None,
    }
}

fn is_kept(class: &str) -> bool {
    ["h-", "p-", "u-", "dt-", "e-"].iter().any(|prefix| class.starts_with(prefix))
        || ["mention", "hashtag", "ellipsis", "invisible", "quote-inline"].contains(&class)
}

fn write(
    element: ElementRef<'_>,
    out: &mut String,
    fate: &dyn Fn(ElementRef<'_>) -> Fate,
    attribute: &dyn Fn(&str, &str, &str) -> Option<String>,
) {
    for child in element.children() {
        if let Node::Text(text) = child.value() {
            out.push_str(text);
        }
        let Some(child) = ElementRef::wrap(child) else { continue };
        let name = child.value().name();
        match fate(child) {
            Fate::Gone => {}
            Fate::Text => child.text().for_each(|text| out.push_str(text)),
            Fate::Unwrapped => write(child, out, fate, attribute),
            Fate::Kept => {
                out.push_str(&format!("<{name}"));
                for (key, value) in child.value().attrs() {
                    if let Some(value) = attribute(name, key, value) {
                        out.push_str(&format!(" {key}={value:?}"));
                    }
                }
                out.push('>');
                write(child, out, fate, attribute);
                out.push_str(&format!("</{name}>"));
            }
        }
    }
}

#[test]
#[should_panic(expected = "Mastodon would change this")]
fn the_judge_rejects_a_table() {
    check_survives("<table><tr><td>1</td></tr></table>");
}

#[test]
#[should_panic(expected = "Mastodon would change this")]
fn the_judge_rejects_a_relative_link() {
    check_survives("<p><a href=\"/about\">about</a></p>");
}

#[test]
#[should_panic(expected = "Mastodon would change this")]
fn the_judge_rejects_a_class() {
    check_survives("<p><span class=\"spoiler\">he dies</span></p>");
}
