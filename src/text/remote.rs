//! Posts of strangers, made fit for our pages: bounded first, then read, then written from our own tree.

use super::names::cut;
use super::tree::{Block, Document, Inline, text_of};
use super::{SafeHtml, limits, plaintext, timeline};

/// What is read of a stranger's post, bytes; Mastodon's own limit for a whole activity is 1 MB.
const SOURCE_BYTES_MAX: usize = 200_000;
/// What is shown of a stranger's post, characters.
const SHOWN_CHARS_MAX: usize = 10_000;

pub(super) fn render(html: &str) -> SafeHtml {
    let source = cut(html, SOURCE_BYTES_MAX);
    let document = if limits::html_fits(source) {
        super::html::read(source)
    } else {
        plaintext::read(&limits::without_tags(source))
    };
    timeline::render_remote(&first_blocks(document))
}

/// The same as Markdown, for reading as plain text: no pictures, links with their addresses.
pub(super) fn markdown(html: &str) -> String {
    super::source::render(&super::html::read(render(html).as_str()))
}

/// The blocks that fit, cut at a paragraph; a first one that is too long by itself is cut in its words.
fn first_blocks(document: Document) -> Vec<Block> {
    let mut left = SHOWN_CHARS_MAX;
    let mut blocks = Vec::new();
    for block in document.blocks.into_iter().chain(document.notes.into_iter().flatten()) {
        let words = super::tree::flatten(vec![block.clone()]);
        let chars = text_of(&words).chars().count();
        if chars > left {
            let is_first = blocks.is_empty();
            blocks.push(Block::Paragraph(if is_first { first_chars(&words, left) } else { Vec::new() }));
            if let Some(Block::Paragraph(words)) = blocks.last_mut() {
                words.push(Inline::Text("…".to_owned()));
            }
            break;
        }
        left -= chars;
        blocks.push(block);
    }
    blocks
}

fn first_chars(words: &[Inline], chars_max: usize) -> Vec<Inline> {
    vec![Inline::Text(text_of(words).chars().take(chars_max).collect())]
}
