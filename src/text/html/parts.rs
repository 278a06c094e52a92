//! Elements of HTML with parts of their own: tables, figures, details.

use scraper::{ElementRef, Node};

use super::element::{nearest, push_collapsed};
use super::{Flow, Page, Reader};
use crate::text::spoiler;
use crate::text::tree::{Block, flatten, text_of};

impl Reader {
    pub(super) fn table(&mut self, table: ElementRef<'_>) -> Block {
        let (mut head, mut rows) = (Vec::new(), Vec::new());
        for row in table.descendent_elements().filter(|element| element.value().name() == "tr") {
            if nearest(row, "table") != Some(table) {
                continue;
            }
            let cells: Vec<ElementRef<'_>> =
                row.child_elements().filter(|cell| matches!(cell.value().name(), "td" | "th")).collect();
            let is_head = !cells.is_empty() && cells.iter().all(|cell| cell.value().name() == "th");
            let cells: Vec<_> = cells.into_iter().map(|cell| flatten(self.flow_deeper(cell, Flow::Words))).collect();
            if is_head && head.is_empty() && rows.is_empty() {
                head = cells;
            } else {
                rows.push(cells);
            }
        }
        let caption = table.child_elements().find(|element| element.value().name() == "caption");
        let table = Block::Table { head, rows };
        match caption {
            None => table,
            Some(caption) => Block::Figure { caption: self.words(caption), content: vec![table] },
        }
    }

    pub(super) fn figure(&mut self, figure: ElementRef<'_>) -> Block {
        let (mut content, mut caption) = (Page::new(Flow::Words), Vec::new());
        for child in figure.children() {
            if let Node::Text(text) = child.value() {
                push_collapsed(&mut content.words, text);
            } else if let Some(child) = ElementRef::wrap(child) {
                if child.value().name() == "figcaption" {
                    caption = self.words(child);
                } else {
                    self.element(child, &mut content);
                }
            }
        }
        content.end_paragraph();
        Block::Figure { content: content.blocks, caption }
    }

    pub(super) fn details(&mut self, details: ElementRef<'_>) -> Block {
        let (mut page, mut summary) = (Page::new(Flow::Paragraphs), Vec::new());
        for child in details.children() {
            if let Node::Text(text) = child.value() {
                push_collapsed(&mut page.words, text);
            } else if let Some(child) = ElementRef::wrap(child) {
                if child.value().name() == "summary" {
                    summary = self.words(child);
                } else {
                    self.element(child, &mut page);
                }
            }
        }
        page.end_paragraph();
        let title = text_of(&summary);
        if spoiler::is_marked(details.value()) || spoiler::is_announced(&title) {
            return Block::Spoiler {
                title: Some(title).filter(|title| !title.trim().is_empty()),
                content: page.blocks,
            };
        }
        Block::Details { summary, content: page.blocks }
    }
}
