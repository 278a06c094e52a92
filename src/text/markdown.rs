//! Markdown → tree, by comrak: straight from its syntax tree, or through its HTML where the text itself has HTML.

use std::sync::LazyLock;

use comrak::nodes::{AstNode, ListType, NodeValue};
use comrak::{Arena, Options, format_html, parse_document};

use super::tree::{Block, Document, Inline, Item, Style, push_text, text_of, trim};
use super::{html, limits};

static OPTIONS: LazyLock<Options<'static>> = LazyLock::new(|| {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.extension.footnotes = true;
    options.extension.spoiler = true;
    options.extension.highlight = true;
    options.parse.smart = false;
    // The HTML goes no further than our own tree, which has no place for anything dangerous.
    options.render.r#unsafe = true;
    options
});

/// Deeper emphasis and lists are read as their words only: whoever nests so deep means harm, and the stack is finite.
const DEPTH_MAX: usize = 100;

/// Reads Markdown that is within the limits of [`super::limits`]; `None` where the HTML in it is not.
pub(super) fn read(source: &str) -> Option<Document> {
    let arena = Arena::new();
    let root = parse_document(&arena, source, &OPTIONS);
    let has_html =
        root.descendants().any(|node| matches!(node.data().value, NodeValue::HtmlBlock(_) | NodeValue::HtmlInline(_)));
    if has_html {
        let mut out = String::with_capacity(source.len() * 5 / 4);
        // A `String` takes every write.
        let _ = format_html(root, &OPTIONS, &mut out);
        return limits::html_fits(&out).then(|| html::read(&out));
    }
    let mut reader = Reader { notes: Vec::new(), depth: 0 };
    let blocks = reader.blocks(root, false);
    Some(Document { blocks, notes: reader.notes })
}

struct Reader {
    notes: Vec<Vec<Block>>,
    depth: usize,
}

impl Reader {
    fn blocks<'a>(&mut self, parent: &'a AstNode<'a>, tight: bool) -> Vec<Block> {
        if self.depth >= DEPTH_MAX {
            return vec![Block::Words(vec![Inline::Text(words_below(parent))])];
        }
        self.depth += 1;
        let blocks = parent.children().filter_map(|node| self.block(node, tight)).collect();
        self.depth -= 1;
        blocks
    }

    fn block<'a>(&mut self, node: &'a AstNode<'a>, tight: bool) -> Option<Block> {
        let data = node.data();
        Some(match &data.value {
            NodeValue::Paragraph if tight => Block::Words(self.words(node)),
            NodeValue::Paragraph => Block::Paragraph(self.words(node)),
            NodeValue::Heading(heading) => {
                Block::Heading { level: heading.level, anchor: None, words: self.words(node) }
            }
            NodeValue::BlockQuote => Block::Quote(self.blocks(node, false)),
            NodeValue::List(list) => Block::List {
                start: (list.list_type == ListType::Ordered).then_some(list.start as u64),
                items: node.children().map(|child| self.item(child, list.tight)).collect(),
            },
            NodeValue::CodeBlock(code) => {
                let language = code.info.split([' ', ',', '{']).next().unwrap_or_default();
                Block::Code { language: html::language(language), text: code.literal.clone() }
            }
            NodeValue::ThematicBreak => Block::Rule,
            NodeValue::Table(_) => self.table(node),
            NodeValue::FootnoteDefinition(_) => {
                let note = self.blocks(node, false);
                self.notes.push(note);
                return None;
            }
            // Extensions that are switched off, HTML (which takes the other way), and parts of what stands above.
            _ => return None,
        })
    }

    fn item<'a>(&mut self, node: &'a AstNode<'a>, tight: bool) -> Item {
        let task = match &node.data().value {
            NodeValue::TaskItem(task) => Some(task.symbol.is_some()),
            _ => None,
        };
        Item { task, blocks: self.blocks(node, tight) }
    }

    fn table<'a>(&mut self, node: &'a AstNode<'a>) -> Block {
        let (mut head, mut rows) = (Vec::new(), Vec::new());
        for row in node.children() {
            let cells = row.children().map(|cell| self.words(cell)).collect();
            match &row.data().value {
                NodeValue::TableRow(true) => head = cells,
                _ => rows.push(cells),
            }
        }
        Block::Table { head, rows }
    }

    fn words<'a>(&mut self, parent: &'a AstNode<'a>) -> Vec<Inline> {
        let mut words = self.inlines(parent);
        trim(&mut words);
        words
    }

    fn inlines<'a>(&mut self, parent: &'a AstNode<'a>) -> Vec<Inline> {
        let mut out = Vec::new();
        if self.depth >= DEPTH_MAX {
            push_text(&mut out, &words_below(parent));
            return out;
        }
        self.depth += 1;
        parent.children().for_each(|node| self.inline(node, &mut out));
        self.depth -= 1;
        out
    }

    fn inline<'a>(&mut self, node: &'a AstNode<'a>, out: &mut Vec<Inline>) {
        let data = node.data();
        out.push(match &data.value {
            NodeValue::Text(text) => return push_text(out, text),
            // A newline inside a paragraph would be shown as a line break by Misskey and Pleroma.
            NodeValue::SoftBreak => return push_text(out, " "),
            NodeValue::LineBreak => Inline::Break,
            NodeValue::Code(code) => Inline::Code(code.literal.clone()),
            NodeValue::Emph => Inline::Styled(Style::Emphasis, self.inlines(node)),
            NodeValue::Strong => Inline::Styled(Style::Strong, self.inlines(node)),
            NodeValue::Strikethrough => Inline::Styled(Style::Deleted, self.inlines(node)),
            NodeValue::Highlight => Inline::Styled(Style::Marked, self.inlines(node)),
            NodeValue::SpoileredText => Inline::Spoiler(self.inlines(node)),
            NodeValue::Link(link) => Inline::link(link.url.clone(), self.inlines(node)),
            NodeValue::Image(link) => Inline::Picture { src: link.url.clone(), alt: text_of(&self.inlines(node)) },
            NodeValue::FootnoteReference(reference) => Inline::Footnote(reference.ix as usize),
            _ => return out.extend(self.inlines(node)),
        });
    }
}

/// All words under a node in one line.
fn words_below<'a>(node: &'a AstNode<'a>) -> String {
    let mut out = String::new();
    for node in node.descendants() {
        match &node.data().value {
            NodeValue::Text(text) => out.push_str(text),
            NodeValue::Code(code) => out.push_str(&code.literal),
            NodeValue::SoftBreak | NodeValue::LineBreak => out.push(' '),
            _ => {}
        }
    }
    out
}
