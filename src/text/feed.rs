//! A text in a feed: absolute addresses, no spoilers, and only the HTML that Miniflux, FreshRSS and feedparser keep.

use std::collections::HashSet;

use super::links::{Base, Target, is_web};
use super::tree::{Block, Cell, Document, Inline, Style};
use super::write::{Levels, Render, Writer};
use super::{Place, SafeHtml, Shown};

pub(super) fn render(document: &Document, place: &Place<'_>) -> SafeHtml {
    let mut feed = Feed {
        out: Writer::with_capacity(4096),
        place,
        base: Base::new(place.page),
        levels: Levels::of(document),
        marked: HashSet::new(),
        in_link: false,
    };
    feed.blocks(&document.blocks);
    feed.notes(&document.notes);
    feed.out.finish()
}

struct Feed<'a> {
    out: Writer,
    place: &'a Place<'a>,
    base: Base,
    levels: Levels,
    /// Footnotes whose mark was written; one that is marked in a spoiler only is itself a spoiler.
    marked: HashSet<usize>,
    in_link: bool,
}

impl Render for Feed<'_> {
    fn out(&mut self) -> &mut Writer {
        &mut self.out
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph(words) => self.words_in("p", words),
            Block::Words(words) => self.words(words),
            Block::Heading { level, words, .. } => self.words_in(self.levels.tag(*level), words),
            Block::Quote(blocks) => self.blocks_in("blockquote", blocks),
            Block::List { start, items } => self.list(*start, items),
            Block::Code { text, .. } => self.code_block("", text),
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
                self.words_in("p", &[Inline::Styled(Style::Strong, summary.clone())]);
                self.blocks(content);
            }
            Block::Spoiler { .. } => {
                self.out.open("p");
                self.where_the_spoiler_is();
                self.out.close("p");
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
            Inline::Link { href, words, .. } => match self.base.target(href) {
                Target::Mail(address) => self.link(&address, |feed| feed.words(words)),
                Target::Web(_) | Target::Fragment(_) | Target::Nowhere => match self.base.web(href) {
                    Some(address) => self.link(&address, |feed| feed.words(words)),
                    None => self.words(words),
                },
            },
            Inline::Picture { src, alt } => self.picture(src, alt),
            Inline::Footnote(number) => {
                self.marked.insert(*number);
                let note = format!("{}#{}", self.place.page, self.base.note_id(*number));
                self.out.open("sup");
                self.link(&note, |feed| feed.out.text(&number.to_string()));
                self.out.close("sup");
            }
            Inline::Spoiler(_) => self.where_the_spoiler_is(),
        }
    }
}

impl Feed<'_> {
    fn where_the_spoiler_is(&mut self) {
        let page = self.place.page;
        self.link(page, |feed| feed.out.text("[Spoiler: read it on the page]"));
    }

    fn link(&mut self, address: &str, words: impl FnOnce(&mut Self)) {
        if self.in_link {
            return words(self);
        }
        self.out.start("a", &[("href", address)]);
        self.in_link = true;
        words(self);
        self.in_link = false;
        self.out.close("a");
    }

    fn styled(&mut self, style: Style, words: &[Inline]) {
        let tag = match style {
            Style::Emphasis | Style::Inserted | Style::Underlined => "em",
            Style::Strong | Style::Marked => "strong",
            Style::Deleted => "s",
            Style::Cited => "cite",
            Style::Quoted => "q",
            Style::Keyboard => "code",
            Style::Subscript => "sub",
            Style::Superscript => "sup",
            Style::RubyText => {
                self.out.text("(");
                self.words(words);
                return self.out.text(")");
            }
            Style::Small | Style::Ruby | Style::Invisible | Style::Ellipsis => return self.words(words),
        };
        self.words_in(tag, words);
    }

    fn picture(&mut self, src: &str, alt: &str) {
        if let Some(Shown { url, width, height }) = (self.place.picture)(src) {
            let (width, height) = (width.to_string(), height.to_string());
            self.out.start("img", &[("src", &url), ("alt", alt), ("width", &width), ("height", &height)]);
        } else if let Some(address) = self.base.web(src).filter(|_| is_web(src)) {
            self.link(&address, |feed| feed.out.text(if alt.is_empty() { "Picture" } else { alt }));
        } else {
            self.out.text(alt);
        }
    }

    fn table(&mut self, head: &[Cell], rows: &[Vec<Cell>]) {
        self.out.open("table");
        if !head.is_empty() {
            self.out.open("thead");
            self.row("th", head);
            self.out.close("thead");
        }
        if !rows.is_empty() {
            self.out.open("tbody");
            rows.iter().for_each(|row| self.row("td", row));
            self.out.close("tbody");
        }
        self.out.close("table");
    }

    fn row(&mut self, tag: &str, cells: &[Cell]) {
        self.out.open("tr");
        cells.iter().for_each(|cell| self.words_in(tag, cell));
        self.out.close("tr");
    }

    /// Readers drop ids: the notes are a numbered list at the end, and the marks lead to the page.
    fn notes(&mut self, notes: &[Vec<Block>]) {
        if notes.is_empty() {
            return;
        }
        self.out.open("hr");
        self.out.open("ol");
        for (at, note) in notes.iter().enumerate() {
            self.out.open("li");
            if self.marked.contains(&(at + 1)) {
                self.blocks(note);
            } else {
                self.where_the_spoiler_is();
            }
            self.out.close("li");
        }
        self.out.close("ol");
    }
}
