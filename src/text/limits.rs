//! What a text may cost: checked before any parser sees it, because 64 kB of `>` keep comrak and html5ever busy for
//! most of a minute. A text beyond a limit is read as plain paragraphs.

use std::collections::HashMap;

/// Longer texts are read as plain paragraphs, bytes. The longest of 11,431 real reviews had 234,871.
pub(super) const MARKUP_BYTES_MAX: usize = 256 * 1024;
/// Quotes and lists in one another at the beginning of one line; each costs comrak a step on every line below.
const LINE_MARKERS_MAX: usize = 32;
/// Indentation before a list marker, columns; two make a level.
const LIST_INDENT_MAX: usize = 120;
/// Cells of the widest table times the lines of the text: comrak fills short rows up with empty cells.
const TABLE_CELLS_MAX: usize = 50_000;
/// HTML elements open at the same time; html5ever looks through all of them at many tags.
const HTML_OPEN_MAX: usize = 64;
/// Attributes of one tag; html5ever compares each with all before it.
const ATTRIBUTES_MAX: usize = 100;
/// Footnotes in one text.
const FOOTNOTES_MAX: usize = 2_000;

/// Whether comrak may read it.
pub(super) fn markdown_fits(source: &str) -> bool {
    if source.len() > MARKUP_BYTES_MAX {
        return false;
    }
    let (mut lines, mut columns) = (0, 0);
    for line in source.lines() {
        lines += 1;
        let (markers, indent) = leading_markers(line);
        if markers > LINE_MARKERS_MAX || (markers > 0 && indent > LIST_INDENT_MAX) {
            return false;
        }
        if is_delimiter_row(line) {
            columns = columns.max(line.bytes().filter(|byte| *byte == b'|').count() + 1);
        }
    }
    columns * lines <= TABLE_CELLS_MAX && source.matches("[^").count() <= FOOTNOTES_MAX
}

/// Whether html5ever may read it.
pub(super) fn html_fits(source: &str) -> bool {
    if source.len() > 2 * MARKUP_BYTES_MAX {
        return false;
    }
    let mut open: HashMap<String, usize> = HashMap::new();
    let mut depth = 0;
    let mut rest = source;
    while let Some(at) = rest.find('<') {
        rest = rest.get(at + 1..).unwrap_or_default();
        let (is_end, name_on) = match rest.strip_prefix('/') {
            Some(after) => (true, after),
            None => (false, rest),
        };
        if !name_on.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let (tag, attributes) = tag(name_on);
        if attributes > ATTRIBUTES_MAX {
            return false;
        }
        rest = name_on.get(tag.len()..).unwrap_or_default();
        let name_end = tag.find(|c: char| c.is_ascii_whitespace() || c == '/').unwrap_or(tag.len());
        let name = tag.get(..name_end).unwrap_or_default().to_ascii_lowercase();
        if closes_itself(&name) {
            continue;
        }
        let count = open.entry(name).or_default();
        match is_end {
            true if *count > 0 => (*count, depth) = (*count - 1, depth - 1),
            true => {}
            false => (*count, depth) = (*count + 1, depth + 1),
        }
        if depth > HTML_OPEN_MAX {
            return false;
        }
    }
    true
}

/// The words of HTML that is too deep to be parsed: tags gone, blocks apart, scripts and styles without their content.
pub(super) fn without_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find('<') {
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + 1..).unwrap_or_default();
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            out.push_str("&lt;");
            continue;
        }
        let (tag, _) = tag(rest);
        rest = rest.get(tag.len()..).and_then(|rest| rest.get(1..)).unwrap_or_default();
        let name: String = tag.chars().skip_while(|c| *c == '/').take_while(char::is_ascii_alphanumeric).collect();
        match name.to_ascii_lowercase().as_str() {
            "script" | "style" if !tag.starts_with('/') => {
                rest = rest.find("</").and_then(|end| rest.get(end..)).unwrap_or_default();
            }
            "p" | "div" | "li" | "blockquote" | "tr" | "ul" | "ol" | "table" | "section" | "pre" | "h1" | "h2"
            | "h3" => {
                out.push_str("\n\n");
            }
            "br" => out.push('\n'),
            _ => {}
        }
    }
    out.push_str(rest);
    // Without any tag left the parser only decodes the entities.
    scraper::Html::parse_fragment(&out).root_element().text().collect()
}

/// What stands before the tag's `>`, and the number of its attributes (at least as many as html5ever would find).
fn tag(source: &str) -> (&str, usize) {
    let (mut attributes, mut quote, mut was_space) = (0, None, false);
    for (at, byte) in source.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == byte => (quote, was_space) = (None, true),
            (Some(_), _) => {}
            (None, b'>') => return (source.get(..at).unwrap_or(source), attributes),
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, byte) => {
                let is_space = byte.is_ascii_whitespace() || byte == b'/';
                if was_space && !is_space {
                    attributes += 1;
                }
                was_space = is_space;
            }
        }
    }
    (source, attributes)
}

/// Elements without an end tag, and those whose end tag is commonly left out: the next one closes them.
fn closes_itself(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
            | "p"
            | "li"
            | "dt"
            | "dd"
            | "tr"
            | "td"
            | "th"
            | "thead"
            | "tbody"
            | "tfoot"
            | "option"
            | "a"
    )
}

/// How many quotes and list items begin at the start of the line, and the columns of white space before and between.
fn leading_markers(line: &str) -> (usize, usize) {
    let (mut markers, mut indent) = (0, 0);
    let mut bytes = line.bytes().peekable();
    loop {
        match bytes.next() {
            Some(b' ') => indent += 1,
            Some(b'\t') => indent += 4,
            Some(b'>') => markers += 1,
            Some(b'-' | b'*' | b'+') if matches!(bytes.peek(), Some(b' ' | b'\t') | None) => markers += 1,
            Some(b'0'..=b'9') => {
                while bytes.next_if(u8::is_ascii_digit).is_some() {}
                if !matches!(bytes.next(), Some(b'.' | b')')) {
                    return (markers, indent);
                }
                markers += 1;
            }
            _ => return (markers, indent),
        }
    }
}

/// The row under a table's head: only `|`, `-`, `:` and white space (and what quotes and lists put before it).
fn is_delimiter_row(line: &str) -> bool {
    line.contains('|')
        && line.contains('-')
        && line.bytes().all(|byte| matches!(byte, b'|' | b'-' | b':' | b' ' | b'\t' | b'>' | b'*' | b'+'))
}
