//! Writing HTML: escaped text, balanced elements, and the two ways in which it becomes [`SafeHtml`].
//!
//! Our own texts do not pass ammonia as well: it would double the work of every page, and html5ever's writer, which it
//! uses, takes a second for a text of 100,000 `&`. Tests hold that it would change nothing.

use ammonia::Builder;

use super::SafeHtml;
use super::tree::{Block, Document, Inline, Item};

/// HTML in the making.
#[derive(Default)]
pub(super) struct Writer {
    out: String,
}

impl Writer {
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: String::with_capacity(bytes) }
    }

    pub fn text(&mut self, text: &str) {
        escape(text, false, &mut self.out);
    }

    pub fn start(&mut self, tag: &str, attributes: &[(&str, &str)]) {
        self.out.push('<');
        self.out.push_str(tag);
        for (name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            escape(value, true, &mut self.out);
            self.out.push('"');
        }
        self.out.push('>');
    }

    pub fn open(&mut self, tag: &str) {
        self.start(tag, &[]);
    }

    pub fn close(&mut self, tag: &str) {
        self.out.push_str("</");
        self.out.push_str(tag);
        self.out.push('>');
    }

    pub fn into_string(self) -> String {
        self.out
    }

    /// The text, safe because nothing but this writer and the closed sets of the tree made it.
    pub fn finish(self) -> SafeHtml {
        SafeHtml(self.out)
    }

    /// The same for the texts of strangers: what is written passes an allow-list once more, whatever wrote it.
    pub fn seal(self, allowed: &Builder<'_>) -> SafeHtml {
        SafeHtml(allowed.clean(&self.out).to_string())
    }
}

fn escape(text: &str, in_attribute: bool, out: &mut String) {
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let entity = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' if in_attribute => "&quot;",
            // NUL becomes U+FFFD in every HTML parser.
            0 => "\u{FFFD}",
            _ => continue,
        };
        out.push_str(text.get(from..at).unwrap_or_default());
        out.push_str(entity);
        from = at + 1;
    }
    out.push_str(text.get(from..).unwrap_or_default());
}

/// Which heading elements a text gets where the review's title is `<h1>`: its highest headings become `<h2>`.
pub(super) struct Levels {
    shift: i16,
}

impl Levels {
    pub fn of(document: &Document) -> Self {
        Self { shift: 2 - i16::from(highest_heading(&document.blocks).unwrap_or(2)) }
    }

    pub fn tag(&self, level: u8) -> &'static str {
        match i16::from(level) + self.shift {
            ..=2 => "h2",
            3 => "h3",
            4 => "h4",
            5 => "h5",
            6.. => "h6",
        }
    }
}

fn highest_heading(blocks: &[Block]) -> Option<u8> {
    let levels = blocks.iter().filter_map(|block| match block {
        Block::Heading { level, .. } => Some(*level),
        Block::Spoiler { content, .. } | Block::Details { content, .. } | Block::Quote(content) => {
            highest_heading(content)
        }
        _ => None,
    });
    levels.min()
}

/// What every destination writes alike; each one says what a block and an inline are there.
pub(super) trait Render {
    fn out(&mut self) -> &mut Writer;
    fn block(&mut self, block: &Block);
    fn inline(&mut self, inline: &Inline);

    fn blocks(&mut self, blocks: &[Block]) {
        blocks.iter().for_each(|block| self.block(block));
    }

    fn words(&mut self, words: &[Inline]) {
        words.iter().for_each(|inline| self.inline(inline));
    }

    fn words_in(&mut self, tag: &str, words: &[Inline]) {
        self.out().open(tag);
        self.words(words);
        self.out().close(tag);
    }

    fn blocks_in(&mut self, tag: &str, blocks: &[Block]) {
        self.out().open(tag);
        self.blocks(blocks);
        self.out().close(tag);
    }

    fn text_in(&mut self, tag: &str, text: &str) {
        self.out().open(tag);
        self.out().text(text);
        self.out().close(tag);
    }

    fn code_block(&mut self, language: &str, text: &str) {
        self.out().open("pre");
        if language.is_empty() {
            self.out().open("code");
        } else {
            self.out().start("code", &[("class", &format!("language-{language}"))]);
        }
        self.out().text(text);
        self.out().close("code");
        self.out().close("pre");
    }

    /// A list whose tasks show a ballot box: it means the same everywhere and needs no form element.
    fn list(&mut self, start: Option<u64>, items: &[Item]) {
        let tag = if start.is_some() { "ol" } else { "ul" };
        match start {
            Some(start) if start != 1 => self.out().start(tag, &[("start", &start.to_string())]),
            _ => self.out().open(tag),
        }
        for item in items {
            self.out().open("li");
            match item.task {
                Some(true) => self.out().text("☑ "),
                Some(false) => self.out().text("☐ "),
                None => {}
            }
            self.blocks(&item.blocks);
            self.out().close("li");
        }
        self.out().close(tag);
    }

    fn ruby_text(&mut self, words: &[Inline]) {
        self.text_in("rp", "(");
        self.words_in("rt", words);
        self.text_in("rp", ")");
    }
}
