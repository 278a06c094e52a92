//! Plain text → tree: paragraphs by blank line, line breaks kept, bare addresses linked. Nothing else has a meaning,
//! but for `<spoiler>`, which exports of Goodreads carry even in plain text.

use super::tree::{Block, Document, Inline, paragraphs, push_text};

/// Where an address in a text cannot go on.
const ADDRESS_END: [char; 8] = ['<', '>', '"', '`', '{', '}', '|', '\\'];

/// Longer addresses are cut; bytes.
const ADDRESS_BYTES_MAX: usize = 2_000;

pub(super) fn read(source: &str) -> Document {
    let mut blocks = Vec::new();
    for (at, part) in split_ignore_case(source, "<spoiler>").into_iter().enumerate() {
        if at == 0 {
            push_paragraphs(&mut blocks, part, false);
            continue;
        }
        // A spoiler that is never closed goes to the end.
        let mut pieces = split_ignore_case(part, "</spoiler>").into_iter();
        push_paragraphs(&mut blocks, pieces.next().unwrap_or_default(), true);
        pieces.for_each(|piece| push_paragraphs(&mut blocks, piece, false));
    }
    Document { blocks, notes: Vec::new() }
}

fn push_paragraphs(blocks: &mut Vec<Block>, text: &str, is_spoiler: bool) {
    let mut words = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if at > 0 {
            words.push(Inline::Break);
        }
        link_addresses(line.trim(), &mut words);
    }
    let content = paragraphs(words).into_iter().map(Block::Paragraph);
    if is_spoiler {
        blocks.push(Block::Spoiler { title: None, content: content.collect() });
    } else {
        blocks.extend(content);
    }
}

/// Appends a line in which every `http://` and `https://` address is a link.
pub(super) fn link_addresses(line: &str, words: &mut Vec<Inline>) {
    let (mut from, mut at) = (0, 0);
    while let Some(found) = line.get(at..).and_then(|rest| rest.find("http")) {
        at += found;
        let address = address(line.get(at..).unwrap_or_default());
        if address.is_empty() {
            at += "http".len();
            continue;
        }
        push_text(words, line.get(from..at).unwrap_or_default());
        words.push(Inline::link(address, vec![Inline::Text(address.to_owned())]));
        at += address.len();
        from = at;
    }
    push_text(words, line.get(from..).unwrap_or_default());
}

/// The address at the beginning of the text; empty where there is none.
fn address(text: &str) -> &str {
    let Some(after) = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme)) else { return "" };
    let scheme = text.len() - after.len();
    let end = text
        .char_indices()
        .find(|(at, c)| *at > ADDRESS_BYTES_MAX || c.is_whitespace() || ADDRESS_END.contains(c))
        .map_or(text.len(), |(at, _)| at);
    let address = without_punctuation(text.get(..end).unwrap_or_default());
    if address.len() > scheme { address } else { "" }
}

/// Punctuation after an address belongs to the sentence; so does a bracket that was opened before it.
fn without_punctuation(mut address: &str) -> &str {
    loop {
        let shorter = address.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '”', '’', '»', '…', '*', '_']);
        let shorter = match shorter.strip_suffix(')') {
            Some(inner) if shorter.matches(')').count() > shorter.matches('(').count() => inner,
            _ => shorter.strip_suffix(']').unwrap_or(shorter),
        };
        if shorter.len() == address.len() {
            return address;
        }
        address = shorter;
    }
}

fn split_ignore_case<'a>(text: &'a str, ascii: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut from = 0;
    let mut at = 0;
    let bytes = text.as_bytes();
    while let Some(found) = bytes.get(at..at + ascii.len()) {
        if found.eq_ignore_ascii_case(ascii.as_bytes()) {
            parts.push(text.get(from..at).unwrap_or_default());
            at += ascii.len();
            from = at;
        } else {
            at += 1;
        }
    }
    parts.push(text.get(from..).unwrap_or_default());
    parts
}
