//! Short strings freed of markup: entities, tags, links and emphasis, as they stand in titles and names.

use scraper::Html;

/// Longest string whose markup is taken off, in bytes; anything longer is no title and no name.
const SHORT_BYTES_MAX: usize = 4096;

/// Text as it is seen: no zero-width characters, white space as single spaces.
pub fn visible(text: &str) -> String {
    let shown: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Characters that stand in files by accident. Joiners stay: emoji and Persian are written with them.
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{ad}' | '\u{200e}' | '\u{200f}')
        || (c.is_control() && !matches!(c, '\n' | '\t'))
}

/// A title or a name as plain text: links become their words, entities their characters, emphasis is dropped.
pub fn plain(text: &str) -> String {
    let text = without_tags(text);
    let text = without_links(&text);
    let text = visible(&text);
    unwrapped(&text).to_owned()
}

/// Decodes entities and drops tags.
pub fn without_tags(text: &str) -> String {
    let entities = text.contains('&') && text.contains(';');
    if !text.contains('<') && !entities {
        return text.to_owned();
    }
    // A short string is not worth a guard, and a long one is no title.
    if text.len() > SHORT_BYTES_MAX {
        return text.split('<').map(|part| part.split_once('>').map_or(part, |(_, after)| after)).collect();
    }
    Html::parse_fragment(text).root_element().text().collect()
}

/// `[words](address)` → `words`, `[[Page|words]]` → `words`, `![alt](picture)` → nothing.
pub fn without_links(text: &str) -> String {
    if !text.contains('[') || text.len() > SHORT_BYTES_MAX {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let image = rest[..open].ends_with('!');
        out.push_str(rest[..open].strip_suffix('!').filter(|_| image).unwrap_or(&rest[..open]));
        let after = &rest[open + 1..];
        if let Some((inner, tail)) = after.strip_prefix('[').and_then(|wiki| wiki.split_once("]]")) {
            if !image {
                out.push_str(wikilink_words(inner));
            }
            rest = tail;
            continue;
        }
        let link = after.split_once("](").and_then(|(words, tail)| Some((words, address_end(tail)?)));
        match link {
            Some((words, tail)) if !words.contains('[') => {
                if !image {
                    out.push_str(words);
                }
                rest = tail;
            }
            _ => {
                out.push('[');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// What follows the closing parenthesis of an address, which may hold parentheses itself.
fn address_end(tail: &str) -> Option<&str> {
    let mut depth = 0;
    for (at, c) in tail.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(&tail[at + 1..]),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// `Authors/Frank Herbert|Herbert` → `Herbert`; `Authors/Frank Herbert` → `Frank Herbert`.
fn wikilink_words(inner: &str) -> &str {
    match inner.split_once('|') {
        Some((_, words)) => words.trim(),
        None => inner.rsplit('/').next().unwrap_or(inner).split('#').next().unwrap_or(inner).trim(),
    }
}

/// Strips emphasis and quotation marks that embrace the whole text.
pub fn unwrapped(text: &str) -> &str {
    let mut text = text.trim();
    for (open, close) in [
        ("**", "**"),
        ("__", "__"),
        ("*", "*"),
        ("_", "_"),
        ("“", "”"),
        ("\"", "\""),
        ("«", "»"),
        ("„", "“"),
        ("`", "`"),
        ("‘", "’"),
    ] {
        let inner = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        if let Some(inner) = inner
            && !inner.is_empty()
            && !inner.contains(open)
            && !inner.contains(close)
        {
            text = inner.trim();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_titles_becomes_plain_text() {
        for (text, expected) in [
            ("The Children of H&uacute;rin", "The Children of Húrin"),
            ("<i>Dune</i> &amp; more", "Dune & more"),
            ("[How to Destroy](https://x.example/a_(b)) a City", "How to Destroy a City"),
            ("[[Books/Dune|Dune]]", "Dune"),
            ("[[Authors/Frank Herbert]]", "Frank Herbert"),
            ("**Dune**", "Dune"),
            ("“Dune”", "Dune"),
            ("Du\u{200b}ne   Messiah", "Dune Messiah"),
            ("S[o] it goes", "S[o] it goes"),
            ("R & D; a story", "R & D; a story"),
            ("*Dune* and *Emma*", "*Dune* and *Emma*"),
            ("![cover](x.jpg) Dune", "Dune"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}
