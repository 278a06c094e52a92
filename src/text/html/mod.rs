//! HTML → tree, by html5ever's parser: scripts, styles, forms and frames go with their content, unknown elements
//! lose their tags only.

mod element;
mod notes;
mod parts;

use std::borrow::Cow;

use scraper::{ElementRef, Html, Node};

use element::{code_block, has_block, has_class, is_container, picture, push_collapsed, recording, task};
use notes::NoteIds;

use super::spoiler;
use super::tree::{Block, Document, Inline, Item, LinkKind, Style, flatten, paragraphs};

/// Deeper elements are read as their words only. More than the depth that [`super::limits`] lets through.
const DEPTH_MAX: usize = 100;

/// Reads HTML that is within the limits of [`super::limits`].
pub(super) fn read(source: &str) -> Document {
    let html = Html::parse_fragment(source);
    let notes = NoteIds::find(&html);
    let mut reader = Reader { notes, found: Vec::new(), depth: 0 };
    let blocks = reader.flow(html.root_element(), Flow::Paragraphs);
    reader.found.resize(reader.notes.ids.len(), Vec::new());
    Document { blocks, notes: reader.found }
}

/// Gives HTML without any paragraphs those that its blank lines mean, as WordPress does.
pub(super) fn with_paragraphs(source: &str) -> Cow<'_, str> {
    let lower = source.to_ascii_lowercase();
    let has_blocks = ["<p>", "<p ", "<br", "<div", "<pre", "<textarea"].iter().any(|tag| lower.contains(tag));
    if has_blocks || !(source.contains("\n\n") || source.contains("\n\r\n")) {
        return Cow::Borrowed(source);
    }
    Cow::Owned(source.replace("\r\n", "\n").replace("\n\n", "\n<p>\n"))
}

/// The language of a code block in a form that is safe as a class.
pub(super) fn language(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || "+-_#".contains(*c)).take(20).collect()
}

/// Whether words that stand directly in an element make paragraphs (a document) or not (a list item).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Paragraphs,
    Words,
}

struct Reader {
    notes: NoteIds,
    found: Vec<Vec<Block>>,
    depth: usize,
}

/// The blocks read so far and the words that wait for their paragraph.
struct Page {
    flow: Flow,
    blocks: Vec<Block>,
    words: Vec<Inline>,
}

impl Page {
    fn new(flow: Flow) -> Self {
        Self { flow, blocks: Vec::new(), words: Vec::new() }
    }

    fn end_paragraph(&mut self) {
        for words in paragraphs(std::mem::take(&mut self.words)) {
            self.blocks.push(match self.flow {
                Flow::Paragraphs => Block::Paragraph(words),
                Flow::Words => Block::Words(words),
            });
        }
    }

    fn push(&mut self, block: Block) {
        self.end_paragraph();
        self.blocks.push(block);
    }
}

impl Reader {
    fn flow(&mut self, element: ElementRef<'_>, flow: Flow) -> Vec<Block> {
        let mut page = Page::new(flow);
        self.children(element, &mut page);
        page.end_paragraph();
        page.blocks
    }

    fn children(&mut self, element: ElementRef<'_>, page: &mut Page) {
        if self.depth >= DEPTH_MAX {
            element.text().for_each(|text| push_collapsed(&mut page.words, text));
            return;
        }
        self.depth += 1;
        for child in element.children() {
            match child.value() {
                Node::Text(text) => push_collapsed(&mut page.words, text),
                Node::Element(_) => {
                    if let Some(child) = ElementRef::wrap(child) {
                        self.element(child, page);
                    }
                }
                Node::Document | Node::Fragment | Node::Doctype(_) | Node::Comment(_) => {}
                Node::ProcessingInstruction(_) => {}
            }
        }
        self.depth -= 1;
    }

    fn element(&mut self, element: ElementRef<'_>, page: &mut Page) {
        let name = element.value().name();
        if spoiler::is_control(element.value()) {
            return;
        }
        if spoiler::is_marked(element.value()) && name != "details" {
            return self.spoiler(element, page);
        }
        match name {
            "script" | "style" | "iframe" | "object" | "embed" | "template" | "head" | "title" | "meta" | "link"
            | "base" | "svg" | "form" | "input" | "button" | "select" | "textarea" | "canvas" | "map" | "noscript"
            | "noembed" | "noframes" | "frameset" | "applet" | "rp" | "wbr" | "source" | "track" | "math" => {}
            "p" => {
                page.end_paragraph();
                let flow = std::mem::replace(&mut page.flow, Flow::Paragraphs);
                self.children(element, page);
                page.end_paragraph();
                page.flow = flow;
            }
            "section" | "aside" | "div" if self.notes.is_list(element) => self.footnotes_in(element, page),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                let level = name.as_bytes().get(1).map_or(2, |digit| digit - b'0');
                let anchor = element.attr("id").map(str::to_owned);
                let words = self.words(element);
                page.push(Block::Heading { level, anchor, words });
            }
            "blockquote" => {
                let blocks = self.flow(element, Flow::Paragraphs);
                page.push(Block::Quote(blocks));
            }
            "ul" | "menu" => {
                let items = self.items(element);
                page.push(Block::List { start: None, items });
            }
            "ol" => {
                let start = element.attr("start").and_then(|start| start.trim().parse().ok()).unwrap_or(1);
                let items = self.items(element);
                page.push(Block::List { start: Some(start), items });
            }
            "li" => {
                let blocks = self.flow(element, Flow::Words);
                page.push(Block::List { start: None, items: vec![Item { task: task(element), blocks }] });
            }
            "pre" | "listing" | "xmp" | "plaintext" => page.push(code_block(element)),
            "hr" => page.push(Block::Rule),
            "table" => {
                let table = self.table(element);
                page.push(table);
            }
            "figure" => {
                let figure = self.figure(element);
                page.push(figure);
            }
            "details" => {
                let details = self.details(element);
                page.push(details);
            }
            "dt" => {
                let words = self.words(element);
                page.push(Block::Paragraph(vec![Inline::Styled(Style::Strong, words)]));
            }
            _ if is_container(name) => {
                page.end_paragraph();
                self.children(element, page);
                page.end_paragraph();
            }
            _ if has_block(element) => self.children(element, page),
            _ => self.inline(element, name, page),
        }
    }

    fn inline(&mut self, element: ElementRef<'_>, name: &str, page: &mut Page) {
        let words = &mut page.words;
        let style = match name {
            "br" => return words.push(Inline::Break),
            "img" | "image" => return words.extend(picture(element)),
            "audio" | "video" => return words.extend(recording(element, name)),
            "code" | "tt" | "samp" => return words.push(Inline::Code(element.text().collect())),
            "a" => return self.link(element, words),
            "abbr" | "acronym" => {
                let title = element.attr("title").unwrap_or_default().trim().to_owned();
                return words.push(Inline::Abbreviation { title, words: self.words(element) });
            }
            "em" | "i" | "dfn" | "var" => Style::Emphasis,
            "strong" | "b" => Style::Strong,
            "del" | "s" | "strike" => Style::Deleted,
            "ins" => Style::Inserted,
            "u" => Style::Underlined,
            "mark" => Style::Marked,
            "small" => Style::Small,
            "cite" => Style::Cited,
            "q" => Style::Quoted,
            "kbd" => Style::Keyboard,
            "sub" => Style::Subscript,
            // A footnote mark stands without the raised letters around it.
            "sup" if self.notes.mark_in(element).is_none() => Style::Superscript,
            "ruby" => Style::Ruby,
            "rt" => Style::RubyText,
            "span" if has_class(element, "invisible") => Style::Invisible,
            "span" if has_class(element, "ellipsis") => Style::Ellipsis,
            _ => return self.children(element, page),
        };
        let inner = self.words_untrimmed(element);
        page.words.push(Inline::Styled(style, inner));
    }

    fn link(&mut self, element: ElementRef<'_>, words: &mut Vec<Inline>) {
        let href = element.attr("href").unwrap_or_default().trim();
        if let Some(number) = self.notes.number(href) {
            return words.push(Inline::Footnote(number));
        }
        if NoteIds::is_back_link(element, href) {
            return;
        }
        let inner = self.words_untrimmed(element);
        if href.is_empty() {
            return words.extend(inner);
        }
        let kind = match () {
            () if has_class(element, "hashtag") => LinkKind::Hashtag,
            () if has_class(element, "mention") => LinkKind::Mention,
            () => LinkKind::Plain,
        };
        words.push(Inline::Link { href: href.to_owned(), kind, words: inner });
    }

    fn spoiler(&mut self, element: ElementRef<'_>, page: &mut Page) {
        let name = element.value().name();
        let is_block = is_container(name) || matches!(name, "p" | "blockquote" | "section") || has_block(element);
        if is_block {
            let content = self.flow(element, Flow::Paragraphs);
            page.push(Block::Spoiler { title: None, content });
        } else {
            let inner = self.words_untrimmed(element);
            page.words.push(Inline::Spoiler(inner));
        }
    }

    fn items(&mut self, list: ElementRef<'_>) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        for child in list.child_elements() {
            if child.value().name() == "li" {
                items.push(Item { task: task(child), blocks: self.flow_deeper(child, Flow::Words) });
            } else {
                // A list directly in a list is a common mistake for a list in the item before it.
                let mut page = Page::new(Flow::Words);
                self.element(child, &mut page);
                page.end_paragraph();
                match items.last_mut() {
                    Some(last) => last.blocks.extend(page.blocks),
                    None => items.push(Item { task: None, blocks: page.blocks }),
                }
            }
        }
        items
    }

    fn flow_deeper(&mut self, element: ElementRef<'_>, flow: Flow) -> Vec<Block> {
        self.depth += 1;
        let blocks = self.flow(element, flow);
        self.depth -= 1;
        blocks
    }

    /// The words of an element in which no block may stand.
    fn words(&mut self, element: ElementRef<'_>) -> Vec<Inline> {
        flatten(self.flow_deeper(element, Flow::Words))
    }

    /// The words of an element in the middle of a line, where the white space at its ends counts.
    fn words_untrimmed(&mut self, element: ElementRef<'_>) -> Vec<Inline> {
        let mut page = Page::new(Flow::Words);
        self.children(element, &mut page);
        if page.blocks.is_empty() {
            return page.words;
        }
        page.end_paragraph();
        flatten(page.blocks)
    }
}
