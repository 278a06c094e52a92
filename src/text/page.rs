//! A text on our own pages: below our `<h1>`, spoilers folded, pictures with their sizes, ids that cannot clash.

use std::collections::HashSet;

use super::links::{Base, Target, anchor_of, is_web};
use super::tree::{Block, Cell, Document, Inline, Style, text_of};
use super::write::{Levels, Render, Writer};
use super::{Place, SafeHtml, Shown, spoiler};

pub(super) fn render(document: &Document, place: &Place<'_>) -> SafeHtml {
    let mut page = Page {
        out: Writer::with_capacity(4096),
        place,
        base: Base::new(place.page),
        levels: Levels::of(document),
        targets: HashSet::new(),
        marked: HashSet::new(),
        marked_in_the_open: HashSet::new(),
        in_spoiler: false,
        in_link: false,
    };
    find_targets(&document.blocks, &mut page.targets);
    page.blocks(&document.blocks);
    page.notes(&document.notes);
    page.out.finish()
}

struct Page<'a> {
    out: Writer,
    place: &'a Place<'a>,
    base: Base,
    levels: Levels,
    /// The fragments that links of this text lead to: only these headings need an id.
    targets: HashSet<String>,
    /// Footnotes whose first mark is written: the way back leads there.
    marked: HashSet<usize>,
    /// Those whose mark stands outside of spoilers: the others are folded, too.
    marked_in_the_open: HashSet<usize>,
    in_spoiler: bool,
    in_link: bool,
}

impl Render for Page<'_> {
    fn out(&mut self) -> &mut Writer {
        &mut self.out
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph(words) if spoiler::in_words(words) => {
                // `<details>` cannot stand in `<p>`: the parser would end the paragraph before it.
                self.out.start("div", &[("class", "paragraph")]);
                self.words(words);
                self.out.close("div");
            }
            Block::Paragraph(words) => self.words_in("p", words),
            Block::Words(words) => self.words(words),
            Block::Heading { level, anchor, words } => self.heading(*level, anchor.as_deref(), words),
            Block::Quote(blocks) => self.blocks_in("blockquote", blocks),
            Block::List { start, items } => self.list(*start, items),
            Block::Code { language, text } => self.code_block(language, text),
            Block::Rule => self.out.open("hr"),
            Block::Table { head, rows } => self.table(head, rows),
            Block::Figure { content, caption } => {
                self.out.open("figure");
                self.blocks(content);
                if !caption.is_empty() {
                    self.words_in("figcaption", caption);
                }
                self.out.close("figure");
            }
            Block::Details { summary, content } => {
                self.out.open("details");
                self.words_in("summary", summary);
                self.blocks(content);
                self.out.close("details");
            }
            Block::Spoiler { title, content } => {
                self.folded("spoiler", title.as_deref(), |page| page.blocks(content));
            }
        }
    }

    fn inline(&mut self, inline: &Inline) {
        match inline {
            Inline::Text(text) => self.out.text(text),
            Inline::Break => self.out.open("br"),
            Inline::Code(text) => self.text_in("code", text),
            Inline::Styled(style, words) => self.styled(*style, words),
            Inline::Abbreviation { title, words } => {
                self.out.start("abbr", &[("title", title)]);
                self.words(words);
                self.out.close("abbr");
            }
            Inline::Link { href, words, .. } => self.link(href, words),
            Inline::Picture { src, alt } => self.picture(src, alt),
            Inline::Footnote(number) => self.mark(*number),
            Inline::Spoiler(words) => self.folded("spoiler inline", None, |page| page.words(words)),
        }
    }
}

impl Page<'_> {
    fn folded(&mut self, class: &str, title: Option<&str>, content: impl FnOnce(&mut Self)) {
        self.out.start("details", &[("class", class)]);
        self.text_in("summary", title.unwrap_or("Spoiler"));
        let outer = std::mem::replace(&mut self.in_spoiler, true);
        content(self);
        self.in_spoiler = outer;
        self.out.close("details");
    }

    fn heading(&mut self, level: u8, anchor: Option<&str>, words: &[Inline]) {
        let tag = self.levels.tag(level);
        // `take`: a second heading of the same name would repeat the id.
        let mut names = anchor.into_iter().map(anchor_of).chain([anchor_of(&text_of(words))]);
        let target = names.find_map(|name| self.targets.take(&name));
        match target {
            Some(target) => self.out.start(tag, &[("id", &self.base.heading_id(&target))]),
            None => self.out.open(tag),
        }
        self.words(words);
        self.out.close(tag);
    }

    fn styled(&mut self, style: Style, words: &[Inline]) {
        let tag = match style {
            Style::Emphasis => "em",
            Style::Strong => "strong",
            Style::Deleted => "del",
            Style::Inserted => "ins",
            Style::Underlined => "u",
            Style::Marked => "mark",
            Style::Small => "small",
            Style::Cited => "cite",
            Style::Quoted => "q",
            Style::Keyboard => "kbd",
            Style::Subscript => "sub",
            Style::Superscript => "sup",
            Style::Ruby => "ruby",
            Style::RubyText => return self.ruby_text(words),
            Style::Invisible | Style::Ellipsis => return self.words(words),
        };
        self.words_in(tag, words);
    }

    fn link(&mut self, href: &str, words: &[Inline]) {
        let address = match self.base.target(href) {
            Target::Web(address) | Target::Mail(address) => address,
            Target::Fragment(fragment) => format!("#{}", self.base.heading_id(&fragment)),
            Target::Nowhere => return self.words(words),
        };
        if self.in_link {
            return self.words(words);
        }
        self.out.start("a", &[("href", &address), ("rel", "noopener")]);
        self.in_link = true;
        self.words(words);
        self.in_link = false;
        self.out.close("a");
    }

    fn picture(&mut self, src: &str, alt: &str) {
        if let Some(Shown { url, width, height }) = (self.place.picture)(src) {
            let (width, height) = (width.to_string(), height.to_string());
            self.out.start(
                "img",
                &[
                    ("src", &url),
                    ("alt", alt),
                    ("width", &width),
                    ("height", &height),
                    ("loading", "lazy"),
                    ("decoding", "async"),
                ],
            );
        } else if is_web(src) {
            let label = if alt.is_empty() { "Picture" } else { alt };
            self.link(src, &[Inline::Text(label.to_owned())]);
        } else {
            self.out.text(alt);
        }
    }

    fn table(&mut self, head: &[Cell], rows: &[Vec<Cell>]) {
        self.out.open("table");
        if !head.is_empty() {
            self.out.open("thead");
            self.out.open("tr");
            for cell in head {
                self.out.start("th", &[("scope", "col")]);
                self.words(cell);
                self.out.close("th");
            }
            self.out.close("tr");
            self.out.close("thead");
        }
        if !rows.is_empty() {
            self.out.open("tbody");
            for row in rows {
                self.out.open("tr");
                row.iter().for_each(|cell| self.words_in("td", cell));
                self.out.close("tr");
            }
            self.out.close("tbody");
        }
        self.out.close("table");
    }

    fn mark(&mut self, number: usize) {
        if !self.in_spoiler {
            self.marked_in_the_open.insert(number);
        }
        let mut attributes = vec![("class", "footnote-mark")];
        let id = self.base.mark_id(number);
        if self.marked.insert(number) {
            attributes.push(("id", &id));
        }
        self.out.start("sup", &attributes);
        let label = number.to_string();
        if self.in_link {
            self.out.text(&label);
        } else {
            let note = format!("#{}", self.base.note_id(number));
            self.out.start("a", &[("href", &note), ("role", "doc-noteref")]);
            self.out.text(&label);
            self.out.close("a");
        }
        self.out.close("sup");
    }

    fn notes(&mut self, notes: &[Vec<Block>]) {
        if notes.is_empty() {
            return;
        }
        self.out.start("section", &[("class", "footnotes"), ("role", "doc-endnotes")]);
        self.out.open("ol");
        for (at, note) in notes.iter().enumerate() {
            let number = at + 1;
            self.out.start("li", &[("id", &self.base.note_id(number))]);
            if self.marked.contains(&number) && !self.marked_in_the_open.contains(&number) {
                self.folded("spoiler", None, |page| page.blocks(note));
            } else {
                self.blocks(note);
            }
            if self.marked.contains(&number) {
                let back = format!("#{}", self.base.mark_id(number));
                let attributes =
                    [("href", back.as_str()), ("class", "footnote-back"), ("aria-label", "Back to the text")];
                self.out.start("a", &attributes);
                self.out.text("↩");
                self.out.close("a");
            }
            self.out.close("li");
        }
        self.out.close("ol");
        self.out.close("section");
    }
}

/// The fragments that links in the text lead to.
fn find_targets(blocks: &[Block], targets: &mut HashSet<String>) {
    for block in blocks {
        match block {
            Block::Paragraph(words) | Block::Words(words) => targets_in(words, targets),
            Block::List { items, .. } => items.iter().for_each(|item| find_targets(&item.blocks, targets)),
            Block::Quote(blocks) | Block::Spoiler { content: blocks, .. } | Block::Details { content: blocks, .. } => {
                find_targets(blocks, targets);
            }
            Block::Table { head, rows } => {
                head.iter().chain(rows.iter().flatten()).for_each(|cell| targets_in(cell, targets));
            }
            Block::Heading { .. } | Block::Code { .. } | Block::Rule | Block::Figure { .. } => {}
        }
    }
}

fn targets_in(words: &[Inline], targets: &mut HashSet<String>) {
    for inline in words {
        match inline {
            Inline::Link { href, words, .. } => {
                if let Some(fragment) = href.strip_prefix('#') {
                    targets.insert(anchor_of(fragment));
                }
                targets_in(words, targets);
            }
            Inline::Styled(_, words) | Inline::Spoiler(words) => targets_in(words, targets),
            _ => {}
        }
    }
}
